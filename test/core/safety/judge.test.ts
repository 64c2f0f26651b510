import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { admit } from '../../../core/safety/admit.js';
import { type Judgement, judge, lossesOf, neededAfterLoss, type VoluntaryAct } from '../../../core/safety/judge.js';
import { findOrder, type Step } from '../../../core/safety/order.js';
import type { SafeNode, SafeTask, SafetyView } from '../../../core/safety/view.js';

const P = 'm7g.large in us-east-1a';
const Q = 'm7g.large in us-east-1b';
const nodeOf = (id: string, slot: number, change: Partial<SafeNode> = {}): SafeNode => ({
  id,
  slot,
  pool: P,
  lifecycle: 'spot',
  serves: true,
  leaving: false,
  freeMemoryMiB: 4_000,
  freeGpuMemoryMiB: 0,
  memoryMiB: 4_000,
  gpuMemoryMiB: 0,
  ...change,
});
const taskOf = (task: string, node: string | null, memoryMiB = 1_000, change: Partial<SafeTask> = {}): SafeTask => ({
  task,
  node,
  memoryMiB,
  gpuMemoryMiB: 0,
  ...change,
});
const viewOf = (nodes: readonly SafeNode[], change: Partial<SafetyView> = {}): SafetyView => ({
  nodes,
  desired: nodes.length,
  onDemandBase: 0,
  pools: [P, Q],
  admission: 'finish',
  tasks: [],
  ...change,
});
const wary = (view: SafetyView): SafetyView => ({ ...view, admission: 'evacuate' });
const reasonOf = (judgement: Judgement): string => (judgement.safe ? 'safe' : judgement.reason);

describe('judge', () => {
  it('lets a roll and an early replacement go on where a successor takes the place', () => {
    const view = viewOf([nodeOf('a', 0), nodeOf('b', 1, { pool: Q })]);
    expect(judge({ type: 'replace', node: 'a' }, view)).toEqual({
      safe: true,
      order: [
        { do: 'fill', slot: 0 },
        { do: 'leave', node: 'a' },
      ],
    });
  });

  it('keeps a node that serves in the place of one that does not', () => {
    const nodes = [nodeOf('a', 0), nodeOf('b', 1, { serves: false }), nodeOf('c', 2)];
    expect(reasonOf(judge({ type: 'scale-in', node: 'c' }, viewOf(nodes, { desired: 2 })))).toBe(
      'If c went, 1 of 2 slots would be served.',
    );
    const mended = nodes.map((node) => ({ ...node, serves: true }));
    expect(judge({ type: 'scale-in', node: 'c' }, viewOf(mended, { desired: 2 })).safe).toBe(true);
  });

  it('keeps the only node that holds a task, until the task is done', () => {
    const big = nodeOf('c', 2, { memoryMiB: 16_000, freeMemoryMiB: 6_000 });
    const view = viewOf([nodeOf('a', 0), nodeOf('b', 1), big], { desired: 2, tasks: [taskOf('t.1', 'c', 10_000)] });
    expect(reasonOf(judge({ type: 'scale-in', node: 'c' }, view))).toBe(
      'If c went, no other node could hold task t.1 with its 10000 MiB.',
    );
    expect(judge({ type: 'scale-in', node: 'c' }, { ...view, tasks: [] }).safe).toBe(true);
    expect(judge({ type: 'replace', node: 'c' }, view).safe).toBe(true);
  });

  it('names an order: moves what fits, waits for what ends first, moves the rest, and then leaves', () => {
    const nodes = [nodeOf('a', 0, { freeMemoryMiB: 1_000 }), nodeOf('c', 1, { freeMemoryMiB: 1_000 })];
    const tasks = [
      taskOf('small.1', 'c', 500),
      taskOf('large.1', 'c', 2_500),
      taskOf('soon.1', 'a', 1_500, { leftMs: 60_000 }),
      taskOf('late.1', 'a', 1_500, { leftMs: 600_000 }),
    ];
    const judgement = judge({ type: 'scale-in', node: 'c' }, viewOf(nodes, { desired: 1, tasks }));
    expect(judgement).toEqual({
      safe: true,
      order: [
        { do: 'move', task: 'small.1', to: 'a' },
        { do: 'finish', task: 'soon.1' },
        { do: 'finish', task: 'late.1' },
        { do: 'move', task: 'large.1', to: 'a' },
        { do: 'leave', node: 'c' },
      ],
    });
  });

  it('keeps on-demand what the loss of a pool would miss, if the spec allows for better', () => {
    const nodes = [nodeOf('a', 0), nodeOf('b', 1, { pool: Q }), nodeOf('c', 2, { lifecycle: 'on-demand' })];
    const narrow = nodes.map((node) => ({ ...node, pool: P }));
    const alone = viewOf([...narrow, nodeOf('d', 3, { lifecycle: 'on-demand' })], { onDemandBase: 2, pools: [P] });
    expect(reasonOf(judge({ type: 'return', node: 'd' }, alone))).toBe(
      `If d gave way to a spot node, the loss of all spot nodes of ${P} would leave 1 of the 2 slots that must be served.`,
    );
    // With pools to choose from the successor may come elsewhere; with one pool and no base nothing better is wanted.
    expect(judge({ type: 'return', node: 'c' }, viewOf(nodes)).safe).toBe(true);
    expect(judge({ type: 'return', node: 'c' }, viewOf(narrow, { pools: [P] })).safe).toBe(true);
  });

  it('serves clusters that are too small to survive anything', () => {
    for (const type of ['replace', 'return'] as const) {
      expect(judge({ type, node: 'a' }, viewOf([nodeOf('a', 0)], { pools: [P] })).safe).toBe(true);
    }
    expect(judge({ type: 'scale-in', node: 'a' }, viewOf([nodeOf('a', 0)], { desired: 0 })).safe).toBe(true);
    expect(reasonOf(judge({ type: 'replace', node: 'x' }, viewOf([])))).toContain('no node x');
  });
});

