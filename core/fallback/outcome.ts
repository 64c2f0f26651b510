import type { CloudError, CloudErrorKind } from '../cloud.js';
import type { Done } from './carry-out.js';

/** What is to be said and done about an errand's end. */
export interface Assessment {
  /** Something took effect. */
  readonly acted: boolean;
  readonly launched: number;
  readonly unfilled: number;
  /** The event must come again: an error that may pass, or that must be seen by somebody (it ends as a dead letter). */
  readonly again: CloudError | null;
  readonly classes: Readonly<Record<ErrorClass, number>>;
}

/** Classes of errors, as metrics count them. */
export type ErrorClass = 'capacity' | 'quota' | 'throttle' | 'configuration' | 'other';

export const ERROR_CLASSES: readonly ErrorClass[] = ['capacity', 'quota', 'throttle', 'configuration', 'other'];

export function classOf(kind: CloudErrorKind): ErrorClass {
  switch (kind) {
    case 'capacity':
    case 'quota':
    case 'throttle':
    case 'configuration':
      return kind;
    case 'mismatch':
    case 'ended':
    case 'conflict':
    case 'not-found':
    case 'unknown':
      return 'other';
  }
}

const OUT_OF_TIME: CloudError = { kind: 'unknown', code: 'OutOfTime', message: 'The seat was not filled in time.' };

export function assess({ carriedOut, failures, filled }: Pick<Done, 'carriedOut' | 'failures' | 'filled'>): Assessment {
  const launched = filled.filter(({ instanceId }) => instanceId !== null).length;
  const classes = { capacity: 0, quota: 0, throttle: 0, configuration: 0, other: 0 };
  let again: CloudError | null = null;
  for (const { op, error } of failures) {
    classes[classOf(error.kind)]++;
    // The others are tried again by the sweep, or by nobody: they aren't worth a dead letter.
    if (op === 'deregisterTarget') again ??= error;
  }
  for (const { instanceId, error, optional } of filled) {
    if (instanceId !== null) continue;
    if (error !== null) classes[classOf(error.kind)]++;
    // A drought isn't mended by repeating: the sweep goes on with it.
    if (!optional && error?.kind !== 'capacity' && error?.kind !== 'quota') again ??= error ?? OUT_OF_TIME;
  }
  return { acted: carriedOut + launched > 0, launched, unfilled: filled.length - launched, again, classes };
}
