import { hash32 } from '../rng.js';

/** Digests of data that a node tells of; the ones used last. Bounds its record in the gossip. */
export const MAX_WARM = 8;

/** What a place of data is called in gossip: short, and a mistaken match only costs a download. */
export const warmDigest = (url: string): string => hash32(url).toString(36);

/** How much of a task's data is there, 0 to 1; 1 when it needs none. */
export function warmShare(data: readonly string[], warm: readonly string[]): number {
  if (data.length === 0) return 1;
  return data.filter((url) => warm.includes(warmDigest(url))).length / data.length;
}

/** The list after a task with that data has started: newest first. */
export function warmed(warm: readonly string[], data: readonly string[]): readonly string[] {
  const fresh = [...new Set(data.map(warmDigest))];
  return [...fresh, ...warm.filter((digest) => !fresh.includes(digest))].slice(0, MAX_WARM);
}