describe('admit', () => {
  it('needs room now', () => {
    const view = viewOf([nodeOf('a', 0, { freeMemoryMiB: 900 })]);
    expect(reasonOf(admit({ task: taskOf('t.1', null), node: 'a' }, view))).toBe(
      'Task t.1 needs 1000 and 0 MiB; node a has 900 MiB of memory and 0 MiB of GPU memory free.',
    );
    expect(admit({ task: taskOf('t.1', null, 900), node: 'a' }, view)).toMatchObject({ safe: true });
    const going = viewOf([nodeOf('a', 0, { leaving: true })]);
    expect(admit({ task: taskOf('t.1', null), node: 'a' }, going).safe).toBe(false);
  });

  it('keeps room for the loss of a pool, by policy, where that is possible at all', () => {
    const held = nodeOf('a', 0, { freeMemoryMiB: 1_000 });
    const peer = nodeOf('b', 1, { pool: Q });
    const view = viewOf([held, peer], { tasks: [taskOf('s.1', 'a', 3_000)] });
    const task = taskOf('t.1', null, 2_000);
    expect(admit({ task, node: 'b' }, view).safe).toBe(true);
    expect(reasonOf(admit({ task, node: 'b' }, wary(view)))).toContain('take over at once');
    expect(admit({ task: { ...task, memoryMiB: 1_000 }, node: 'b' }, wary(view)).safe).toBe(true);
    expect(admit({ task, node: 'a' }, wary(viewOf([nodeOf('a', 0)]))).safe).toBe(true);
    const base = nodeOf('b', 1, { lifecycle: 'on-demand' });
    expect(admit({ task, node: 'b' }, wary(viewOf([nodeOf('a', 0), base]))).safe).toBe(true);
  });
});

