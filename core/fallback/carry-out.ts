/** Carries out what a judgement named, in an order that is safe to break off anywhere. */
import type { CloudError } from '../cloud.js';
import type { Launcher } from '../seats/launch-record.js';
import type { Spec } from '../spec/spec.js';
import type { Context, MonoMs } from '../time.js';
import type { Act } from './act.js';
import { type FillAct, type Filled, fillSeats } from './fill.js';
import { targetGroups } from './look.js';
import type { AnyCall } from './port.js';
import { callAll, type Script } from './script.js';

export interface Means {
  /** No call is begun after this. */
  readonly untilMs: MonoMs;
  /** As in `FillOptions`. */
  readonly mendMs: number;
  /** As in `FillOptions`. */
  readonly launcher?: Launcher;
  /** Document that tells an agent to drain; null: there is none. */
  readonly drainDocument: string | null;
}

export interface Failure {
  readonly op: AnyCall['op'];
  readonly error: CloudError;
}

export interface Done {
  /** Calls that took effect, fills excepted. */
  readonly carriedOut: number;
  readonly failures: readonly Failure[];
  readonly filled: readonly Filled[];
  readonly ctx: Context;
}

/** Out of the load balancer first, then everything else, then the seats, which may take long. */
export function* carryOut(acts: readonly Act[], spec: Spec, means: Means, start: Context): Script<Done> {
  const failures: Failure[] = [];
  let carriedOut = 0;
  let ctx = start;
  const others = acts.filter((act) => act.type !== 'fill');
  for (const round of [
    others.filter(({ type }) => type === 'deregister'),
    others.filter(({ type }) => type !== 'deregister'),
  ]) {
    const { answers, ctx: then } = yield* callAll(
      round.flatMap((act) => callsOf(act, spec, means)),
      ctx,
    );
    ctx = then;
    for (const { call, outcome } of answers) {
      // What isn't there needs no removal.
      if (outcome.ok || (outcome.error.kind === 'not-found' && REMOVALS.has(call.op))) carriedOut++;
      else failures.push({ op: call.op, error: outcome.error });
    }
  }
  const fills = acts.filter((act): act is FillAct => act.type === 'fill');
  const { filled, ctx: last } = yield* fillSeats(fills, spec, means, ctx);
  return { carriedOut, failures, filled, ctx: last };
}

const REMOVALS: ReadonlySet<AnyCall['op']> = new Set(['deregisterTarget', 'deleteOrphan', 'terminate']);

function callsOf(act: Exclude<Act, { readonly type: 'fill' }>, spec: Spec, means: Means): readonly AnyCall[] {
  switch (act.type) {
    case 'deregister':
      return targetGroups(spec).map((group) => ({ op: 'deregisterTarget', instanceId: act.instanceId, ...group }));
    case 'drain':
      if (means.drainDocument === null) return [];
      return [{ op: 'sendDrain', document: means.drainDocument, instanceId: act.instanceId }];
    case 'end':
      return [{ op: 'terminate', instanceId: act.instanceId }];
    case 'delete-orphan':
      return [{ op: 'deleteOrphan', kind: act.orphan.kind, id: act.orphan.id }];
    case 'report':
      return [{ op: 'putObject', bucket: spec.bucket, key: act.key, body: act.body }];
  }
}
