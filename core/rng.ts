import type { Rng } from './time.js';

/**
 * Seeded randomness for decisions, the simulator and the fault schedules.
 *
 * The generator is sfc32 (Chris Doty-Humphrey's PractRand, public domain design): 128 bits of state, fast in 32-bit
 * integer arithmetic, and the same on every machine.
 */
export function seededRng(seed: number | string): Rng {
  let [a, b, c] = [hash32(`a${seed}`), hash32(`b${seed}`), hash32(`c${seed}`)];
  let counter = 1;
  const next = (): number => {
    const t = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4_294_967_296;
  };
  for (let i = 0; i < 15; i++) next();
  return { next };
}

/** A generator of its own, drawn from `rng`: what one part draws doesn't shift what another draws. */
export function forkRng(rng: Rng, label: string): Rng {
  return seededRng(`${label}:${Math.floor(rng.next() * 2 ** 32)}`);
}

/** A whole number from 0 up to, not including, `bound`. */
export function randomInt(rng: Rng, bound: number): number {
  return Math.floor(rng.next() * bound);
}

/** A number between `low` and `high`. */
export function randomBetween(rng: Rng, low: number, high: number): number {
  return low + rng.next() * (high - low);
}

/** True with probability `p`. */
export function chance(rng: Rng, p: number): boolean {
  return rng.next() < p;
}

/** One element; undefined of an empty list. */
export function pick<T>(rng: Rng, items: readonly T[]): T | undefined {
  return items[randomInt(rng, items.length)];
}

/** A shuffled copy (Fisher-Yates). */
export function shuffled<T>(rng: Rng, items: readonly T[]): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = randomInt(rng, i + 1);
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}

/**
 * 32-bit FNV-1a with a final avalanche (the finalizer of MurmurHash3), so that keys that differ in one digit spread.
 * For rendezvous hashing and seeds; not for secrets.
 */
export function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    h ^= text.charCodeAt(i);
    h = Math.imul(h, 0x01000193);
  }
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}
