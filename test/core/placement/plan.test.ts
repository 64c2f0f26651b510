import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign } from '../../../core/placement/assignment.js';
import {
  CROWD_MS,
  type DisplacedWork,
  type Host,
  type PlacementStrategy,
  placementCostMs,
  planPlacement,
  SAME_HOST_MS,
} from '../../../core/placement/plan.js';
import { replicasOf } from '../../../core/placement/replicas.js';
import { randomInt, seededRng, shuffled } from '../../../core/rng.js';

const workOf = (task: string, change: Partial<DisplacedWork> = {}): DisplacedWork => ({
  task,
  memoryMiB: 1_000,
  gpuMemoryMiB: 0,
  stateMiB: 1_000,
  data: [],
  ...change,
});
const hostOf = (id: string, change: Partial<Host> = {}): Host => ({
  id,
  freeMemoryMiB: 4_000,
  freeGpuMemoryMiB: 0,
  warm: [],
  ...change,
});
const placesOf = (tasks: readonly DisplacedWork[], hosts: readonly Host[], strategy?: PlacementStrategy, seed = 0) =>
  Object.fromEntries(
    planPlacement(tasks, hosts, { ...(strategy && { strategy }), seed }).placements.map((p) => [p.task, p.host]),
  );
const STRATEGIES = ['minimum-cost', 'warm-least-loaded', 'least-loaded', 'earliest', 'random'] as const;

/** The objective as its documentation says, apart from the planner's own bookkeeping; null: it doesn't fit. */
function priceOf(tasks: readonly DisplacedWork[], hosts: readonly Host[], where: readonly number[]): number | null {
  let total = 0;
  for (const [j, host] of hosts.entries()) {
    const on = tasks.filter((_, i) => where[i] === j);
    const sum = (of: (t: DisplacedWork) => number): number => on.reduce((all, t) => all + of(t), 0);
    if (sum((t) => t.memoryMiB) > host.freeMemoryMiB || sum((t) => t.gpuMemoryMiB) > host.freeGpuMemoryMiB) return null;
    if (on.length > (host.slots ?? Infinity)) return null;
    total += sum((t) => placementCostMs(t, host)) + (CROWD_MS * on.length * (on.length - 1)) / 2;
    for (const [k, a] of on.entries()) {
      total += SAME_HOST_MS * on.slice(0, k).filter((b) => a.group !== undefined && a.group === b.group).length;
    }
  }
  return total;
}

/** Most placed, then the least cost, of everything tried. */
function tryAll(tasks: readonly DisplacedWork[], hosts: readonly Host[]): { placed: number; cost: number } {
  let best = { placed: 0, cost: 0 };
  const where: number[] = [];
  const go = (i: number, placed: number): void => {
    if (i === tasks.length) {
      if (placed < best.placed) return;
      const cost = priceOf(tasks, hosts, where);
      if (cost !== null && (placed > best.placed || cost < best.cost)) best = { placed, cost };
      return;
    }
    for (let j = -1; j < hosts.length; j++) {
      where[i] = j;
      go(i + 1, placed + (j === -1 ? 0 : 1));
    }
  };
  go(0, 0);
  return best;
}

const anyWork = fc.record({
  memoryMiB: fc.integer({ min: 1, max: 30 }).map((n) => n * 100),
  gpuMemoryMiB: fc.oneof(
    fc.constant(0),
    fc.constant(0),
    fc.integer({ min: 1, max: 16 }).map((n) => n * 1_000),
  ),
  stateMiB: fc.nat(20_000),
  data: fc.subarray(['a', 'b', 'c']),
});
const anyHost = fc.record({
  freeMemoryMiB: fc.integer({ min: 0, max: 50 }).map((n) => n * 100),
  freeGpuMemoryMiB: fc.integer({ min: 0, max: 24 }).map((n) => n * 1_000),
  warm: fc.subarray(['a', 'b', 'c']),
  load: fc.double({ min: 0, max: 1, noNaN: true }),
  bandwidthMiBps: fc.integer({ min: 10, max: 1_000 }),
  slots: fc.integer({ min: 0, max: 4 }),
});
const named = <T>(list: readonly T[], letter: string) => list.map((one, i) => ({ ...one, id: `${letter}${i}` }));
const anyCase = (most: number) =>
  fc
    .record({
      tasks: fc.array(fc.tuple(anyWork, fc.option(fc.constantFrom('x', 'y'), { freq: 2 })), { maxLength: most }),
      hosts: fc.array(anyHost, { minLength: 1, maxLength: 4 }),
    })
    .map(({ tasks, hosts }) => ({
      hosts: named(hosts, 'h') as Host[],
      tasks: tasks.map(
        ([work, group], i): DisplacedWork => ({ ...work, task: `t${i}`, ...(group !== null && { group }) }),
      ),
    }));

