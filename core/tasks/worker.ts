/**
 * The worker of one node: looks for tasks in the cluster's bucket, claims and runs them, saves their checkpoints, hands
 * them over when the node goes, and clears away what has ended. There is no queue server: a task is an object, its lease
 * is the one register of it, and only conditional writes change that. How each part works stands in its own file:
 *
 *     look.ts, choose.ts, claim.ts    finding work          register.ts, holding.ts    the lease, from claim to end
 *     program.ts, saves.ts            running, checkpoints  leave.ts, handover.ts, receive.ts    going, and taking over
 *     archive.ts                      after the end         pressure.ts, publish.ts    what others are told
 */
import { randomInt } from '../rng.js';
import { after, type Context, earliest, type MonoMs, monoMs, NEVER } from '../time.js';
import { afterArchive, afterOrphan, nextArchiveMs, reconcileArchive, reconcileOrphans, unarchived } from './archive.js';
import { expiredCalls, log, nextExpiryMs, takeCall } from './calls.js';
import { afterLease, afterSpec, reconcileChoice } from './choose.js';
import { afterVerify } from './claim.js';
import { afterOffer, afterTake, hearRunning, releaseReceiver } from './handover.js';
import { afterRegister, nextHeldMs, reconcileHeld } from './holding.js';
import { beginLeaving, nextLeavingMs, planAgain, reconcileLeaving } from './leave.js';
import { afterPage, lookSoon, nextLookMs, reconcileLook } from './look.js';
import type { Note, StoreOutcome, WorkerEffect, WorkerEvent } from './port.js';
import { nextPressureMs, reconcilePressure } from './pressure.js';
import { afterEnded, afterStarted } from './program.js';
import { nextPublishMs, reconcilePublish } from './publish.js';
import { afterPoll, afterRunning, hearKeep, hearOffer, hearRelease, hearTake, hearYours } from './receive.js';
import { dropExpired, nextReservationMs } from './room.js';
import { afterMark, afterSaved, afterSaveFailed } from './saves.js';
import type { Emit, Held, OpenCall, WorkerOptions, WorkerState } from './state.js';
import { WORKER_TIMINGS } from './timings.js';

export type { WorkerOptions, WorkerState } from './state.js';

export interface WorkerStep {
  readonly state: WorkerState;
  readonly effects: readonly WorkerEffect[];
}

export function createWorker(options: WorkerOptions, ctx: Context): WorkerState {
  const timings = WORKER_TIMINGS[options.preset];
  const draw = (): string => randomInt(ctx.rng, 36 ** 6).toString(36);
  return {
    options,
    timings,
    life: `${draw()}${draw()}`,
    phase: 'waiting',
    leaving: null,
    peers: [],
    held: new Map(),
    reserved: new Map(),
    given: new Map(),
    queue: {
      ...{ entries: [], turn: [], leases: new Map(), specs: new Map(), claimableSince: new Map(), orphans: new Map() },
      heads: new Map(),
      firstSince: new Map(),
      ...{
        seenMs: null,
        idleSinceMs: null,
        look: null,
        dueMs: NEVER,
        fruitless: 0,
        changed: false,
        chooseDueMs: NEVER,
      },
      sweepDueMs: ctx.nowMs,
    },
    archive: { items: [], batches: new Map(), nextBatch: 1, nextJournal: 1 },
    pressure: { policies: new Map(), dueMs: ctx.nowMs, untilMs: monoMs(0), on: false },
    warm: options.warm ?? [],
    work: 0,
    published: null,
    publishDue: true,
    bytesPerSecond: null,
    calls: new Map(),
    nextId: 1,
    nextNonce: 1,
    counters: {
      ...{ requests: 0, claims: 0, claimsLost: 0, done: 0, failed: 0, interrupted: 0, handedOver: 0, received: 0 },
      ...{ checkpoints: 0, leasesLost: 0 },
    },
  };
}

/**
 * One decision. The step owns the state that it is given and may change it in place: go on with the one it returns.
 * After each event every part is reconciled with what is known now, so a lost or repeated event does no lasting harm.
 */
