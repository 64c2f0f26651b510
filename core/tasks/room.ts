/** Room on this node: what tasks take, what is promised to peers, what is free. */
import type { Context } from '../time.js';
import type { Reservation, Room, WorkerState } from './state.js';
import type { TaskSpec } from './task.js';

export interface FreeRoom extends Room {
  /** Tasks that may be added. */
  readonly slots: number;
}

export function freeRoom(state: WorkerState): FreeRoom {
  const { room, workload } = state.options;
  let { memoryMiB, gpuMemoryMiB } = room;
  let slots = workload.maxTasks;
  const take = (spec: TaskSpec): void => {
    memoryMiB -= spec.memoryMiB;
    gpuMemoryMiB -= spec.gpuMemoryMiB;
    slots--;
  };
  for (const held of state.held.values()) take(held.spec);
  for (const [task, { spec }] of state.reserved) if (!state.held.has(task)) take(spec);
  return { memoryMiB, gpuMemoryMiB, slots };
}

export const fits = (spec: Pick<TaskSpec, 'memoryMiB' | 'gpuMemoryMiB'>, free: FreeRoom): boolean =>
  free.slots > 0 && spec.memoryMiB <= free.memoryMiB && spec.gpuMemoryMiB <= free.gpuMemoryMiB;

export const less = (free: FreeRoom, spec: TaskSpec): FreeRoom => ({
  memoryMiB: free.memoryMiB - spec.memoryMiB,
  gpuMemoryMiB: free.gpuMemoryMiB - spec.gpuMemoryMiB,
  slots: free.slots - 1,
});

/** Something can be added: looking for work isn't in vain. */
export const hasRoom = (free: FreeRoom): boolean => free.slots > 0 && free.memoryMiB > 0;

export const acceptsWork = (state: WorkerState): boolean => state.phase === 'running' && state.leaving === null;

/** Promises that nobody came for. */
export function dropExpired(state: WorkerState, ctx: Context): void {
  for (const [task, { untilMs }] of state.reserved) {
    if (untilMs > ctx.nowMs) continue;
    state.reserved.delete(task);
    state.queue.changed = true;
  }
}

export function nextReservationMs(reserved: ReadonlyMap<string, Reservation>): number {
  let next = Number.POSITIVE_INFINITY;
  for (const { untilMs } of reserved.values()) next = Math.min(next, untilMs);
  return next;
}