/** Small clusters, with all that runs known: free is what tasks don't hold. */
const anyView = fc
  .record({
    desired: fc.integer({ min: 0, max: 4 }),
    onDemandBase: fc.integer({ min: 0, max: 2 }),
    pools: fc.subarray([P, Q, 'R']),
    admission: fc.constantFrom('finish' as const, 'evacuate' as const),
    nodes: fc.array(
      fc.record({
        slot: fc.integer({ min: 0, max: 3 }),
        pool: fc.constantFrom(P, Q, 'R'),
        lifecycle: fc.constantFrom('spot' as const, 'spot' as const, 'on-demand' as const),
        serves: fc.boolean(),
        leaving: fc.nat(5).map((n) => n === 0),
        memory: fc.integer({ min: 0, max: 5 }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    tasks: fc.array(fc.tuple(fc.integer({ min: -1, max: 3 }), fc.integer({ min: 1, max: 5 })), { maxLength: 5 }),
  })
  .map(({ nodes, tasks, ...rest }): SafetyView => {
    const room = nodes.map(({ memory }) => memory);
    const placed = tasks.flatMap(([at, size], n): SafeTask[] => {
      if (at >= nodes.length) return [];
      if (at >= 0 && (room[at] ?? 0) < size) return [];
      if (at >= 0) room[at] = (room[at] ?? 0) - size;
      return [taskOf(`t${n}.1`, at < 0 ? null : `n${at}`, size)];
    });
    return {
      ...rest,
      tasks: placed,
      nodes: nodes.map(({ memory, ...node }, n) =>
        nodeOf(`n${n}`, node.slot, { ...node, memoryMiB: memory, freeMemoryMiB: room[n] ?? 0 }),
      ),
    };
  });

/** Tries every way to place, and to wait for ends, until all that waits has had a place or nothing new is found. */
function canAllFinish(pending: readonly SafeTask[], running: readonly SafeTask[], nodes: readonly SafeNode[]): boolean {
  const seen = new Set<string>();
  const go = (open: readonly SafeTask[], on: readonly SafeTask[]): boolean => {
    if (open.length === 0) return true;
    const key = JSON.stringify([open.map((t) => t.task), on.map((t) => `${t.task}@${t.node}`).sort()]);
    if (seen.has(key)) return false;
    seen.add(key);
    for (const task of open) {
      for (const node of nodes) {
        const held = on.filter((t) => t.node === node.id).reduce((sum, t) => sum + t.memoryMiB, 0);
        if (held + task.memoryMiB > node.memoryMiB) continue;
        const rest = open.filter((t) => t !== task);
        if (go(rest, [...on, { ...task, node: node.id }])) return true;
      }
    }
    return on.some((task) =>
      go(
        open,
        on.filter((t) => t !== task),
      ),
    );
  };
  return go(pending, running);
}

/** Plays an order; throws where it can't be kept. */
function play(steps: readonly Step[], view: SafetyView, nodes: readonly SafeNode[]): void {
  const on = new Map(view.tasks.filter((t) => t.node !== null).map((t) => [t.task, { ...t }]));
  for (const step of steps) {
    switch (step.do) {
      case 'finish':
        if (!on.delete(step.task)) throw new Error(`${step.task} doesn't run`);
        break;
      case 'move': {
        const task = view.tasks.find((t) => t.task === step.task) as SafeTask;
        const node = nodes.find(({ id }) => id === step.to) as SafeNode;
        on.set(task.task, { ...task, node: node.id });
        const held = [...on.values()].filter((t) => t.node === node.id).reduce((sum, t) => sum + t.memoryMiB, 0);
        if (held > node.memoryMiB) throw new Error(`${node.id} is overfull`);
        break;
      }
      case 'leave':
        if ([...on.values()].some((t) => t.node === step.node)) throw new Error(`${step.node} still holds a task`);
        break;
      case 'fill':
      case 'start':
        break;
    }
  }
}

describe('against trying everything', () => {
  it('an order is found exactly where there is one, and can be kept', () => {
    fc.assert(
      fc.property(anyView, (view) => {
        const goes = view.nodes[0] as SafeNode;
        const rest = view.nodes.slice(1).filter(({ leaving }) => !leaving);
        const pending = view.tasks.filter(({ node }) => node === goes.id);
        const running = view.tasks.filter(({ node }) => rest.some(({ id }) => id === node));
        const { steps, stuck } = findOrder(pending, running, rest);
        expect(stuck.length === 0).toBe(canAllFinish(pending, running, rest));
        play(steps, { ...view, tasks: [...pending, ...running] }, rest);
        if (stuck.length === 0) expect(steps.filter((s) => s.do === 'move')).toHaveLength(pending.length);
      }),
      { numRuns: 400 },
    );
  });

  it('a scale-in is safe exactly where nothing gets worse by it', () => {
    let safe = 0;
    let unsafe = 0;
    fc.assert(
      fc.property(anyView, (view) => {
        const goes = view.nodes[0] as SafeNode;
        const judgement = judge({ type: 'scale-in', node: goes.id }, view);
        const stay = view.nodes.filter(({ leaving }) => !leaving);
        const rest = stay.filter(({ id }) => id !== goes.id);
        const served = (nodes: readonly SafeNode[]): number =>
          new Set(nodes.filter(({ serves }) => serves).map(({ slot }) => slot)).size;
        const serveEnough = served(rest) >= Math.min(view.desired, served(stay));
        const pending = view.tasks.filter(({ node }) => node === goes.id);
        const running = view.tasks.filter(({ node }) => rest.some(({ id }) => id === node));
        const orphansOf = (nodes: readonly SafeNode[]): Set<string> => {
          const orphans = new Set<string>();
          for (const pool of new Set(nodes.filter((n) => n.lifecycle === 'spot').map((n) => n.pool))) {
            const left = nodes.filter((n) => n.lifecycle !== 'spot' || n.pool !== pool);
            for (const t of view.tasks) if (!left.some((n) => n.memoryMiB >= t.memoryMiB)) orphans.add(t.task);
          }
          return orphans;
        };
        const before = orphansOf(stay);
        const noNewOrphan = view.admission === 'finish' || [...orphansOf(rest)].every((task) => before.has(task));
        const expected = serveEnough && canAllFinish(pending, running, rest) && noNewOrphan;
        expect(judgement.safe).toBe(expected);
        if (judgement.safe) {
          safe++;
          play(judgement.order, view, rest);
        } else {
          unsafe++;
          expect(judgement.reason).toMatch(/^If [^\n]+\.$/);
        }
      }),
      { numRuns: 600 },
    );
    expect(Math.min(safe, unsafe)).toBeGreaterThan(50);
  });

  it('no safe act leaves a pool whose loss misses more than before and more than the spec allows for', () => {
    const anyAct = fc.constantFrom<VoluntaryAct['type']>('replace', 'return');
    fc.assert(
      fc.property(anyView, anyAct, (view, type) => {
        const goes = view.nodes[0] as SafeNode;
        const missed = (v: SafetyView): number => Math.max(0, ...lossesOf(v).map((loss) => loss.missing));
        const results = [...new Set([goes.pool, ...view.pools])].map((pool) => {
          const lifecycle = type === 'return' ? ('spot' as const) : goes.lifecycle;
          const successor = { ...goes, pool, lifecycle, serves: true, leaving: false, id: 'new' };
          return missed({ ...view, nodes: [...view.nodes.slice(1), successor] });
        });
        const spot = Math.max(0, view.desired - view.onDemandBase);
        const wish = view.desired - Math.ceil(spot / Math.max(1, view.pools.length));
        const allowed = Math.max(missed(view), neededAfterLoss(view.desired) - wish);
        if (judge({ type, node: goes.id }, view).safe) expect(Math.min(...results)).toBeLessThanOrEqual(allowed);
      }),
      { numRuns: 600 },
    );
  });
});
