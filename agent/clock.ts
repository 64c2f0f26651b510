import { seededRng } from '../core/rng.js';
import { type Context, monoMs, wallMs } from '../core/time.js';

/** The host's clocks and its randomness: the one place where the agent reads them. */
export function createClock(seed: string): () => Context {
  const rng = seededRng(seed);
  return () => ({ nowMs: monoMs(Math.floor(performance.now())), wallMs: wallMs(Date.now()), rng });
}
