import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { greedySpot, onDemandOnly, type TaskPolicy } from '../../core/policy/task.js';
import type { Lane, Market } from '../../sim/market/market.js';
import { type EngineOptions, runTasks } from '../../sim/tasks/engine.js';
import { FitTree } from '../../sim/tasks/fit-tree.js';
import { EventHeap } from '../../sim/tasks/heap.js';
import type { Workload } from '../../sim/tasks/workload.js';

const HOUR = 3_600_000;
const MINUTE = 60_000;

/** One pool whose instances are interrupted at given times, by lane. */
function market(times: readonly (readonly number[])[]): Market {
  const lane = (index: number): Lane => ({
    interruptionAfter: (ms) => times[index]?.find((at) => at > ms) ?? Number.POSITIVE_INFINITY,
  });
  const pool = {
    name: 'p',
    zone: 'z',
    onDemandUsdPerHour: 1,
    priceAt: () => 0.3,
    spend: (from: number, to: number) => ((to - from) / HOUR) * 0.3,
    hazardAt: () => null,
    classes: 1,
    lanes: Number.POSITIVE_INFINITY,
    isUp: () => true,
    nextRise: () => Number.POSITIVE_INFINITY,
    lane,
  };
  return { pools: [pool] };
}

function workload(tasks: readonly { at: number; length: number; stateMiB: number }[]): Workload {
  return {
    arrivalMs: Float64Array.from(tasks, (t) => t.at),
    lengthMs: Float64Array.from(tasks, (t) => t.length),
    stateMiB: Float64Array.from(tasks, (t) => t.stateMiB),
    tokens: new Float64Array(tasks.length),
    model: new Uint8Array(tasks.length),
    models: [{ weightsMiB: 0, loadMs: 0 }],
  };
}

const options: EngineOptions = {
  memoryMiB: 1000,
  pendingMs: 0,
  bootMs: 0,
  bandwidthMiBps: 100,
  noticeMs: 120_000,
  fullShare: 0.8,
  partialShare: 0.3,
  idleTimeoutMs: 0,
  migration: 'optimal',
  endMs: 1000 * HOUR,
  withTimeline: true,
};

