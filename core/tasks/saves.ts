/**
 * Checkpoints of a running task: on its interval, on its own mark, and at a notice (leave.ts). The host uploads; a
 * checkpoint counts from the moment that the lease names it, and only then the ones before are pruned.
 */
import { after, type Context, earliest, type MonoMs, NEVER } from '../time.js';
import { log } from './calls.js';
import { manifestKey } from './keys.js';
import type { WorkerEvent } from './port.js';
import { doneMs } from './program.js';
import { isHolder } from './register.js';
import type { Emit, Held, WorkerState } from './state.js';
import { type CheckpointRef, MAX_SAVE_PROBLEM } from './task.js';

/** Longest upload that is waited for, in ms, where no deadline says less. */
const MOST_SAVE_MS = 3_600_000;
/** The host answers by its time; past this much more nobody counts on it. */
const GRACE_MS = 2_000;

export function reconcileSaves(state: WorkerState, held: Held, ctx: Context, emit: Emit): void {
  const { saves } = held;
  if (saves.sending !== null && after(saves.sending.byMs, GRACE_MS) <= ctx.nowMs)
    failed(state, held, 'no answer', ctx, emit);
  if (saves.dueMs > ctx.nowMs || !maySave(state, held)) return;
  if (saves.markMs !== null && saves.markSaved) {
    // A task that marks its states has no other consistent one.
    saves.dueMs = NEVER;
    return;
  }
  beginSave(state, held, after(ctx.nowMs, MOST_SAVE_MS), false, ctx, emit);
}

const maySave = (state: WorkerState, held: Held): boolean =>
  held.spec.checkpoint !== null &&
  held.program === 'running' &&
  held.stop === null &&
  held.saves.sending === null &&
  held.saves.uncommitted === null &&
  isHolder(state, held.register);

export function nextSaveMs(state: WorkerState, held: Held): MonoMs {
  const { sending, dueMs } = held.saves;
  if (sending !== null) return after(sending.byMs, GRACE_MS);
  return maySave(state, held) ? dueMs : NEVER;
}

/** `last`: the program has ended, this is what it left. */
export function beginSave(state: WorkerState, held: Held, byMs: MonoMs, last: boolean, ctx: Context, emit: Emit): void {
  const { saves } = held;
  const seq = saves.nextSeq++;
  const pointMs = last || saves.markMs === null ? ctx.nowMs : saves.markMs;
  const latest = state.leaving === null ? byMs : earliest(byMs, state.leaving.deadlineMs);
  saves.sending = { seq, pointMs, byMs: latest, last };
  saves.markSaved = true;
  saves.sentMs = ctx.nowMs;
  saves.dueMs = nextDueMs(held, ctx);
  emit({ type: 'save-task', task: held.key, fence: held.fence, seq, byMs: latest });
}

const nextDueMs = (held: Held, ctx: Context): MonoMs => {
  const intervalMs = held.spec.checkpoint?.intervalMs ?? null;
  return intervalMs === null ? NEVER : after(ctx.nowMs, intervalMs);
};

/** The task's own signal. With an interval it may save twice as often as that, without one as often as it likes. */
export function afterMark(state: WorkerState, held: Held, progress: number | null, ctx: Context): void {
  const { saves } = held;
  saves.progress = progress ?? saves.progress;
  const { checkpoint } = held.spec;
  if (checkpoint === null) return;
  saves.markMs = ctx.nowMs;
  saves.markSaved = false;
  const spacingMs = Math.max(state.timings.saveSpacingMs, (checkpoint.intervalMs ?? 0) / 2);
  const since = saves.sentMs ?? (checkpoint.intervalMs === null ? null : held.startedMs);
  const earliestMs = since === null ? ctx.nowMs : after(since, Math.round(spacingMs));
  saves.dueMs = earliest(saves.dueMs, earliestMs);
}

export function afterSaved(state: WorkerState, held: Held, checkpoint: CheckpointRef, ctx: Context, emit: Emit): void {
  const { saves } = held;
  const { sending } = saves;
  if (sending === null || checkpoint.seq !== sending.seq || checkpoint.fence !== held.fence) return;
  if (checkpoint.manifest !== manifestKey(held.spec, held.fence, sending.seq)) {
    failed(state, held, 'a manifest elsewhere', ctx, emit);
    return;
  }
  saves.sending = null;
  saves.problem = null;
  if (sending.last) saves.lastDone = true;
  saves.uncommitted = {
    ...checkpoint,
    progress: checkpoint.progress ?? saves.progress,
    doneMs: Math.round(doneMs(held, sending.pointMs)),
  };
}

export function afterSaveFailed(
  state: WorkerState,
  held: Held,
  event: WorkerEvent & { readonly type: 'save-failed' },
  ctx: Context,
  emit: Emit,
): void {
  if (held.saves.sending !== null) failed(state, held, event.why, ctx, emit);
}

function failed(state: WorkerState, held: Held, why: string, ctx: Context, emit: Emit): void {
  const { saves } = held;
  log(emit, 'warn', 'checkpoint-failed', {
    task: held.key,
    seq: saves.sending?.seq ?? 0,
    why: why.slice(0, MAX_SAVE_PROBLEM),
  });
  if (saves.sending?.last === true) saves.lastDone = true;
  saves.sending = null;
  saves.markSaved = false;
  saves.failedMs = ctx.nowMs;
  saves.problem = why.slice(0, MAX_SAVE_PROBLEM);
  const pauseMs = Math.max(state.timings.saveSpacingMs, (held.spec.checkpoint?.intervalMs ?? 0) / 4);
  saves.dueMs = after(ctx.nowMs, Math.round(pauseMs));
}

/** The lease names it: the one that it named before stays, since a receiver may still restore it. */
export function afterCommit(state: WorkerState, held: Held, emit: Emit): void {
  const { saves, register } = held;
  const committed = register.lease?.checkpoint ?? null;
  if (committed === null || saves.uncommitted === null || committed.manifest !== saves.uncommitted.manifest) return;
  saves.uncommitted = null;
  state.counters.checkpoints++;
  const keep = saves.previous === null ? [committed] : [committed, saves.previous];
  saves.previous = committed;
  emit({ type: 'prune', task: held.key, fence: held.fence, keep });
}
