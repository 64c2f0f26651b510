/** Gossip that is parted for much longer than patience lasts, while every node reaches EC2. */
import { expect, it } from 'vitest';
import type { Plan, PlannedEvent } from './plan.js';
import { World } from './world.js';

const LONG_MS = 900_000;

/** Two to seven nodes, parts of any size, and none, one or two nodes that EC2 takes meanwhile. */
function planOf(seed: number): Plan {
  const take = (atMs: number, noticeMs: number, announced: boolean): PlannedEvent => ({
    ...{ atMs, noticeMs, announced },
    type: 'interrupt',
    count: 1,
  });
  const losses = [
    take(200_000 + (seed % 11) * 20_000, seed % 2 === 1 ? 20_000 : 120_000, seed % 5 > 0),
    take(560_000, 20_000, true),
  ];
  return {
    nodes: 2 + (seed % 6),
    events: [
      { atMs: 30_000, type: 'partition', share: 0.2 + 0.1 * (seed % 7), forMs: LONG_MS },
      ...losses.slice(0, seed % 3),
    ],
    onDemandAfter: null,
    rebalance: 'ignore',
    failedAttemptUsesToken: false,
    endedToken: 'error',
    describeLagMs: (seed % 4) * 2_000,
    launchDelayMs: 3_000,
    ...{ loss: 0, duplicate: 0, slow: 0, throttle: 0, lostReply: 0, lostCall: 0 },
    stormMs: 30_000 + LONG_MS,
  };
}

// Most of them found that it wasn't so: forgotten members, a leaving node that counted as heard, parts that changed sides, a tag that
// another call emptied.
it.each([7, 58, 106, 298])('a long partition launches what EC2 takes, once, and nothing else, seed %i', (seed) => {
  const plan = planOf(seed);
  const world = new World(seed, { plan, trace: true });
  const { launched } = world.run();
  const taken = new Set(world.trace.flatMap((line) => line.match(/ec2 (\w+) reclaimed/)?.[1] ?? []));
  expect(launched).toBe(plan.nodes + taken.size);
  expect(taken.size).toBe(seed % 3);
});
