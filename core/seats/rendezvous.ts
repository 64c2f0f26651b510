import { hash32 } from '../rng.js';

/**
 * Rendezvous hashing (Thaler and Ravishankar, 1998): every node ranks the same members alike for a key, with no
 * coordination; when one goes, only what it had moves. Ties break by id.
 */
export function rendezvousOrder(key: string, ids: readonly string[]): string[] {
  return ids
    .map((id) => ({ id, weight: hash32(`${key}|${id}`) }))
    .sort((a, b) => b.weight - a.weight || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id);
}

/** 0 for the chosen one, 1 for its deputy, and so on; -1 when it isn't among them. */
export function rendezvousRank(key: string, ids: readonly string[], id: string): number {
  return rendezvousOrder(key, ids).indexOf(id);
}
