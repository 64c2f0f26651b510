import { randomBetween } from '../rng.js';
import type { Rng } from '../time.js';

/**
 * Rungs: the attempts to fill one seat, in order. A cycle is `onDemandAfter` spot attempts and one on-demand attempt,
 * over and over; without a fallback every rung is spot. The market of a rung follows from the spec alone, so every
 * caller agrees on it.
 */
export type Market = 'spot' | 'on-demand';

/** `onDemandAfter`: as in the spec; null means spot only. */
export function marketOf(rung: number, onDemandAfter: number | null): Market {
  if (onDemandAfter === null) return 'spot';
  return rung % (onDemandAfter + 1) === onDemandAfter ? 'on-demand' : 'spot';
}

/** The next rung; after a spot quota error the next one that isn't spot, since a quota doesn't clear by itself. */
export function nextRung(rung: number, onDemandAfter: number | null, failedOf: 'capacity' | 'quota'): number {
  if (failedOf === 'capacity' || onDemandAfter === null) return rung + 1;
  if (marketOf(rung, onDemandAfter) === 'on-demand') return rung + 1;
  const cycle = onDemandAfter + 1;
  return rung - (rung % cycle) + onDemandAfter;
}

/** First pause after a failed attempt. Raising it delays the on-demand fallback by as much. */
export const FIRST_PAUSE_MS = 500;
/** Longest pause. Raising it saves calls in a long drought, and finds returning capacity later. */
export const LONGEST_PAUSE_MS = 120_000;

/**
 * Jittered exponential back-off ("equal jitter": half fixed, half random), doubling with every attempt.
 * @param attempt 0 for the pause after the first failure
 */
export function backoffMs(attempt: number, rng: Rng, firstMs = FIRST_PAUSE_MS, longestMs = LONGEST_PAUSE_MS): number {
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(randomBetween(rng, full / 2, full));
}

/** Orders positions of a slot: generation first, then rung. */
export function comparePositions(
  a: { readonly generation: number; readonly rung: number },
  b: { readonly generation: number; readonly rung: number },
): number {
  return a.generation - b.generation || a.rung - b.rung;
}
