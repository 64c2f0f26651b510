/**
 * The sender's side of a hand-over. While this node still saves, peers chosen by core/placement are offered its tasks, and keep
 * room for those that they accept. When a task has stopped here and its checkpoint is committed:
 *
 *     take -> taking     the receiver restores and runs, without the lease: it can't write anything that counts
 *     running            it runs; this node writes the lease for it (fence + 1) and answers `yours`
 *
 * If `running` doesn't come while there is time, the lease is written for the receiver all the same; it finds it there, or,
 * if the receiver is gone, the lease runs out. What nobody takes becomes free and is told as new work.
 */
import { planPlacement } from '../placement/plan.js';
import { after, type Context, earliest, type MonoMs, NEVER } from '../time.js';
import { askPeer, log } from './calls.js';
import { changedLease, committedMs, newNonce } from './leases.js';
import type { Note, PeerView } from './port.js';
import { doneMs, isStill } from './program.js';
import { beginWrite, isHolder } from './register.js';
import { beginSave } from './saves.js';
import type { Emit, Held, Leaving, WorkerState } from './state.js';
import type { Lease } from './task.js';
import { warmDigest } from './warmth.js';

const MIB = 1024 * 1024;
/** Peers that a task is offered to, one after the other. */
const MOST_OFFERS = 3;
/** Peers that a plan looks at. */
const MOST_PEERS = 500;
/** Room is kept for so long past this node's end. */
const KEEP_MS = 15_000;
/** Leases given away that are remembered for receivers that ask once more. */
const MOST_GIVEN = 64;

export function reconcileOffers(state: WorkerState, { deadlineMs, settleMs }: Leaving, ctx: Context, emit: Emit): void {
  const leftMs = deadlineMs - ctx.nowMs;
  if (leftMs < settleMs + state.timings.askMs) return;
  const open = [...state.held.values()].filter((held) => isOffered(state, held));
  if (open.length === 0) return;
  const peers = state.peers.filter((peer) => !peer.leaving).slice(0, MOST_PEERS);
  const tasks = open.map((held) => ({
    task: held.key,
    memoryMiB: held.spec.memoryMiB,
    gpuMemoryMiB: held.spec.gpuMemoryMiB,
    stateMiB: stateMiB(held),
    data: held.spec.data.map(warmDigest),
  }));
  // Who refused one task of this node has no room now; the others are planned without it.
  const refused = new Set(open.flatMap((held) => [...held.handover.refusedBy]));
  const { placements } = planPlacement(
    tasks,
    peers.filter((peer) => !refused.has(peer.id)),
  );
  for (const { task, host } of placements) {
    const held = state.held.get(task);
    const peer = peers.find(({ id }) => id === host);
    if (held === undefined || peer === undefined) continue;
    Object.assign(held.handover, {
      stage: 'offered',
      peer: peer.id,
      untilMs: after(ctx.nowMs, 2 * state.timings.askMs),
    });
    const note: Note = {
      type: 'offer',
      spec: held.spec,
      stateMiB: stateMiB(held),
      keepMs: Math.ceil(leftMs + KEEP_MS),
    };
    askPeer(state, { for: 'offer', task, fence: held.fence }, peer.address, note, ctx, emit);
  }
}

const isOffered = (state: WorkerState, held: Held): boolean =>
  isHolder(state, held.register) &&
  held.program !== 'none' &&
  held.handover.stage === 'none' &&
  held.handover.refusedBy.size < MOST_OFFERS &&
  held.evacuation?.kind !== 'finish' &&
  (held.ended === null || held.stop !== null);

const stateMiB = (held: Held): number => {
  const bytes = held.saves.size?.bytes ?? held.register.lease?.checkpoint?.bytes ?? 0;
  return Math.ceil(bytes / MIB);
};

export function afterOffer(state: WorkerState, held: Held, note: Note | null, ctx: Context): void {
  const { handover } = held;
  if (handover.stage !== 'offered') return;
  if (note?.type === 'accept' && note.task === held.key) {
    Object.assign(handover, { stage: 'accepted', untilMs: NEVER });
    return;
  }
  refused(state, held, ctx);
}

export function afterTake(state: WorkerState, held: Held, note: Note | null, ctx: Context): void {
  const { handover } = held;
  if (handover.stage !== 'taking') return;
  // No answer: it may have begun all the same. Then it is worth more than an unknown other one.
  if (note === null || (note.type === 'taking' && note.task === held.key)) {
    const latest = state.leaving === null ? NEVER : state.leaving.deadlineMs - state.leaving.settleMs;
    const waitMs = note === null ? state.timings.askMs : state.timings.runningMs;
    Object.assign(handover, { stage: 'waiting', untilMs: earliest(after(ctx.nowMs, waitMs), latest as MonoMs) });
    return;
  }
  refused(state, held, ctx);
}

function refused(state: WorkerState, held: Held, ctx: Context): void {
  const { handover } = held;
  if (handover.peer !== null) handover.refusedBy.add(handover.peer);
  Object.assign(handover, { stage: 'none', peer: null, untilMs: NEVER });
  if (state.leaving !== null) state.leaving.planDueMs = ctx.nowMs;
}

/**
 * The program is still, because it was stopped. Saves what it left if that was planned, then hands it over or gives it
 * back. True: the lease is being written, or nothing but waiting is to be done and the lease needs no renewal for it.
 */
