/** What one execution of a rehearsal's task writes down about itself, in a file of its own. */
export interface WitnessLine {
  readonly task: string;
  readonly startedMs: number;
  /** Of the last step. */
  readonly atMs: number;
  /** Step at which it began: 0, or what the checkpoint said. */
  readonly from: number;
  /** Last step that it has done. */
  readonly step: number;
  /** `torn`: the checkpoint that it was given didn't fit together. */
  readonly state: 'running' | 'done' | 'torn';
}

/** Every line has this length, so that each overwrites the one before whole. */
const LENGTH = 240;

export const witnessText = (line: WitnessLine): string => `${JSON.stringify(line).padEnd(LENGTH - 1)}\n`;

/** Null of anything else, such as a file that nothing was written to yet. */
export function parseWitness(text: string): WitnessLine | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const { task, startedMs, atMs, from, step, state } = (value ?? {}) as Record<string, unknown>;
  if (typeof task !== 'string' || (state !== 'running' && state !== 'done' && state !== 'torn')) return null;
  if (![startedMs, atMs, from, step].every(Number.isFinite)) return null;
  return value as WitnessLine;
}
