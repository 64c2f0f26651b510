/**
 * Where displaced work goes: tasks of a node that leaves, and replicas or models of a workload alike. Every node that
 * plans for the same view gets the same answer: both lists are taken in the order of their ids, and ties break by id.
 *
 * What can be placed is placed first; among plans that place as many, the cheapest is wanted. With several tasks a peer that
 * is the generalized assignment problem, which is NP-hard: a minimum-cost flow (flow.ts) and then local search (improve.ts)
 * come near to the optimum, and are the optimum where each peer takes one and all have a place (the tests try everything,
 * and ask assignment.ts).
 */
import { hash32 } from '../rng.js';
import { CROWD_MS, coldData, costsOf, LOAD_MS, loadOf, SAME_HOST_MS, startsInMs } from './costs.js';
import { flowIn } from './flow.js';
import { improve } from './improve.js';
import { Layout, type Problem } from './layout.js';
import { largestFirst, placeInOrder, type Rank } from './order.js';
import type { DisplacedWork, Host } from './work.js';

export { COLD_MS, CROWD_MS, DEFAULT_MIBPS, LOAD_MS, placementCostMs, SAME_HOST_MS } from './costs.js';
export type { DisplacedWork, Host } from './work.js';

/**
 * - minimum-cost: least total of transfer, cold data, load and crowding
 * - warm-least-loaded: the least loaded of those that have the data, else the least loaded
 * - least-loaded: the least loaded
 * - earliest: where it runs again first, whatever that costs others
 * - random: any with room, by `seed`
 *
 * Loaded means here: by `load`, and what this plan adds.
 */
export type PlacementStrategy = 'minimum-cost' | 'warm-least-loaded' | 'least-loaded' | 'earliest' | 'random';

export interface PlacementOptions {
  /** Default `minimum-cost`. */
  readonly strategy?: PlacementStrategy;
  /** Of `random`. Default 0. */
  readonly seed?: number | string;
}

export interface Placement {
  readonly task: string;
  /** Null: nobody has room; it goes back to the queue. */
  readonly host: string | null;
}

export interface PlacementPlan {
  /** One a task, by id. */
  readonly placements: readonly Placement[];
  readonly placed: number;
  /** In ms of delay, as the objective counts it. */
  readonly cost: number;
}

export function planPlacement(
  displaced: readonly DisplacedWork[],
  peers: readonly Host[],
  options: PlacementOptions = {},
): PlacementPlan {
  const tasks = [...displaced].sort((a, b) => compareText(a.task, b.task));
  const hosts = [...peers].sort((a, b) => compareText(a.id, b.id));
  const problem = problemOf(tasks, hosts);
  const strategy = options.strategy ?? 'minimum-cost';
  let layout = new Layout(problem);
  if (strategy === 'minimum-cost') layout = leastCost(problem);
  else placeInOrder(layout, rankOf(strategy, tasks, hosts, layout, String(options.seed ?? 0)));
  const placements = tasks.map(({ task }, i) => ({ task, host: hosts[layout.hostOf[i] as number]?.id ?? null }));
  return { placements, placed: layout.placed, cost: layout.cost };
}

/** Tasks times hosts up to which several beginnings are worked out in full, and how many those are. */
const SMALL = 2_000;
const BEGINNINGS = 6;

/** The largest first packs well where all have room; the smallest first places more where they haven't. */
function leastCost(problem: Problem): Layout {
  const small = problem.tasks * problem.hosts <= SMALL;
  const begun = (order: (layout: Layout) => readonly number[]): Layout => {
    const layout = new Layout(problem);
    flowIn(layout, order(layout));
    if (small) improve(layout);
    return layout;
  };
  let best = begun(largestFirst);
  if (small || best.placed < problem.tasks)
    best = better(
      best,
      begun((layout) => largestFirst(layout).reverse()),
    );
  for (let n = 2; small && n < BEGINNINGS; n++) {
    const rank = (i: number): number => hash32(`${n} ${i}`);
    best = better(
      best,
      begun((layout) => largestFirst(layout).sort((a, b) => rank(a) - rank(b) || a - b)),
    );
  }
  if (!small) improve(best);
  return best;
}

function better(a: Layout, b: Layout): Layout {
  return b.placed > a.placed || (b.placed === a.placed && b.cost < a.cost) ? b : a;
}

/** Most important first; of equals the host with more room, then the lower id, is taken. */
function rankOf(
  strategy: Exclude<PlacementStrategy, 'minimum-cost'>,
  tasks: readonly DisplacedWork[],
  hosts: readonly Host[],
  layout: Layout,
  seed: string,
): Rank {
  const load = (j: number): number => loadOf(hosts[j] as Host) * LOAD_MS + (layout.count[j] as number) * CROWD_MS;
  switch (strategy) {
    case 'warm-least-loaded':
      return (i, j) => [coldData(tasks[i] as DisplacedWork, hosts[j] as Host), load(j)];
    case 'least-loaded':
      return (_, j) => [load(j), 0];
    case 'earliest':
      return (i, j) => [startsInMs(tasks[i] as DisplacedWork, hosts[j] as Host), load(j)];
    case 'random':
      return (i, j) => [hash32(`${seed} ${tasks[i]?.task} ${hosts[j]?.id}`), 0];
  }
}

function problemOf(tasks: readonly DisplacedWork[], hosts: readonly Host[]): Problem {
  const groups = new Map<string, number>();
  const groupOf = tasks.map(({ group }) => {
    if (group === undefined) return -1;
    const known = groups.get(group) ?? groups.size;
    groups.set(group, known);
    return known;
  });
  return {
    tasks: tasks.length,
    hosts: hosts.length,
    cost: costsOf(tasks, hosts),
    memory: Float64Array.from(tasks, (task) => task.memoryMiB),
    gpu: Float64Array.from(tasks, (task) => task.gpuMemoryMiB),
    group: Int32Array.from(groupOf),
    freeMemory: Float64Array.from(hosts, (host) => host.freeMemoryMiB),
    freeGpu: Float64Array.from(hosts, (host) => host.freeGpuMemoryMiB),
    slots: Float64Array.from(hosts, (host) => host.slots ?? Number.POSITIVE_INFINITY),
    crowdMs: CROWD_MS,
    sameHostMs: SAME_HOST_MS,
  };
}

/** By code unit: the same order on every machine, whatever its locale. */
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
