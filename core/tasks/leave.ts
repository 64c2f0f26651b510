/**
 * This node goes, or stops: what becomes of each of its tasks is planned by core/checkpoint with the time that is left, and
 * planned anew at least every second, since sizes, rates and deadlines change. What has begun isn't planned again.
 */
import { type Evacuation, planEvacuation, settleMsOf } from '../checkpoint/evacuate.js';
import { after, type Context, earliest, type MonoMs, NEVER, type WallMs } from '../time.js';
import { log } from './calls.js';
import { reconcileOffers } from './handover.js';
import { committedMs } from './leases.js';
import { doneMs, leftMs, runs, stopProgram } from './program.js';
import { isHolder } from './register.js';
import { beginSave } from './saves.js';
import type { Emit, Held, Leaving, WorkerState } from './state.js';

/** Bytes/s that uploads are taken to reach before one was measured. */
const UNMEASURED = 25_000_000;
const REPLAN_MS = 1_000;

export function beginLeaving(state: WorkerState, deadlineMs: MonoMs, cause: string, ctx: Context, emit: Emit): void {
  const { leaving } = state;
  if (leaving !== null && leaving.deadlineMs <= deadlineMs) return;
  log(emit, 'info', 'tasks-leaving', { cause, leftMs: deadlineMs - ctx.nowMs, tasks: state.held.size });
  const settleMs = settleMsOf(deadlineMs - ctx.nowMs);
  state.leaving = { deadlineMs, settleMs, cause: leaving?.cause ?? cause, planDueMs: ctx.nowMs };
  state.reserved.clear();
}

/** Something that the plan is made of has changed. */
export function planAgain(state: WorkerState, ctx: Context): void {
  if (state.leaving !== null) state.leaving.planDueMs = ctx.nowMs;
}

export function reconcileLeaving(state: WorkerState, ctx: Context, emit: Emit): void {
  const { leaving } = state;
  if (leaving === null) return;
  if (leaving.planDueMs <= ctx.nowMs) {
    leaving.planDueMs = after(ctx.nowMs, REPLAN_MS);
    plan(state, leaving, ctx);
    reconcileOffers(state, leaving, ctx, emit);
  }
  for (const held of state.held.values()) act(state, held, leaving, ctx, emit);
}

export function nextLeavingMs(state: WorkerState, ctx: Context): MonoMs {
  const { leaving } = state;
  if (leaving === null || state.held.size === 0) return NEVER;
  let next = leaving.planDueMs;
  for (const { evacuation } of state.held.values()) {
    if (evacuation !== null && evacuation.startMs > ctx.nowMs) next = earliest(next, evacuation.startMs);
  }
  return next;
}

function plan(state: WorkerState, { deadlineMs, settleMs }: Leaving, ctx: Context): void {
  const tasks = [...state.held.values()].filter((held) => held.program === 'running' && held.stop === null);
  if (tasks.length === 0) return;
  const decisions = planEvacuation(
    tasks.map((held) => {
      const done = doneMs(held, ctx.nowMs);
      const { size, markMs, markSaved } = held.saves;
      // Not measured yet: as much as it began from, until the host's look, which this notice has set off, says better.
      const before = (held.register.lease?.checkpoint ?? held.spec.resume)?.bytes ?? 0;
      return {
        task: held.key,
        bytes: size?.bytes ?? before,
        changedBytes: size?.changedBytes ?? before,
        sinceSavedMs: Math.max(0, done - committedMs(held.register.lease, held.spec)),
        doneMs: done,
        leftMs: leftMs(held, ctx.nowMs),
        committed: markMs !== null && !markSaved,
        canSave: held.spec.checkpoint !== null && isHolder(state, held.register),
      };
    }),
    {
      leftMs: deadlineMs - ctx.nowMs,
      settleMs,
      bytesPerSecond: state.bytesPerSecond ?? UNMEASURED,
      stopGraceMs: Math.max(...tasks.map((held) => held.spec.stopGraceMs)),
    },
  );
  const byTask = new Map(decisions.map((decision) => [decision.task, decision]));
  for (const held of tasks) held.evacuation = atTimes(byTask.get(held.key) ?? null, ctx);
}

const atTimes = (decision: Evacuation | null, ctx: Context): Held['evacuation'] =>
  decision === null
    ? null
    : {
        kind: decision.kind,
        startMs: after(ctx.nowMs, decision.startMs),
        stopByMs: after(ctx.nowMs, decision.stopByMs),
        byMs: after(ctx.nowMs, decision.byMs),
      };

/** What failed isn't begun again at once, over and over. */
const hasJustFailed = ({ timings }: WorkerState, { saves: { failedMs } }: Held, ctx: Context): boolean =>
  failedMs !== null && after(failedMs, timings.saveSpacingMs) > ctx.nowMs;

function act(state: WorkerState, held: Held, { deadlineMs, settleMs }: Leaving, ctx: Context, emit: Emit): void {
  if (!runs(held) || held.stop !== null) return;
  const notify = held.spec.checkpoint?.notify.by ?? 'none';
  const endMs = (deadlineMs - settleMs) as MonoMs;
  if (held.program === 'starting') {
    // Nothing is computed yet: it begins elsewhere.
    stopProgram(held, 'leaving', endMs - ctx.nowMs, emit);
    return;
  }
  if (!held.told && notify !== 'none') {
    held.told = true;
    const deadlineWallMs = (ctx.wallMs + (deadlineMs - ctx.nowMs)) as WallMs;
    emit({ type: 'tell-task', task: held.key, fence: held.fence, deadlineMs: deadlineWallMs });
  }
  const { evacuation } = held;
  if (evacuation === null || evacuation.startMs > ctx.nowMs) return;
  switch (evacuation.kind) {
    case 'finish':
      return;
    case 'full':
    case 'restart':
      log(emit, 'info', 'task-evacuated', { task: held.key, kind: evacuation.kind });
      // What is to be sent must have stopped when its turn on the link comes.
      stopProgram(held, 'leaving', (evacuation.kind === 'full' ? evacuation.stopByMs : endMs) - ctx.nowMs, emit);
      return;
    case 'partial':
      if (held.saves.sending === null && held.saves.uncommitted === null && !hasJustFailed(state, held, ctx)) {
        log(emit, 'info', 'task-evacuated', { task: held.key, kind: evacuation.kind });
        // The plan's time is an estimate, of a few ms for a small state: the upload itself has until the end.
        beginSave(state, held, endMs, false, ctx, emit);
      }
      return;
  }
}
