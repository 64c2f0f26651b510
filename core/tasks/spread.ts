/**
 * Whose turn a task is: rendezvous hashing, as in core/seats, but over thousands of tasks at each look, so that only whole
 * numbers are mixed and only this node's own rank is worked out.
 */
import { hash32 } from '../rng.js';

export interface Ranked {
  readonly id: string;
  readonly hash: number;
}

export const ranked = (ids: readonly string[]): readonly Ranked[] => ids.map((id) => ({ id, hash: hash32(id) }));

/** 0: it is `self`'s turn; 1: it is the deputy. `others` may hold `self`. */
export function rankOf(task: string, self: Ranked, others: readonly Ranked[]): number {
  const hash = hash32(task);
  const own = mixed(hash, self.hash);
  let before = 0;
  for (const other of others) {
    const weight = mixed(hash, other.hash);
    if (weight > own || (weight === own && other.id < self.id)) before++;
  }
  return before;
}

/** Whose turn it is among all of them. */
export function turnOf(task: string, all: readonly Ranked[]): string | null {
  const hash = hash32(task);
  let best: Ranked | null = null;
  let most = -1;
  for (const one of all) {
    const weight = mixed(hash, one.hash);
    if (weight > most || (weight === most && best !== null && one.id < best.id)) [best, most] = [one, weight];
  }
  return best?.id ?? null;
}

/** The finalizer of MurmurHash3 over both. */
function mixed(a: number, b: number): number {
  let h = a ^ Math.imul(b, 0x9e3779b1);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}