describe('planPlacement', () => {
  it('weighs transfer, cold data and load', () => {
    const hosts = [hostOf('near', { bandwidthMiBps: 500 }), hostOf('warm', { warm: ['d'], load: 1 }), hostOf('free')];
    expect(placesOf([workOf('t', { data: ['d'] })], hosts)).toEqual({ t: 'warm' });
    expect(placesOf([workOf('t', { stateMiB: 50_000 })], hosts)).toEqual({ t: 'near' });
    expect(placesOf([workOf('t')], [hostOf('busy', { load: 0.5 }), hostOf('idle')])).toEqual({ t: 'idle' });
    expect(placesOf([workOf('t', { gpuMemoryMiB: 8_000 })], hosts)).toEqual({ t: null });
  });

  it('has strategies that look at one thing each', () => {
    const hosts = [
      hostOf('a', { load: 0.9, bandwidthMiBps: 900 }),
      hostOf('b', { load: 0.5, warm: ['d'], readyInMs: 50_000 }),
      hostOf('c', { load: 0.1, bandwidthMiBps: 10 }),
    ];
    const one = [workOf('t', { data: ['d'] })];
    expect(placesOf(one, hosts, 'warm-least-loaded')).toEqual({ t: 'b' });
    expect(placesOf(one, hosts, 'least-loaded')).toEqual({ t: 'c' });
    expect(placesOf([workOf('t')], hosts, 'earliest')).toEqual({ t: 'a' });
    const drawn = new Set(Array.from({ length: 30 }, (_, seed) => placesOf(one, hosts, 'random', seed).t));
    expect([...drawn].sort()).toEqual(['a', 'b', 'c']);
  });

  it('keeps replicas of a workload apart while there are hosts, and places them all the same when there are none', () => {
    const replicas = ['r0', 'r1', 'r2'].map((task) => workOf(task, { group: 'model' }));
    const three = placesOf(replicas, [hostOf('a'), hostOf('b', { load: 1 }), hostOf('c', { load: 1 })]);
    expect(new Set(Object.values(three)).size).toBe(3);
    const held = placesOf(replicas.slice(0, 1), [hostOf('a', { groups: ['model'] }), hostOf('b', { load: 1 })]);
    expect(held).toEqual({ r0: 'b' });
    expect(Object.values(placesOf(replicas, [hostOf('a')]))).toEqual(['a', 'a', 'a']);
  });

  it('places several models at once, and moves the copies of a node that leaves', () => {
    const needs = { memoryMiB: 1_500, gpuMemoryMiB: 6_000, stateMiB: 12_000 };
    const work = ['chat', 'embed'].flatMap((name) => [...replicasOf({ ...needs, name, replicas: 2, data: [name] })]);
    const gpu = { freeGpuMemoryMiB: 12_000 };
    const hosts = [hostOf('a', { ...gpu, warm: ['chat'] }), hostOf('b', { ...gpu, warm: ['embed'] }), hostOf('c', gpu)];
    const all = placesOf(work, hosts);
    expect(all['chat#0'] === all['chat#1'] || all['embed#0'] === all['embed#1']).toBe(false);
    expect([all['chat#0'], all['chat#1']]).toContain('a');
    // The copy of the node that went: not beside the other one while there is another host.
    const lost = replicasOf({ ...needs, name: 'chat', replicas: 1, data: ['chat'] });
    const left = [hostOf('a', { ...gpu, warm: ['chat'], groups: ['chat'] }), hostOf('c', gpu)];
    expect(placesOf(lost, left)).toEqual({ 'chat#0': 'c' });
  });

  it('moves one away so that another fits', () => {
    const hosts = [hostOf('big', { freeMemoryMiB: 3_000 }), hostOf('small', { freeMemoryMiB: 1_000, load: 1 })];
    expect(placesOf([workOf('t0'), workOf('t1', { memoryMiB: 3_000 })], hosts)).toEqual({ t0: 'small', t1: 'big' });
  });

  it('never overfills a host, whatever the strategy, and prices what it did', () => {
    fc.assert(
      fc.property(anyCase(7), fc.constantFrom(...STRATEGIES), ({ tasks, hosts }, strategy) => {
        const plan = planPlacement(tasks, hosts, { strategy });
        const where = plan.placements.map(({ host }) => hosts.findIndex(({ id }) => id === host));
        expect(priceOf(tasks, hosts, where)).toBe(plan.cost);
        expect(where.filter((j) => j !== -1)).toHaveLength(plan.placed);
      }),
    );
  });

  it('gives every node the same answer: order plays no part', () => {
    fc.assert(
      fc.property(anyCase(7), fc.constantFrom(...STRATEGIES), fc.integer(), ({ tasks, hosts }, strategy, seed) => {
        const rng = seededRng(seed);
        const plan = planPlacement(tasks, hosts, { strategy });
        expect(planPlacement(shuffled(rng, tasks), shuffled(rng, hosts), { strategy })).toEqual(plan);
      }),
    );
  });

  it('is the optimum where each host takes one and all have a place', () => {
    fc.assert(
      fc.property(anyCase(12), ({ tasks, hosts: few }) => {
        const hosts = [0, 1, 2].flatMap((n) => few.map((host) => ({ ...host, id: `${n}${host.id}`, slots: 1 })));
        const cost = tasks.flatMap((task) => hosts.map((host) => placementCostMs(task, host)));
        const exact = assign(Float64Array.from(cost), tasks.length, hosts.length);
        const plan = planPlacement(tasks, hosts);
        expect(plan.placed).toBe(exact.assigned);
        if (plan.placed === tasks.length) expect(plan.cost).toBe(exact.total);
      }),
      { numRuns: 300 },
    );
  });

  it('is at or near the optimum of everything tried', () => {
    const rng = seededRng('placement');
    const some = <T>(list: readonly T[]): T[] => list.filter(() => rng.next() < 0.5);
    let short = 0;
    let dearer = 0;
    let extra = 0;
    let best = 0;
    const cases = 400;
    for (let n = 0; n < cases; n++) {
      const hosts = Array.from({ length: 2 + randomInt(rng, 3) }, (_, j) =>
        hostOf(`h${j}`, {
          freeMemoryMiB: 500 + randomInt(rng, 40) * 100,
          freeGpuMemoryMiB: randomInt(rng, 3) * 8_000,
          warm: some(['a', 'b', 'c']),
          load: rng.next(),
          bandwidthMiBps: 20 + randomInt(rng, 400),
        }),
      );
      const tasks = Array.from({ length: 2 + randomInt(rng, 4) }, (_, i) =>
        workOf(`t${i}`, {
          memoryMiB: 100 + randomInt(rng, 25) * 100,
          gpuMemoryMiB: rng.next() < 0.3 ? 4_000 + randomInt(rng, 5) * 1_000 : 0,
          stateMiB: randomInt(rng, 10_000),
          data: some(['a', 'b']),
        }),
      );
      const plan = planPlacement(tasks, hosts);
      const optimum = tryAll(tasks, hosts);
      if (plan.placed < optimum.placed) short++;
      else {
        if (plan.cost > optimum.cost) dearer++;
        extra += plan.cost - optimum.cost;
        best += optimum.cost;
      }
    }
    expect(short).toBeLessThanOrEqual(cases * 0.01);
    expect(dearer).toBeLessThanOrEqual(cases * 0.03);
    expect(extra / best).toBeLessThan(0.002);
  });
});
