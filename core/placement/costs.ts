/** What a task costs on a host by itself, in ms of delay. */
import type { DisplacedWork, Host } from './work.js';

/** MiB/s of a transfer between two nodes of which nothing is known: 1 Gbit/s, less what S3 costs. */
export const DEFAULT_MIBPS = 100;
/** What a data set that must be fetched costs, in ms. Raising it makes warmth count more against transfer and load. */
export const COLD_MS = 60_000;
/** What a fully loaded host costs against an idle one, in ms. */
export const LOAD_MS = 30_000;
/** What each task costs that the plan puts beside another one of its own, in ms: they share link and processors. */
export const CROWD_MS = 2_000;
/** What two replicas of a group on one host cost, in ms: more than anything else but no place at all. */
export const SAME_HOST_MS = 3_600_000;

/** Ms of delay that a task costs on a host by itself; Infinity when it doesn't fit. */
export function placementCostMs(task: DisplacedWork, host: Host): number {
  if (task.memoryMiB > host.freeMemoryMiB || task.gpuMemoryMiB > host.freeGpuMemoryMiB || host.slots === 0) {
    return Number.POSITIVE_INFINITY;
  }
  const mate = task.group !== undefined && host.groups?.includes(task.group) === true ? SAME_HOST_MS : 0;
  return startsInMs(task, host) + Math.round(loadOf(host) * LOAD_MS) + mate;
}

/** Ms until the task runs there again. */
export function startsInMs(task: DisplacedWork, host: Host): number {
  const transferMs = (task.stateMiB / Math.max(0.001, host.bandwidthMiBps ?? DEFAULT_MIBPS)) * 1_000;
  return Math.round(Math.max(transferMs, host.readyInMs ?? 0)) + coldData(task, host) * COLD_MS;
}

/** Data sets that it would have to fetch. */
export function coldData(task: DisplacedWork, host: Host): number {
  let cold = 0;
  for (const digest of task.data) if (!host.warm.includes(digest)) cold++;
  return cold;
}

/** 0 to 1. */
export const loadOf = (host: Host): number => Math.min(1, Math.max(0, host.load ?? 0));

/**
 * {@link placementCostMs} of each task on each host, row by row. A node plans once in its life, so what counts is how little
 * is to be done before anything is compiled: a short loop over columns, and corrections where data are warm.
 */
export function costsOf(tasks: readonly DisplacedWork[], hosts: readonly Host[]): Float64Array {
  const columns: Columns = {
    free: Float64Array.from(hosts, (host) => (host.slots === 0 ? Number.NEGATIVE_INFINITY : host.freeMemoryMiB)),
    freeGpu: Float64Array.from(hosts, (host) => host.freeGpuMemoryMiB),
    mibps: Float64Array.from(hosts, (host) => Math.max(0.001, host.bandwidthMiBps ?? DEFAULT_MIBPS)),
    ready: Float64Array.from(hosts, (host) => host.readyInMs ?? 0),
    load: Float64Array.from(hosts, (host) => Math.round(loadOf(host) * LOAD_MS)),
  };
  const warm = whereEach(hosts, (host) => host.warm);
  const mates = whereEach(hosts, (host) => host.groups ?? []);
  const costs = new Float64Array(tasks.length * hosts.length);
  tasks.forEach((task, i) => {
    const row = costs.subarray(i * hosts.length, (i + 1) * hosts.length);
    fillRow(row, task.memoryMiB, task.gpuMemoryMiB, task.stateMiB, task.data.length * COLD_MS, columns);
    for (const digest of task.data) add(row, warm.get(digest), -COLD_MS);
    if (task.group !== undefined) add(row, mates.get(task.group), SAME_HOST_MS);
  });
  return costs;
}

interface Columns {
  readonly free: Float64Array;
  readonly freeGpu: Float64Array;
  readonly mibps: Float64Array;
  readonly ready: Float64Array;
  readonly load: Float64Array;
}

/** A function of its own: a short one is compiled soon. */
function fillRow(row: Float64Array, memory: number, gpu: number, state: number, coldMs: number, of: Columns): void {
  const { free, freeGpu, mibps, ready, load } = of;
  for (let j = 0; j < row.length; j++) {
    if (memory > (free[j] as number) || gpu > (freeGpu[j] as number)) {
      row[j] = Number.POSITIVE_INFINITY;
    } else {
      const ms = (state / (mibps[j] as number)) * 1_000;
      row[j] = Math.round(Math.max(ms, ready[j] as number)) + coldMs + (load[j] as number);
    }
  }
}

function add(row: Float64Array, where: readonly number[] | undefined, ms: number): void {
  if (where !== undefined) for (const j of where) row[j] = (row[j] as number) + ms;
}

/** The hosts that have a thing, each once. */
function whereEach(
  hosts: readonly Host[],
  of: (host: Host) => readonly string[],
): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  hosts.forEach((host, j) => {
    for (const thing of of(host)) {
      const where = found.get(thing);
      if (where === undefined) found.set(thing, [j]);
      else if (where.at(-1) !== j) where.push(j);
    }
  });
  return found;
}
