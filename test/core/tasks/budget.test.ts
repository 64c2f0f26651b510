import { describe, expect, it } from 'vitest';
import type { TaskPlan } from '../../dst/tasks/plan.js';
import { TaskWorld } from '../../dst/tasks/world.js';

const MINUTE = 60_000;

/** Agents at the pace of a real cluster, over a model of S3 without faults. */
const calm = (nodes: number, tasks: number, workMs: (i: number) => number): TaskPlan => ({
  ...{ nodes, memoryMiB: 4_000, maxTasks: 4, leaseMs: MINUTE, preset: 'lan' },
  tasks: Array.from({ length: tasks }, (_, i) => ({
    ...{ atMs: 10_000, id: `t-${i}`, memoryMiB: 500, priority: i % 10, retries: 0, intervalMs: null },
    ...{ checkpoints: false, notify: 'none', stopGraceMs: 1_000 },
    behaviour: { workMs: workMs(i), markMs: 0, exit: 0, deadly: false, graceful: true },
  })),
  ...{ lostReply: 0, lostCall: 0, throttle: 0, slow: 0, slowMs: 1_000, lostNote: 0, uploadMs: 50, uploadFails: 0 },
  ...{ events: [], stormMs: 30 * MINUTE },
});

const requests = (world: TaskWorld): number => [...world.s3.requests.values()].reduce((sum, n) => sum + n, 0);

describe('requests to S3', () => {
  const works: readonly (readonly [what: string, workMs: (i: number) => number])[] = [
    ['of a second', () => 1_000],
    ['of 1 to 20 s', (i) => 1_000 + (i % 20) * 1_000],
  ];
  it.each(works)('1,000 tasks %s over 20 agents take at most 4 a task', (_, workMs) => {
    const world = new TaskWorld(1, { plan: calm(20, 1_000, workMs) });
    world.begin();
    for (let i = 0; i < 300 && world.checkers.completed.size < 1_000; i++) world.runUntil(world.queue.nowMs + 2_000);
    const claimed = requests(world);
    const lists = world.s3.requests.get('list') ?? 0;
    // The clearing away counts too, but not that the agents, idle by now, look for more.
    world.runUntil(world.queue.nowMs + 3 * MINUTE);
    const cleared = requests(world) - claimed - ((world.s3.requests.get('list') ?? 0) - lists);
    const all = claimed + cleared;
    expect(world.checkers.settled()).toBe(true);
    expect(all / 1_000).toBeLessThanOrEqual(4);
  });

  it.each([1, 20])('of %i idle agents are at most 2 a minute each', (nodes) => {
    const world = new TaskWorld(1, { plan: calm(nodes, 0, () => 0) });
    world.begin();
    world.runUntil(5 * MINUTE);
    const before = requests(world);
    world.runUntil(65 * MINUTE);
    const rate = (requests(world) - before) / 60 / nodes;
    expect(rate).toBeLessThanOrEqual(2);
    expect(rate).toBeGreaterThan(1);
  });
});