export function stepWorker(state: WorkerState, event: WorkerEvent, ctx: Context): WorkerStep {
  const effects: WorkerEffect[] = [];
  if (state.phase === 'stopped') return { state, effects };
  const emit: Emit = (effect) => {
    effects.push(effect);
  };
  take(state, event, ctx, emit);
  for (const [id, call] of expiredCalls(state, ctx)) {
    state.calls.delete(id);
    afterCall(state, call, NO_ANSWER, null, ctx, emit);
  }
  dropExpired(state, ctx);
  reconcileLeaving(state, ctx, emit);
  for (const held of [...state.held.values()]) reconcileHeld(state, held, ctx, emit);
  reconcileLook(state, ctx, emit);
  reconcileChoice(state, ctx, emit);
  reconcilePressure(state, ctx, emit);
  reconcileOrphans(state, ctx, emit);
  reconcileArchive(state, ctx, emit);
  reconcilePublish(state, ctx, emit);
  reconcileStop(state, ctx, emit);
  return { state, effects };
}

/** When to call {@link stepWorker} with a tick at the latest. */
export function nextWorkerDeadlineMs(state: WorkerState, ctx: Pick<Context, 'nowMs' | 'wallMs' | 'rng'>): MonoMs {
  if (state.phase === 'stopped') return NEVER;
  let next = earliest(
    nextExpiryMs(state),
    nextLookMs(state),
    state.queue.chooseDueMs,
    nextLeavingMs(state, ctx),
    nextPressureMs(state),
    nextArchiveMs(state),
    nextPublishMs(state),
    nextReservationMs(state.reserved) as MonoMs,
    state.phase === 'stopping' && state.leaving !== null ? state.leaving.deadlineMs : NEVER,
  );
  for (const held of state.held.values()) next = earliest(next, nextHeldMs(state, held, ctx));
  return next;
}

/** Tasks that aren't settled yet: the requests in flight of the workload, for the node's brain. */
export const unsettledTasks = (state: WorkerState): number =>
  state.held.size + (state.leaving === null ? 0 : unarchived(state));

const NO_ANSWER: StoreOutcome = {
  ok: false,
  error: { kind: 'unknown', code: 'NoAnswer', message: 'No answer in time.' },
};

function take(state: WorkerState, event: WorkerEvent, ctx: Context, emit: Emit): void {
  switch (event.type) {
    case 'tick':
      return;
    case 'start':
      if (state.phase !== 'waiting') return;
      state.phase = 'running';
      lookSoon(state, state.timings.settleMs, ctx);
      return;
    case 'stop':
      state.phase = 'stopping';
      beginLeaving(state, after(ctx.nowMs, event.graceMs), 'stop', ctx, emit);
      return;
    case 'leaving': {
      const leftMs = event.deadlineMs === null ? state.timings.voluntaryMs : event.deadlineMs - ctx.wallMs;
      beginLeaving(state, after(ctx.nowMs, leftMs), event.cause, ctx, emit);
      return;
    }
    case 'peers':
      takePeers(state, event.peers, ctx);
      return;
    case 'work-heard':
      lookSoon(state, 0, ctx);
      return;
    case 'stored': {
      const call = takeCall(state, event.id, true);
      if (call !== null) afterCall(state, call, event.outcome, null, ctx, emit);
      return;
    }
    case 'answered': {
      const call = takeCall(state, event.id, false);
      if (call !== null) afterCall(state, call, NO_ANSWER, event.note, ctx, emit);
      return;
    }
    case 'asked':
      hear(state, event.connection, event.from, event.note, ctx, emit);
      return;
    case 'bandwidth':
      if (event.bytesPerSecond > 0) state.bytesPerSecond = event.bytesPerSecond;
      planAgain(state, ctx);
      return;
    default:
      takeOfTask(state, event, ctx, emit);
  }
}

type TaskEvent = Extract<WorkerEvent, { readonly task: string }>;

/** Events of a former execution here bear another fence. */
function takeOfTask(state: WorkerState, event: TaskEvent, ctx: Context, emit: Emit): void {
  const held = heldOf(state, event.task, event.fence);
  if (held === null) return;
  switch (event.type) {
    case 'task-started':
      afterStarted(state, held, ctx);
      return;
    case 'task-ended':
      afterEnded(held, event, ctx);
      if (held.stop === null) releaseReceiver(state, held, ctx, emit);
      return;
    case 'task-marked':
      afterMark(state, held, event.progress, ctx);
      planAgain(state, ctx);
      return;
    case 'task-size':
      held.saves.size = { bytes: event.bytes, changedBytes: event.changedBytes };
      planAgain(state, ctx);
      return;
    case 'saved':
      afterSaved(state, held, event.checkpoint, ctx, emit);
      planAgain(state, ctx);
      return;
    case 'save-failed':
      afterSaveFailed(state, held, event, ctx, emit);
      planAgain(state, ctx);
      return;
  }
}

