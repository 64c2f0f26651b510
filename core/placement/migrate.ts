import { assign } from './assignment.js';

/** A task that has lost, or is about to lose, its place. */
export interface DisplacedTask {
  readonly id: number;
  /** State to be moved (a KV cache, a checkpoint), in MiB; 0 when it starts anew. */
  readonly stateMiB: number;
  /** Memory that it occupies where it runs, in MiB. */
  readonly memoryMiB: number;
  readonly model: number;
}

/** An instance that might take tasks. */
export interface MigrationTarget {
  readonly id: number;
  readonly freeMiB: number;
  /** Memory in use, for `least-loaded`. */
  readonly usedMiB: number;
  /** What a transfer to it gets: the slower of both ends, in MiB/s. */
  readonly bandwidthMiBps: number;
  /** Milliseconds until it has booted; 0 when it runs. */
  readonly readyInMs: number;
  /** Bit m is set when model m is loaded, so that it costs neither time nor memory. */
  readonly warmModels: number;
}

export interface ModelFacts {
  readonly weightsMiB: number;
  readonly loadMs: number;
}

/** `first-fit`: first target with room, in id order. `least-loaded`: least memory in use. `optimal`: least total delay. */
export type MigrationStrategy = 'first-fit' | 'least-loaded' | 'optimal';

/** Milliseconds from now until the task computes on that target; Infinity when it doesn't fit. */
export function migrationDelayMs(task: DisplacedTask, target: MigrationTarget, models: readonly ModelFacts[]): number {
  const model = models[task.model];
  const warm = (target.warmModels & (1 << task.model)) !== 0;
  const need = task.memoryMiB + (warm ? 0 : (model?.weightsMiB ?? 0));
  if (need > target.freeMiB) return Number.POSITIVE_INFINITY;
  const transferMs = Math.ceil((task.stateMiB / target.bandwidthMiBps) * 1000);
  return Math.max(transferMs, target.readyInMs) + (warm ? 0 : (model?.loadMs ?? 0));
}

/**
 * Where each displaced task goes: the index of its target, or -1. Several tasks may share a target as its memory
 * allows. `optimal` is an assignment of one task a target, repeated with what is left until nothing more fits: with
 * several tasks on a target the exact problem is the generalized assignment problem, which is NP-hard.
 */
export function placeDisplaced(
  tasks: readonly DisplacedTask[],
  targets: readonly MigrationTarget[],
  models: readonly ModelFacts[],
  strategy: MigrationStrategy,
): Int32Array {
  const placed = new Int32Array(tasks.length).fill(-1);
  const room = targets.map((target) => ({ ...target }));
  switch (strategy) {
    case 'first-fit':
    case 'least-loaded':
      tasks.forEach((task, i) => {
        placed[i] = strategy === 'first-fit' ? firstFit(task, room, models) : leastLoaded(task, room, models);
        occupy(task, room[placed[i] as number], models);
      });
      return placed;
    case 'optimal':
      assignInRounds(tasks, room, models, placed);
      return placed;
  }
}

type Room = { -readonly [K in keyof MigrationTarget]: MigrationTarget[K] };

function occupy(task: DisplacedTask, target: Room | undefined, models: readonly ModelFacts[]): void {
  if (target === undefined) return;
  const warm = (target.warmModels & (1 << task.model)) !== 0;
  const need = task.memoryMiB + (warm ? 0 : (models[task.model]?.weightsMiB ?? 0));
  target.freeMiB -= need;
  target.usedMiB += need;
  target.warmModels |= 1 << task.model;
}

function firstFit(task: DisplacedTask, room: readonly Room[], models: readonly ModelFacts[]): number {
  return room.findIndex((target) => Number.isFinite(migrationDelayMs(task, target, models)));
}

function leastLoaded(task: DisplacedTask, room: readonly Room[], models: readonly ModelFacts[]): number {
  let best = -1;
  room.forEach((target, j) => {
    if (!Number.isFinite(migrationDelayMs(task, target, models))) return;
    if (best === -1 || target.usedMiB < (room[best] as Room).usedMiB) best = j;
  });
  return best;
}

function assignInRounds(
  tasks: readonly DisplacedTask[],
  room: readonly Room[],
  models: readonly ModelFacts[],
  placed: Int32Array,
): void {
  let open = tasks.map((_, i) => i);
  for (let round = 0; round < tasks.length && open.length > 0; round++) {
    const cost = new Float64Array(open.length * room.length);
    open.forEach((i, row) => {
      room.forEach((target, j) => {
        cost[row * room.length + j] = migrationDelayMs(tasks[i] as DisplacedTask, target, models);
      });
    });
    const { columnOf, assigned } = assign(cost, open.length, room.length);
    if (assigned === 0) return;
    const left: number[] = [];
    open.forEach((i, row) => {
      const j = columnOf[row] as number;
      placed[i] = j;
      if (j === -1) left.push(i);
      else occupy(tasks[i] as DisplacedTask, room[j], models);
    });
    open = left;
  }
}