export function settleLeaving(state: WorkerState, held: Held, lease: Lease, ctx: Context, emit: Emit): boolean {
  const { saves, handover, evacuation } = held;
  const { deadlineMs: endMs, settleMs } = state.leaving ?? { deadlineMs: ctx.nowMs, settleMs: 0 };
  const hurry = ctx.nowMs >= endMs - settleMs / 2;
  if (saves.sending !== null && !hurry) return false;
  const saveable = evacuation?.kind === 'full' && held.ended !== null && held.spec.checkpoint !== null;
  if (saveable && !saves.lastDone && !hurry && held.stop === 'leaving') {
    beginSave(state, held, (endMs - settleMs / 2) as MonoMs, true, ctx, emit);
    return false;
  }
  const peer = state.peers.find(({ id }) => id === handover.peer);
  if (handover.stage === 'none' || peer === undefined || state.leaving === null) {
    free(state, held, lease, ctx, emit);
    return true;
  }
  if (handover.stage === 'accepted' && !hurry) {
    take(state, held, lease, peer, ctx, emit);
    return false;
  }
  const over = handover.connection !== null || handover.untilMs <= ctx.nowMs || hurry;
  if (!over) return false;
  if (handover.stage === 'waiting') give(state, held, lease, peer, ctx, emit);
  else free(state, held, lease, ctx, emit);
  return true;
}

function take(state: WorkerState, held: Held, lease: Lease, peer: PeerView, ctx: Context, emit: Emit): void {
  Object.assign(held.handover, { stage: 'taking', untilMs: after(ctx.nowMs, 2 * state.timings.askMs) });
  const note: Note = { type: 'take', task: held.key, fence: lease.fence, checkpoint: lease.checkpoint };
  askPeer(state, { for: 'take', task: held.key, fence: held.fence }, peer.address, note, ctx, emit);
}

/** Fewer than a whole ms can't be redone; a task that never began has nothing to redo. */
const redoneMs = (held: Held, lease: Lease, ctx: Context): number =>
  Math.max(0, Math.round(doneMs(held, ctx.nowMs) - committedMs(lease, held.spec)));

function free(state: WorkerState, held: Held, lease: Lease, ctx: Context, emit: Emit): void {
  const closing = {
    end: 'interrupted',
    exitCode: held.ended?.exitCode ?? null,
    redoneMs: redoneMs(held, lease, ctx),
  } as const;
  beginWrite(state, held, changedLease(state, lease, { state: 'free', holder: null }, closing, ctx), 'free', ctx, emit);
}

function give(state: WorkerState, held: Held, lease: Lease, peer: PeerView, ctx: Context, emit: Emit): void {
  const closing = {
    end: 'handed-over',
    exitCode: held.ended?.exitCode ?? null,
    redoneMs: redoneMs(held, lease, ctx),
  } as const;
  const closed = changedLease(state, lease, {}, closing, ctx);
  const next: Lease = { ...closed, holder: peer.id, fence: lease.fence + 1, nonce: newNonce(state) };
  beginWrite(state, held, next, 'give', ctx, emit);
}

/** The receiver says that it runs. */
export function hearRunning(state: WorkerState, connection: number, from: string, task: string, emit: Emit): void {
  const held = state.held.get(task);
  if (held !== undefined && held.handover.peer === from && ['taking', 'waiting'].includes(held.handover.stage)) {
    held.handover.stage = 'waiting';
    held.handover.connection = connection;
    return;
  }
  const given = state.given.get(task);
  if (given !== undefined && given.peer === from) {
    emit({ type: 'answer', connection, note: { type: 'yours', task, lease: given.lease, etag: given.etag } });
    return;
  }
  const goesOn = held !== undefined && isHolder(state, held.register) && !isStill(held);
  emit({ type: 'answer', connection, note: goesOn ? { type: 'keep', task } : { type: 'ok' } });
}

/** The lease isn't this node's to give any more. The receiver looks for itself. */
export function refuseRunning(held: Held, emit: Emit): void {
  const { connection } = held.handover;
  if (connection === null) return;
  held.handover.connection = null;
  emit({ type: 'answer', connection, note: { type: 'ok' } });
}

export function afterGiven(state: WorkerState, held: Held, lease: Lease, etag: string, ctx: Context, emit: Emit): void {
  const { peer, connection } = held.handover;
  const receiver = state.peers.find(({ id }) => id === peer);
  state.counters.handedOver++;
  log(emit, 'info', 'task-handed-over', { task: held.key, to: peer, running: connection !== null });
  if (peer !== null) state.given.set(held.key, { lease, etag, peer });
  const [oldest] = state.given.keys();
  if (state.given.size > MOST_GIVEN && oldest !== undefined) state.given.delete(oldest);
  const note: Note = { type: 'yours', task: held.key, lease, etag };
  if (connection !== null) emit({ type: 'answer', connection, note });
  else if (receiver !== undefined)
    askPeer(state, { for: 'given', task: held.key, fence: held.fence }, receiver.address, note, ctx, emit);
}

/** It ended by itself, or was lost: who keeps room for it needn't. */
export function releaseReceiver(state: WorkerState, held: Held, ctx: Context, emit: Emit): void {
  const { stage, peer } = held.handover;
  if (stage !== 'offered' && stage !== 'accepted') return;
  const receiver = state.peers.find(({ id }) => id === peer);
  Object.assign(held.handover, { stage: 'none', peer: null, untilMs: NEVER });
  if (receiver !== undefined) {
    askPeer(state, { for: 'release' }, receiver.address, { type: 'release', task: held.key }, ctx, emit);
  }
}
