/**
 * Against starvation: a large task could be overtaken for ever by small ones that fit into what happens to be free. One
 * that has been the first of a node's turn for long makes that node keep room for it: what comes after it in the queue is
 * started there only beside the room that it needs, so that the node empties until it fits. As in EASY backfilling there
 * is one such task a node at most, the first of its turn; unlike there, nobody trusts an estimate of when others end.
 *
 * If the node whose turn it is can never hold it, or stays full, deputies follow, each after twice the time of the one
 * before: few nodes ever stand half empty for one task. What is more urgent or older isn't held back, nor are tasks that
 * leaving peers hand over.
 */
import { type FreeRoom, fits } from './room.js';
import type { Admission, WorkerState } from './state.js';
import type { TaskSpec } from './task.js';

/** Whether the node of that rank (0: it is its turn) keeps room for a task that stands first for so long. */
export const keepsRoom = (rank: number, standsFirstMs: number, keepMs: number): boolean =>
  standsFirstMs >= keepMs * 2 ** Math.min(rank, 30);

/** It fits when nothing else runs here, and then it may be started, too: else the wait would be in vain. */
export function couldHold({ options }: WorkerState, spec: TaskSpec, peers: WorkerState['peers']): boolean {
  const { room, workload, identity, admit } = options;
  if (!fits(spec, { ...room, slots: workload.maxTasks })) return false;
  const allowed: ReturnType<Admission> = admit?.(spec, { identity, room, running: [], peers }) ?? null;
  return allowed === null;
}

/** It takes nothing of what the other one waits for. */
export const fitsBeside = (spec: TaskSpec, free: FreeRoom, kept: TaskSpec): boolean =>
  fits(spec, free) &&
  free.slots > 1 &&
  spec.memoryMiB <= free.memoryMiB - kept.memoryMiB &&
  (spec.gpuMemoryMiB === 0 || spec.gpuMemoryMiB <= free.gpuMemoryMiB - kept.gpuMemoryMiB);
