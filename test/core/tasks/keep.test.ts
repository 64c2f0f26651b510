import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../core/rng.js';
import { couldHold, fitsBeside, keepsRoom } from '../../../core/tasks/keep.js';
import { WORKER_TIMINGS } from '../../../core/tasks/timings.js';
import { createWorker } from '../../../core/tasks/worker.js';
import { monoMs, wallMs } from '../../../core/time.js';
import type { PlannedTask, TaskPlan } from '../../dst/tasks/plan.js';
import { TaskWorld } from '../../dst/tasks/world.js';
import { SPEC } from './samples.js';

const { keepMs, queueAgeMs } = WORKER_TIMINGS.local;
const STREAM_MS = 90_000;
const LARGE_AT_MS = 8_000;

const taskOf = (id: string, atMs: number, memoryMiB: number, workMs: number): PlannedTask => ({
  ...{ atMs, id, memoryMiB, priority: 5, retries: 0, intervalMs: null, checkpoints: false, notify: 'none' },
  ...{ stopGraceMs: 0, behaviour: { workMs, markMs: 0, exit: 0, deadly: false, graceful: true } },
});

/** Small tasks without end, one and a half times as many as the nodes can do, and a large one among them. */
function planOf(nodes: number, smallMs: number, largeMiB: number): TaskPlan {
  const everyMs = smallMs / (nodes * 4 * 1.5);
  const small = Array.from({ length: Math.floor(STREAM_MS / everyMs) }, (_, i) =>
    taskOf(`small-${i}`, Math.floor(i * everyMs), 1_000, smallMs),
  );
  return {
    ...{ nodes, memoryMiB: 4_000, maxTasks: 4, leaseMs: 5_000, preset: 'local', stormMs: STREAM_MS },
    tasks: [...small, taskOf('large', LARGE_AT_MS, largeMiB, 1_000)],
    ...{ lostReply: 0, lostCall: 0, throttle: 0, slow: 0, slowMs: 1_000, lostNote: 0, uploadMs: 50, uploadFails: 0 },
    events: [],
  };
}

/** How long the large one waits; null: until the end of the stream and longer. */
function waitMs(seed: number, plan: TaskPlan): number | null {
  let startedMs: number | null = null;
  const world: TaskWorld = new TaskWorld(seed, {
    plan,
    tamper: (_, effect) => {
      if (effect.type === 'run-task' && effect.spec.id === 'large') startedMs ??= world.queue.nowMs;
      return [effect];
    },
  });
  world.begin();
  world.runUntil(STREAM_MS);
  return startedMs === null ? null : startedMs - LARGE_AT_MS;
}

describe('a large task in an endless stream of small ones', () => {
  it('is started within a bound', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(
        fc.nat(1_000_000),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 2_000, max: 6_000 }),
        fc.constantFrom(2_000, 3_000, 4_000),
        (seed, nodes, smallMs, largeMiB) => {
          // It is first when what was there before it has begun; then it stands so long; then the node empties.
          const aheadMs = LARGE_AT_MS;
          const boundMs = aheadMs + keepMs + 2 * queueAgeMs + 2 * smallMs;
          expect(waitMs(seed, planOf(nodes, smallMs, largeMiB)) ?? Number.POSITIVE_INFINITY).toBeLessThan(boundMs);
        },
      ),
      { numRuns: 10 },
    );
  });

  it('that no node can ever hold stops nobody', () => {
    const world = new TaskWorld(1, { plan: planOf(2, 3_000, 5_000) });
    world.begin();
    world.runUntil(STREAM_MS);
    // All that 8 places can do, but for what it takes to find them.
    expect(world.checkers.completed.size).toBeGreaterThan(0.8 * ((8 * STREAM_MS) / 3_000));
  });
});

describe('room is kept', () => {
  it('by the one whose turn it is first, by few others much later', () => {
    const keepers = (forMs: number): number =>
      Array.from({ length: 100 }, (_, rank) => rank).filter((rank) => keepsRoom(rank, forMs, 300_000)).length;
    expect([0, 299_999, 300_000, 600_000, 3_600_000, 36_000_000].map(keepers)).toEqual([0, 0, 1, 2, 4, 7]);
  });

  it('only where the task fits once the node is empty, and may then be started', () => {
    const workload = {
      ...{ name: 'tasks', kind: 'tasks' as const, port: null, environment: {}, health: null, inFlightPath: null },
      ...{ targetGroupArns: [], stopGraceMs: 5_000, memoryMiB: 4_000, gpuMemoryMiB: 0, maxTasks: 2, leaseMs: 60_000 },
    };
    const identity = { id: 'i-1', instanceType: 'm7g.large', zone: 'us-east-1a', lifecycle: 'spot' as const };
    const ctx = { nowMs: monoMs(0), wallMs: wallMs(0), rng: seededRng(1) };
    const room = { memoryMiB: 4_000, gpuMemoryMiB: 0 };
    const options = { identity, workload, room, writer: 'i-1', preset: 'lan' as const };
    const needs = (memoryMiB: number) => ({ ...SPEC, memoryMiB, gpuMemoryMiB: 0 });
    expect(couldHold(createWorker(options, ctx), needs(4_000), [])).toBe(true);
    expect(couldHold(createWorker(options, ctx), needs(4_001), [])).toBe(false);
    const unsafe = createWorker({ ...options, admit: () => 'unsafe' }, ctx);
    expect(couldHold(unsafe, needs(4_000), [])).toBe(false);
  });

  it('of what the task needs, and of nothing else', () => {
    const gpu = { ...SPEC, memoryMiB: 1_000, gpuMemoryMiB: 16_000 };
    const free = { memoryMiB: 4_000, gpuMemoryMiB: 8_000, slots: 3 };
    expect(fitsBeside({ ...SPEC, memoryMiB: 3_000, gpuMemoryMiB: 0 }, free, gpu)).toBe(true);
    expect(fitsBeside({ ...SPEC, memoryMiB: 3_001, gpuMemoryMiB: 0 }, free, gpu)).toBe(false);
    expect(fitsBeside({ ...SPEC, memoryMiB: 500, gpuMemoryMiB: 1 }, free, gpu)).toBe(false);
    expect(fitsBeside({ ...SPEC, memoryMiB: 500, gpuMemoryMiB: 0 }, { ...free, slots: 1 }, gpu)).toBe(false);
  });
});
