/** The program of a task on this node: its start, and what its end means. */
import { after, type Context, type MonoMs, NEVER } from '../time.js';
import { log } from './calls.js';
import { lastOf } from './leases.js';
import type { WorkerEvent } from './port.js';
import type { Emit, Held, StopReason, WorkerState } from './state.js';
import type { CheckpointRef } from './task.js';
import { warmed } from './warmth.js';

export function startProgram(held: Held, restore: CheckpointRef | null, emit: Emit): void {
  held.program = 'starting';
  held.baseMs = restore?.doneMs ?? 0;
  held.saves.progress = restore?.progress ?? null;
  log(emit, 'info', 'task-run', { task: held.key, fence: held.fence, restore: restore?.manifest ?? null });
  emit({ type: 'run-task', spec: held.spec, fence: held.fence, restore });
}

/** Once; SIGKILL follows after the grace. */
export function stopProgram(held: Held, reason: StopReason, graceMs: number, emit: Emit): void {
  if (held.stop !== null) return;
  held.stop = reason;
  if (held.program !== 'starting' && held.program !== 'running') return;
  const grace = Math.max(0, Math.min(held.spec.stopGraceMs, Math.floor(graceMs)));
  emit({ type: 'stop-task', task: held.key, fence: held.fence, graceMs: grace });
}

/** Nothing of it runs here (any more). */
export const isStill = (held: Held): boolean => held.program === 'none' || held.program === 'ended';

export const runs = (held: Held): boolean => held.program === 'starting' || held.program === 'running';

/** Computing time of the task over all executions up to `atMs`. */
export function doneMs(held: Held, atMs: MonoMs): number {
  if (held.startedMs === null) return held.baseMs;
  const until = held.ended === null ? atMs : Math.min(atMs, held.ended.atMs);
  return held.baseMs + Math.max(0, until - held.startedMs);
}

/** What is left of the owner's estimate, or of what the task's own progress lets expect; null: nobody knows. */
export function leftMs(held: Held, atMs: MonoMs): number | null {
  const done = doneMs(held, atMs);
  const { progress } = held.saves;
  if (progress !== null && progress > 0 && done > 0) return Math.round((done * (1 - progress)) / progress);
  return held.spec.expectedMs === null ? null : held.spec.expectedMs - done;
}

export function afterStarted(state: WorkerState, held: Held, ctx: Context): void {
  if (held.program !== 'starting') return;
  held.program = 'running';
  held.startedMs = ctx.nowMs;
  state.warm = warmed(state.warm, held.spec.data);
  const intervalMs = held.spec.checkpoint?.intervalMs ?? null;
  held.saves.dueMs = intervalMs === null ? NEVER : after(ctx.nowMs, intervalMs);
}

export function afterEnded(held: Held, event: WorkerEvent & { readonly type: 'task-ended' }, ctx: Context): void {
  if (!runs(held)) return;
  const { exitCode, signal, problem, longLog } = event;
  const reason = problem === null ? '' : `${problem}\n`;
  held.program = 'ended';
  held.ended = { atMs: ctx.nowMs, exitCode, signal, problem, tail: lastOf(`${event.tail}${reason}`), longLog };
}

/**
 * A program that was asked to stop ends as it may: a 0 after SIGTERM says that it saved its state, not that its work is
 * done. One that was told of the notice and ended by a signal had no handler for it.
 */
export function howItEnded(held: Held): 'done' | 'failed' | 'interrupted' {
  const { ended } = held;
  if (ended === null || held.stop !== null) return 'interrupted';
  if (ended.exitCode === 0) return 'done';
  return held.told && ended.signal !== null ? 'interrupted' : 'failed';
}
