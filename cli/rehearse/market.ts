import { randomBetween, shuffled } from '../../core/rng.js';
import type { Rng } from '../../core/time.js';
import { inOrder, type PlannedAct } from './plan.js';

/** From the end of a node's notice until its slot may be hit again: its successor should serve by then. */
const REST_MS = 12_000;

/**
 * The default scenario: a spot market on a bad day. Single interruptions, one pair at the same moment (in real pools
 * most interruptions come in company), and one rebalance recommendation, which often comes to nothing. Written for a
 * notice of 20 s, and stretched for longer ones.
 */
export function marketPlan(nodes: number, noticeMs: number, announced: boolean, rng: Rng): PlannedAct[] {
  const stretch = Math.max(1, noticeMs / 20_000);
  const at = (seconds: number): number => Math.round(stretch * 1_000 * (seconds + randomBetween(rng, 0, 2)));
  const busyUntil = new Map<number, number>();
  const take = (atMs: number, count: number): number[] => {
    const free = shuffled(
      rng,
      Array.from({ length: nodes }, (_, slot) => slot).filter((slot) => (busyUntil.get(slot) ?? 0) <= atMs),
    ).slice(0, count);
    for (const slot of free) busyUntil.set(slot, atMs + noticeMs + REST_MS);
    return free.sort((a, b) => a - b);
  };
  const acts: PlannedAct[] = [];
  // A pair is at most half of the nodes: with everything gone at once there would be nobody to serve.
  const waves: readonly (readonly [second: number, count: number])[] = [
    [3, 1],
    [11, nodes >= 4 ? 2 : 1],
    [26, 1],
  ];
  for (const [second, count] of waves) {
    const atMs = at(second);
    const slots = take(atMs, count);
    if (slots.length > 0) acts.push({ atMs, act: { type: 'interrupt', slots, announced } });
  }
  const atMs = at(17);
  const slots = take(atMs, 1);
  if (slots.length > 0) acts.push({ atMs, act: { type: 'rebalance', slots } });
  return inOrder(acts);
}
