/**
 * Two kinds of time that must not be mixed, and what a decision is given besides its state and its event.
 *
 * Monotonic time only grows and means nothing outside its process: gossip and time-outs use it. Wall time is what AWS
 * writes into a notice and what nodes tell each other. All times and durations are whole milliseconds.
 */

declare const monotonic: unique symbol;
declare const wall: unique symbol;

/** Milliseconds on this process's monotonic clock. */
export type MonoMs = number & { readonly [monotonic]: true };

/** Milliseconds since the Unix epoch. */
export type WallMs = number & { readonly [wall]: true };

/** A source of randomness: uniform in [0, 1). */
export interface Rng {
  next(): number;
}

/** What a decision is given besides its state and its event. */
export interface Context {
  readonly nowMs: MonoMs;
  readonly wallMs: WallMs;
  readonly rng: Rng;
}

/** "Never": later than every deadline. */
export const NEVER = Number.POSITIVE_INFINITY as MonoMs;

export const monoMs = (ms: number): MonoMs => ms as MonoMs;

export const wallMs = (ms: number): WallMs => ms as WallMs;

/** The moment `durationMs` after `from`, of the same kind of time. */
export function after<T extends MonoMs | WallMs>(from: T, durationMs: number): T {
  return (from + durationMs) as T;
}

/** The earlier of some moments; {@link NEVER} when there are none. */
export function earliest(...times: readonly MonoMs[]): MonoMs {
  let first = NEVER;
  for (const time of times) if (time < first) first = time;
  return first;
}
