import { chance, randomBetween } from '../../core/rng.js';
import type { Rng } from '../../core/time.js';

/** How unkind the network is to datagrams. All 0: perfect. */
export interface NetworkFaults {
  /** Probability that a datagram is lost. */
  readonly lossRate: number;
  /** Probability that it arrives twice. */
  readonly duplicateRate: number;
  /** Probability that it is held back by `reorderMs` more, so that later ones overtake it. */
  readonly reorderRate: number;
  readonly reorderMs: number;
  /** One-way delay, uniform between the two, in ms. */
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

export const PERFECT_NETWORK: NetworkFaults = {
  lossRate: 0,
  duplicateRate: 0,
  reorderRate: 0,
  reorderMs: 50,
  minDelayMs: 0,
  maxDelayMs: 0,
};

/**
 * When the copies of one datagram arrive, in ms from now; empty when it is lost. Each copy draws its own delay. Always
 * draws the same number of random values for a copy, so that turning one fault on doesn't shift the others.
 */
export function deliveries(faults: NetworkFaults, rng: Rng): number[] {
  const lost = chance(rng, faults.lossRate);
  const twice = chance(rng, faults.duplicateRate);
  const delays = [delayOf(faults, rng), delayOf(faults, rng)];
  if (lost) return [];
  return twice ? delays : delays.slice(0, 1);
}

function delayOf(faults: NetworkFaults, rng: Rng): number {
  const base = randomBetween(rng, faults.minDelayMs, faults.maxDelayMs);
  const late = chance(rng, faults.reorderRate);
  return late ? base + faults.reorderMs : base;
}
