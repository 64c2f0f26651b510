/**
 * Local health awareness (Lifeguard, DSN 2018, section IV-A; memberlist awareness.go): a node that misses answers, or
 * has to refute suspicions, may be the slow one itself. It then waits longer before it blames others.
 */
export interface Awareness {
  /** 0 (healthy) to max - 1. */
  score: number;
  readonly max: number;
}

export const createAwareness = (max: number): Awareness => ({ score: 0, max });

/** Worse with positive, better with negative `delta`. */
export function adjust(awareness: Awareness, delta: number): void {
  awareness.score = Math.min(awareness.max - 1, Math.max(0, awareness.score + delta));
}

/** Times of probes grow linearly with the score. */
export const scaled = (awareness: Awareness, durationMs: number): number => durationMs * (awareness.score + 1);
