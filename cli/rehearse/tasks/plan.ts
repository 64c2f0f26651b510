import { randomBetween, shuffled } from '../../../core/rng.js';
import type { Rng } from '../../../core/time.js';
import { type Act, inOrder, type PlannedAct } from '../plan.js';

/** From the end of a node's notice until its slot may be hit again: its successor should work by then. */
const REST_MS = 10_000;
/** Between two acts, on average. */
const EVERY_MS = 7_000;
const FIRST_MS = 3_000;

/** Every other one is an interruption with a notice, as in real life; a pair comes in company. */
const WAVES = ['interrupt', 'pause', 'interrupt-pair', 'kill', 'interrupt', 'interrupt-pair'] as const;

/**
 * The default scenario of tasks: interruptions for as long as there should be tasks, with a sudden death and a node that
 * stands still past its leases now and then.
 *
 * @param forMs how long the tasks should take
 */
export function tasksPlan(
  nodes: number,
  noticeMs: number,
  announced: boolean,
  leaseMs: number,
  forMs: number,
  rng: Rng,
): PlannedAct[] {
  const busyUntil = new Map<number, number>();
  const take = (atMs: number, count: number, forMs: number): number[] => {
    const slots = Array.from({ length: nodes }, (_, slot) => slot);
    const free = shuffled(
      rng,
      slots.filter((slot) => (busyUntil.get(slot) ?? 0) <= atMs),
    ).slice(0, count);
    for (const slot of free) busyUntil.set(slot, atMs + forMs + REST_MS);
    return free.sort((a, b) => a - b);
  };
  const acts: PlannedAct[] = [];
  // Twice the lease: it has run out, and the node's tasks run elsewhere when it goes on.
  const pauseMs = 2 * leaseMs;
  let atMs = FIRST_MS;
  for (let n = 0; atMs < forMs; n++) {
    const wave = WAVES[n % WAVES.length] ?? 'interrupt';
    const pair = wave === 'interrupt-pair' && nodes >= 4;
    const slots = take(Math.round(atMs), pair ? 2 : 1, wave === 'pause' ? pauseMs : noticeMs);
    if (slots.length > 0) acts.push({ atMs: Math.round(atMs), act: actOf(wave, slots, announced, pauseMs) });
    atMs += randomBetween(rng, 0.7, 1.3) * EVERY_MS;
  }
  return inOrder(acts);
}

function actOf(wave: (typeof WAVES)[number], slots: readonly number[], announced: boolean, pauseMs: number): Act {
  switch (wave) {
    case 'kill':
      return { type: 'kill', slots };
    case 'pause':
      return { type: 'pause', slots, lastsMs: pauseMs };
    case 'interrupt':
    case 'interrupt-pair':
      return { type: 'interrupt', slots, announced };
  }
}

/** From a claim to the next one on the same place: start, archive, next claim. */
const BETWEEN_MS = 1_500;

/** How long tasks should take on so many places if nothing comes in between. */
export const estimateMs = (tasks: number, places: number, lengthMs: number): number =>
  Math.ceil(tasks / Math.max(1, places)) * (lengthMs + BETWEEN_MS);
