/**
 * One task that this node claims, runs or brings to an end, reconciled with what is known of its lease and its program.
 * While the lease is certain, it is renewed in a third of its time, and every write of it renews it too. When it has run
 * out, the node doesn't know whether it is still the holder, and may do one thing only: renew by the ETag that it knows,
 * which succeeds if nobody took it. If that isn't settled within another lease's time, the program is stopped.
 */
import { after, type Context, earliest, type MonoMs, NEVER } from '../time.js';
import { archiveTask } from './archive.js';
import { log } from './calls.js';
import { afterClaim, afterLostClaim, archiveForeign } from './claim.js';
import { afterGiven, refuseRunning, settleLeaving } from './handover.js';
import { logKey } from './keys.js';
import { changedLease, committedMs, isNewer, withOwnAttempt } from './leases.js';
import type { StoreOutcome } from './port.js';
import { doneMs, howItEnded, isStill, startProgram, stopProgram } from './program.js';
import { nextReceiptMs, reconcileReceipt } from './receive.js';
import { afterWrite, beginWrite, isCertain, isHolder, nextWriteMs, reconcileWrite } from './register.js';
import { afterCommit, nextSaveMs, reconcileSaves } from './saves.js';
import { sawLease } from './seen.js';
import type { Emit, Held, WorkerState } from './state.js';
import type { Lease } from './task.js';

const RENEWALS_A_LEASE = 3;
/** A renewal is tried for so many leases' time, before a program whose lease has run out is stopped. */
const TRY_LEASES = 0.5;
/** A task whose lease ran out so many leases ago, and can't be renewed, is forgotten. */
const FORGET_LEASES = 3;

export function reconcileHeld(state: WorkerState, held: Held, ctx: Context, emit: Emit): void {
  const { register } = held;
  reconcileWrite(state, held, ctx, emit);
  if (register.lost !== null) {
    reconcileLost(state, held, ctx, emit);
    return;
  }
  if (!isHolder(state, register)) {
    if (held.received !== null) reconcileReceipt(state, held, held.received, ctx, emit);
    return;
  }
  if (!held.verified) return;
  // A claim whose answer was read after a pause may have run out: then it is renewed first.
  if (held.program === 'none' && held.stop === null && (state.leaving !== null || isCertain(state, register, ctx))) {
    if (state.leaving === null) startProgram(held, register.lease?.checkpoint ?? held.spec.resume, emit);
    else held.stop = 'leaving';
  }
  reconcileRunOut(state, held, ctx, emit);
  reconcileSaves(state, held, ctx, emit);
  if (register.write === null && state.held.has(held.key)) write(state, held, ctx, emit);
}

export function nextHeldMs(state: WorkerState, held: Held, ctx: Context): MonoMs {
  const { register } = held;
  if (register.lost !== null) return NEVER;
  if (!isHolder(state, register)) {
    return earliest(nextWriteMs(register), held.received === null ? NEVER : nextReceiptMs(held, held.received, ctx));
  }
  const { leaseMs } = state.options.workload;
  const { write } = register;
  const tried = write === null ? NEVER : after(write.firstSentMs, leaseMs * TRY_LEASES);
  const runOut = [after(register.endMs, leaseMs), after(register.endMs, FORGET_LEASES * leaseMs), tried];
  return earliest(
    nextWriteMs(register),
    register.write === null ? renewMs(state, held) : NEVER,
    nextSaveMs(state, held),
    ...runOut.filter((atMs) => atMs > ctx.nowMs),
    held.handover.untilMs > ctx.nowMs ? held.handover.untilMs : NEVER,
  );
}

const renewMs = (state: WorkerState, held: Held): MonoMs => {
  const { leaseMs } = state.options.workload;
  return after(held.register.endMs, Math.floor(leaseMs / RENEWALS_A_LEASE) - leaseMs);
};

function reconcileRunOut(state: WorkerState, held: Held, ctx: Context, emit: Emit): void {
  const { leaseMs } = state.options.workload;
  const pastMs = ctx.nowMs - held.register.endMs;
  if (pastMs < leaseMs) return;
  // After a pause of this process the first renewal may well succeed.
  const { write } = held.register;
  if (write === null || ctx.nowMs - write.firstSentMs < leaseMs * TRY_LEASES) return;
  if (held.stop === null) log(emit, 'warn', 'lease-run-out', { task: held.key, fence: held.fence, pastMs });
  stopProgram(held, 'lost', held.spec.stopGraceMs, emit);
  if (pastMs >= FORGET_LEASES * leaseMs && isStill(held)) drop(state, held, emit);
}

/** Somebody else has the task, or ended it. */
function reconcileLost(state: WorkerState, held: Held, ctx: Context, emit: Emit): void {
  const { register } = held;
  if (register.lease === null && held.program === 'none') {
    afterLostClaim(state, held, ctx);
    archiveForeign(state, held, ctx);
    return;
  }
  if (held.stop === null) {
    state.counters.leasesLost++;
    const found = register.lost?.lease?.state ?? 'gone';
    log(emit, 'warn', 'lease-lost', {
      task: held.key,
      fence: held.fence,
      found,
      by: register.lost?.lease?.fence ?? null,
    });
  }
  refuseRunning(held, emit);
  stopProgram(held, 'lost', held.spec.stopGraceMs, emit);
  if (!isStill(held)) return;
  archiveForeign(state, held, ctx);
  const { lost } = register;
  if (lost !== null && lost.etag !== null) sawLease(state.queue, held.key, lost.etag, lost.lease ?? 'bad', ctx);
  drop(state, held, emit);
}