describe('the task engine', () => {
  it('bills one task on-demand for its length', () => {
    const { result } = runTasks(
      market([]),
      workload([{ at: 0, length: 2 * HOUR, stateMiB: 10 }]),
      onDemandOnly(),
      options,
    );
    expect(result).toMatchObject({ completed: 1, instances: 1, costUsd: 2, idleUsd: 0, meanSlowdown: 1 });
  });

  it('does the same whether a market says at once when a lane is lost, or only that it is safe for now', () => {
    // Whole hours: losses, notices and looks fall together with what tasks do.
    const hours = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 4 });
    const task = fc.record({ at: fc.nat(20), length: fc.integer({ min: 1, max: 30 }), stateMiB: fc.nat(600) });
    const lanes = fc.array(hours, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(lanes, fc.array(task, { maxLength: 12 }), fc.constantFrom(0, 1), (lost, tasks, early) => {
        const all = market(lost.map((list) => list.map((h) => h * HOUR + early * 120_000).sort((a, b) => a - b)));
        const shy = all.pools.map((pool) => ({
          ...pool,
          lane: (index: number): Lane => {
            const { interruptionAfter } = pool.lane(index);
            return { interruptionAfter, isSafeUntil: (ms, untilMs) => interruptionAfter(ms) >= untilMs };
          },
        }));
        const work = workload(
          tasks.map((t) => ({ ...t, at: t.at * HOUR, length: t.length * HOUR })).sort((a, b) => a.at - b.at),
        );
        const run = (of: Market) => runTasks(of, work, greedySpot(), { ...options, idleTimeoutMs: HOUR });
        expect(run({ pools: shy })).toEqual(run(all));
      }),
    );
  });

  it('shares an instance while memory lasts', () => {
    const tasks = [1, 2, 3].map(() => ({ at: 0, length: HOUR, stateMiB: 400 }));
    expect(runTasks(market([]), workload(tasks), onDemandOnly(), options).result).toMatchObject({
      instances: 2,
      costUsd: 2,
    });
  });

  it('saves at the notice, goes on elsewhere, and pays nothing for a first hour cut short', () => {
    const work = workload([{ at: 0, length: HOUR, stateMiB: 500 }]);
    const { result } = runTasks(market([[30 * MINUTE]]), work, greedySpot(), options);
    // Notice at 28 min, 5 s to the store and 5 s back; 32 min are left.
    expect(result).toMatchObject({ completed: 1, interruptions: 1, fullCheckpoints: 1, lostHours: 0 });
    expect(result.makespanHours * HOUR).toBeCloseTo(60 * MINUTE + 10_000);
    expect(result.forgivenUsd).toBeCloseTo(0.15);
    // The second instance, launched at the notice, still waits for the state for 10 s.
    expect(result.costUsd).toBeCloseTo(0.3 * ((32 * MINUTE + 10_000) / HOUR));
  });

  it('starts over, later and dearer, when the state is too large for the link', () => {
    const work = workload([{ at: 0, length: 2 * HOUR, stateMiB: 900 }]);
    const slow = { ...options, bandwidthMiBps: 1 };
    const { result } = runTasks(market([[90 * MINUTE]]), work, greedySpot(), slow);
    expect(result).toMatchObject({ restarts: 1, completed: 1 });
    expect(result.lostHours).toBeCloseTo(88 / 60);
    expect(result.makespanHours).toBeCloseTo(88 / 60 + 2);
  });

  it('finishes in the notice what can finish', () => {
    const work = workload([{ at: 0, length: 29 * MINUTE, stateMiB: 500 }]);
    const { result } = runTasks(market([[30 * MINUTE]]), work, greedySpot(), options);
    expect(result).toMatchObject({ finishedInNotice: 1, displaced: 0, completed: 1, costUsd: 0 });
  });

  it('counts a task as done that ends in the very millisecond of the reclaim', () => {
    const work = workload([{ at: 0, length: 30 * MINUTE, stateMiB: 1 }]);
    const { result } = runTasks(market([[30 * MINUTE]]), work, greedySpot(), options);
    expect(result).toMatchObject({ completed: 1, unfinished: 0, interruptions: 1 });
  });

  it('bills idle time', () => {
    const work = workload([{ at: 0, length: HOUR, stateMiB: 1 }]);
    const { result } = runTasks(market([]), work, onDemandOnly(), { ...options, idleTimeoutMs: HOUR });
    expect(result.costUsd).toBeCloseTo(2);
    expect(result.idleUsd).toBeCloseTo(1);
  });

  it('accounts as the prototype did beside: the last stretch at the launch price', () => {
    const work = workload([{ at: 0, length: HOUR, stateMiB: 500 }]);
    const { result } = runTasks(market([[30 * MINUTE]]), work, greedySpot(), options);
    expect(result.perTaskUsd).toBeCloseTo(0.3 * (32 / 60));
  });

  it('completes all tasks, never early, and its parts add up, whatever happens', () => {
    const times = fc.array(fc.array(fc.integer({ min: 1, max: 100 * HOUR }), { maxLength: 8 }), { maxLength: 6 });
    const tasks = fc.array(
      fc.record({
        at: fc.nat(20 * HOUR),
        length: fc.integer({ min: 1000, max: 10 * HOUR }),
        stateMiB: fc.integer({ min: 0, max: 1000 }),
      }),
      { minLength: 1, maxLength: 25 },
    );
    const migration = fc.constantFrom('first-fit' as const, 'least-loaded' as const, 'optimal' as const);
    fc.assert(
      fc.property(times, tasks, migration, fc.integer({ min: 1, max: 1000 }), (interruptions, list, how, bandwidth) => {
        const sorted = interruptions.map((lane) => [...lane].sort((a, b) => a - b));
        const arrivals = [...list].sort((a, b) => a.at - b.at);
        const { result, timeline } = runTasks(market(sorted), workload(arrivals), greedySpot(), {
          ...options,
          migration: how,
          bandwidthMiBps: bandwidth,
          pendingMs: 16_000,
          bootMs: 30_000,
        });
        expect(result.completed).toBe(list.length);
        expect(result.meanSlowdown).toBeGreaterThanOrEqual(1);
        expect(result.busyUsd + result.bootUsd + result.idleUsd).toBeCloseTo(result.costUsd, 6);
        expect(result.spotUsd + result.onDemandUsd).toBeCloseTo(result.costUsd, 6);
        const ran = (timeline?.tasks ?? []).reduce((sum, span) => sum + span.toMs - span.fromMs, 0);
        const work = list.reduce((sum, task) => sum + task.length, 0);
        // What computed is the work and what was lost of it, to the millisecond that each saved share is rounded by.
        expect(Math.abs(ran - work - result.lostHours * HOUR)).toBeLessThan(1);
      }),
      { numRuns: 150 },
    );
  });

  it('refuses nonsense of a policy with a sentence', () => {
    const bad = (choose: () => unknown): TaskPolicy => ({ name: 'mine', choose: choose as TaskPolicy['choose'] });
    const work = workload([{ at: 0, length: HOUR, stateMiB: 1 }]);
    const run = (choose: () => unknown) => () => runTasks(market([]), work, bad(choose), options);
    expect(run(() => 'spot')).toThrow(/policy mine returned "spot"; expected/);
    expect(run(() => ({ kind: 'spot', pool: 7 }))).toThrow(/pool\?: 0..0/);
    expect(run(() => undefined)).toThrow(/returned undefined/);
    expect(
      run(() => {
        throw new Error('oh');
      }),
    ).toThrow(/policy mine threw: oh/);
  });
});

describe('its parts', () => {
  it('the fit tree finds the first slot with room', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(300), fc.integer({ min: -1, max: 50 }))),
        fc.nat(300),
        fc.nat(50),
        (sets, from, room) => {
          const tree = new FitTree();
          const plain: number[] = new Array(600).fill(-1);
          for (const [slot, value] of sets) {
            tree.set(slot, value);
            plain[slot] = value;
          }
          expect(tree.first(room, from)).toBe(plain.findIndex((value, slot) => slot >= from && value >= room));
        },
      ),
    );
  });

  it('the heap gives times in order, equal ones as they came', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), (times) => {
        const heap = new EventHeap<number>();
        for (const [i, at] of times.entries()) heap.push(at, i);
        const out = times.map(() => heap.pop()?.event ?? -1);
        expect(out).toEqual(times.map((_, i) => i).sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b));
      }),
    );
  });
});
