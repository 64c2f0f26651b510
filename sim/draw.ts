import type { Rng } from '../core/time.js';

/**
 * Draws from distributions, rounded so that the last bits of a machine's `Math.log` or `Math.exp` don't show in results.
 */
const DIGITS = 1e9;

export const rounded = (x: number): number => Math.round(x * DIGITS) / DIGITS;

/** Exponential with mean 1. */
export function drawExponential(rng: Rng): number {
  return rounded(-Math.log(1 - rng.next()));
}

/** Standard normal, by G. Marsaglia's polar method (SIAM Review 6, 1964): needs a logarithm and a root only. */
export function drawNormal(rng: Rng): number {
  for (let tries = 0; tries < 1000; tries++) {
    const x = 2 * rng.next() - 1;
    const y = 2 * rng.next() - 1;
    const s = x * x + y * y;
    if (s > 0 && s < 1) return rounded(x * Math.sqrt((-2 * Math.log(s)) / s));
  }
  throw new Error('the random generator is stuck');
}
