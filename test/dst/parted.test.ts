/** Gossip that is parted for much longer than patience lasts, while every node reaches EC2. */
import { describe, expect, it } from 'vitest';
import type { Plan, PlannedEvent } from './plan.js';
import { World } from './world.js';

const LONG_MS = 900_000;

/** Fair weather, and what is said. */
const planWith = (nodes: number, events: readonly PlannedEvent[]): Plan => ({
  nodes,
  events,
  onDemandAfter: null,
  rebalance: 'ignore',
  failedAttemptUsesToken: false,
  endedToken: 'error',
  describeLagMs: 2_000,
  launchDelayMs: 3_000,
  ...{ loss: 0, duplicate: 0, slow: 0, throttle: 0, lostReply: 0, lostCall: 0 },
  stormMs: 30_000 + LONG_MS,
});

const parted = (share: number): PlannedEvent => ({ atMs: 30_000, type: 'partition', share, forMs: LONG_MS });

describe('a long partition', () => {
  it.each([3, 4, 7])('launches nothing, whatever its parts, seed %i', (seed) => {
    const nodes = 2 + (seed % 5);
    const world = new World(seed, { plan: planWith(nodes, [parted(0.5)]) });
    expect(world.run().launched).toBe(nodes);
  });

  it.each([11])('still replaces what EC2 takes, seed %i', (seed) => {
    const taken: PlannedEvent = { atMs: 400_000, type: 'interrupt', count: 1, noticeMs: 20_000, announced: true };
    const world = new World(seed, { plan: planWith(5, [parted(0.5), taken]) });
    expect(world.run().launched).toBeGreaterThan(5);
  });
});