/** The next change of the lease, if one is wanted. */
function write(state: WorkerState, held: Held, ctx: Context, emit: Emit): void {
  const { register, saves } = held;
  const { lease } = register;
  if (lease === null) return;
  if (!isCertain(state, register, ctx)) {
    renew(state, held, lease, ctx, emit);
    return;
  }
  const over = isStill(held) && (held.ended !== null || held.stop !== null);
  if (over && howItEnded(held) !== 'interrupted') {
    finish(state, held, lease, ctx, emit);
    return;
  }
  if (saves.uncommitted !== null) {
    const { uncommitted } = saves;
    const change = { checkpoint: uncommitted, progress: uncommitted.progress, saveProblem: saves.problem };
    const next = changedLease(state, lease, change, null, ctx);
    beginWrite(state, held, withOwnAttempt(state, next, held.spec, ctx), 'commit', ctx, emit);
    return;
  }
  if (over && settleLeaving(state, held, lease, ctx, emit)) return;
  if (renewMs(state, held) <= ctx.nowMs) renew(state, held, lease, ctx, emit);
}

function renew(state: WorkerState, held: Held, lease: Lease, ctx: Context, emit: Emit): void {
  const { progress, problem } = held.saves;
  const change = { progress: progress ?? lease.progress, saveProblem: problem };
  const next = changedLease(state, lease, change, null, ctx);
  beginWrite(state, held, withOwnAttempt(state, next, held.spec, ctx), 'renew', ctx, emit);
}

/** The program ended of itself: done, failed for good, or free for another try. */
function finish(state: WorkerState, held: Held, lease: Lease, ctx: Context, emit: Emit): void {
  const { ended, spec } = held;
  if (ended === null) return;
  const { exitCode, tail } = ended;
  if (howItEnded(held) === 'done') {
    const change = { state: 'done', holder: null, progress: 1, tail } as const;
    beginWrite(
      state,
      held,
      changedLease(state, lease, change, { end: 'done', exitCode, redoneMs: 0 }, ctx),
      'done',
      ctx,
      emit,
    );
    return;
  }
  const checkpoint = newest(held, lease);
  const failures = lease.failures + 1;
  const redoneMs = Math.max(0, Math.round(doneMs(held, ctx.nowMs) - (checkpoint?.doneMs ?? committedMs(lease, spec))));
  const state_ = failures > spec.retries ? 'failed' : 'free';
  const change = { state: state_, holder: null, checkpoint, failures, tail } as const;
  const next = changedLease(state, lease, change, { end: 'failed', exitCode, redoneMs }, ctx);
  log(emit, 'warn', 'task-failed', {
    task: held.key,
    exitCode,
    signal: ended.signal,
    failures,
    problem: ended.problem,
  });
  beginWrite(state, held, next, state_, ctx, emit);
}

function newest(held: Held, lease: Lease): Lease['checkpoint'] {
  const { uncommitted } = held.saves;
  return uncommitted !== null && isNewer(uncommitted, lease.checkpoint) ? uncommitted : lease.checkpoint;
}

export function afterRegister(state: WorkerState, held: Held, outcome: StoreOutcome, ctx: Context, emit: Emit): void {
  const why = held.register.write?.why ?? null;
  const before = held.register.lease;
  if (!afterWrite(state, held, outcome, ctx, emit) || why === null) return;
  const { lease, etag } = held.register;
  if (lease === null || etag === null) return;
  switch (why) {
    case 'claim':
      held.saves.previous = lease.checkpoint;
      afterClaim(state, held, ctx, emit);
      return;
    case 'renew':
    case 'commit':
      if (before !== null) afterCommit(state, held, emit);
      return;
    case 'done':
    case 'failed':
      state.counters[why]++;
      log(emit, 'info', why === 'done' ? 'task-done' : 'task-given-up', { task: held.key, fence: lease.fence });
      archiveTask(state, { spec: held.spec, lease }, ctx);
      leave(state, held, lease, emit);
      return;
    case 'free':
      state.counters.interrupted += howItEnded(held) === 'interrupted' ? 1 : 0;
      state.work = Math.max(state.work + 1, Math.floor(ctx.wallMs / 1_000));
      leave(state, held, lease, emit);
      sawLease(state.queue, held.key, etag, lease, ctx);
      return;
    case 'give':
      afterGiven(state, held, lease, etag, ctx, emit);
      leave(state, held, lease, emit);
      return;
  }
}

/** The lease is out of this node's hands, as it was meant to be. */
function leave(state: WorkerState, held: Held, lease: Lease, emit: Emit): void {
  if (held.ended?.longLog === true) {
    const key = logKey(held.spec, lease.state === 'held' ? lease.fence - 1 : lease.fence);
    emit({ type: 'save-task-log', task: held.key, fence: held.fence, key });
  }
  drop(state, held, emit);
}

function drop(state: WorkerState, held: Held, emit: Emit): void {
  if (held.program !== 'none') emit({ type: 'drop-task', task: held.key, fence: held.fence });
  state.held.delete(held.key);
  state.queue.changed = true;
}