function takePeers(state: WorkerState, peers: WorkerState['peers'], ctx: Context): void {
  const now = new Set(peers.map(({ id }) => id));
  const gone = state.peers.some(({ id }) => !now.has(id));
  state.peers = peers;
  // What it held runs out a lease's time after its last renewal.
  if (gone && state.phase === 'running') lookSoon(state, state.options.workload.leaseMs, ctx);
}

function hear(state: WorkerState, connection: number, from: string, note: Note, ctx: Context, emit: Emit): void {
  const answer = (reply: Note): void => emit({ type: 'answer', connection, note: reply });
  switch (note.type) {
    case 'offer':
      answer(hearOffer(state, from, note, ctx));
      return;
    case 'take':
      answer(hearTake(state, from, note, ctx, emit));
      return;
    case 'running':
      hearRunning(state, connection, from, note.task, emit);
      return;
    case 'yours':
      hearYours(state, note, ctx);
      answer({ type: 'ok' });
      return;
    case 'keep':
      hearKeep(state, note.task, emit);
      answer({ type: 'ok' });
      return;
    case 'release':
      hearRelease(state, from, note.task);
      answer({ type: 'ok' });
      return;
    // Answers, not questions.
    case 'accept':
    case 'refuse':
    case 'taking':
    case 'ok':
      answer({ type: 'ok' });
      return;
  }
}

function afterCall(
  state: WorkerState,
  { purpose, sentMs }: OpenCall,
  outcome: StoreOutcome,
  note: Note | null,
  ctx: Context,
  emit: Emit,
): void {
  switch (purpose.for) {
    case 'look':
      afterPage(state, outcome as StoreOutcome<'list'>, ctx, emit);
      return;
    case 'spec':
      afterSpec(state, purpose.task, sentMs, outcome as StoreOutcome<'get'>, ctx, emit);
      return;
    case 'lease':
      afterLease(state, purpose.task, outcome as StoreOutcome<'get'>, ctx, emit);
      return;
    case 'archive':
      afterArchive(state, purpose.batch, outcome, ctx, emit);
      return;
    case 'orphan':
      afterOrphan(state, purpose.task, outcome as StoreOutcome<'get'>, ctx, emit);
      return;
    case 'phantom':
    case 'given':
    case 'release':
      return;
    default: {
      const held = heldOf(state, purpose.task, purpose.fence);
      if (held !== null) afterHeldCall(state, held, purpose.for, sentMs, outcome, note, ctx, emit);
    }
  }
}

function afterHeldCall(
  state: WorkerState,
  held: Held,
  what: 'register' | 'verify' | 'poll' | 'offer' | 'take' | 'running',
  sentMs: MonoMs,
  outcome: StoreOutcome,
  note: Note | null,
  ctx: Context,
  emit: Emit,
): void {
  switch (what) {
    case 'register':
      afterRegister(state, held, outcome, ctx, emit);
      return;
    case 'verify':
      afterVerify(state, held, sentMs, outcome as StoreOutcome<'get'>, ctx, emit);
      return;
    case 'poll':
      afterPoll(state, held, outcome as StoreOutcome<'get'>, ctx, emit);
      return;
    case 'offer':
      afterOffer(state, held, note, ctx);
      return;
    case 'take':
      afterTake(state, held, note, ctx);
      return;
    case 'running':
      afterRunning(state, held, note, ctx, emit);
      return;
  }
}

function heldOf(state: WorkerState, task: string, fence: number): Held | null {
  const held = state.held.get(task);
  return held !== undefined && held.fence === fence ? held : null;
}

/** The end: nothing is held, and what has ended is in a journal; or the time is over. */
function reconcileStop(state: WorkerState, ctx: Context, emit: Emit): void {
  if (state.phase !== 'stopping' || state.leaving === null) return;
  const settled = state.held.size === 0 && unarchived(state) === 0;
  if (!settled && ctx.nowMs < state.leaving.deadlineMs) return;
  if (!settled) log(emit, 'warn', 'tasks-left-behind', { held: state.held.size, ended: state.archive.items.length });
  state.phase = 'stopped';
  emit({ type: 'stopped' });
}
