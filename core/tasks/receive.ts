/**
 * The receiver's side of a hand-over. An offer is accepted by keeping room for it for a limited time, so that two nodes that leave
 * can't both fill it. A task that is taken runs at once, from the checkpoint named, under the fence that this node will
 * have; until the lease names this node nothing that it does counts. It gets the lease by the sender's `yours`, or finds it:
 *
 *     held by this node             as if `yours` had come
 *     free, of the sender's fence   claimed
 *     held by the sender            once it hasn't changed for a whole lease's time on this node's clock, it has run out: claimed
 *     anything else                 lost: stopped
 */
import { after, type Context, earliest, type MonoMs, NEVER } from '../time.js';
import { askPeer, callStore, isAsking, log } from './calls.js';
import { newHeld } from './claim.js';
import { leaseKey } from './keys.js';
import { claimedLease } from './leases.js';
import { parseLease } from './parse.js';
import type { Note, StoreOutcome } from './port.js';
import { isStill, startProgram, stopProgram } from './program.js';
import { beginWrite, isFor } from './register.js';
import { acceptsWork, fits, freeRoom } from './room.js';
import type { Emit, Held, Receipt, WorkerState } from './state.js';
import { type Lease, taskKey } from './task.js';
import { CLOCK_STEP_MS } from './timings.js';

const MOST_RESERVED = 64;
const MOST_KEEP_MS = 300_000;
/** The register is read so many times a lease's time. */
const POLLS_A_LEASE = 6;
/** A task that hasn't got its lease within so many leases' time is given up. */
const PATIENCE_LEASES = 5;

export function hearOffer(
  state: WorkerState,
  from: string,
  note: Note & { readonly type: 'offer' },
  ctx: Context,
): Note {
  const task = taskKey(note.spec);
  const refuse = (reason: string): Note => ({ type: 'refuse', task, reason });
  if (!acceptsWork(state)) return refuse('leaving');
  if (state.held.has(task)) return refuse('here already');
  const known = state.reserved.get(task);
  if (known !== undefined && known.from !== from) return refuse('promised to another');
  if (known === undefined) {
    if (state.reserved.size >= MOST_RESERVED || !fits(note.spec, freeRoom(state))) return refuse('no room');
  }
  const untilMs = after(ctx.nowMs, Math.min(MOST_KEEP_MS, note.keepMs));
  state.reserved.set(task, { spec: note.spec, from, untilMs });
  return { type: 'accept', task };
}

export function hearTake(
  state: WorkerState,
  from: string,
  note: Note & { readonly type: 'take' },
  ctx: Context,
  emit: Emit,
): Note {
  const { task } = note;
  const known = state.held.get(task);
  if (known?.received?.from === from && known.fence === note.fence + 1) return { type: 'taking', task };
  const reserved = state.reserved.get(task);
  if (!acceptsWork(state) || known !== undefined || reserved?.from !== from) {
    return { type: 'refuse', task, reason: 'no room is kept' };
  }
  state.reserved.delete(task);
  const receipt: Receipt = {
    ...{ from, restore: note.checkpoint, sinceMs: ctx.nowMs, told: false, asking: false, seen: null },
    pollMs: after(ctx.nowMs, pollMs(state)),
  };
  const held = newHeld(state, reserved.spec, note.fence + 1, receipt);
  state.held.set(task, held);
  startProgram(held, note.checkpoint ?? reserved.spec.resume, emit);
  return { type: 'taking', task };
}

export function hearRelease(state: WorkerState, from: string, task: string): void {
  if (state.reserved.get(task)?.from !== from) return;
  state.reserved.delete(task);
  state.queue.changed = true;
}

/** The sender has written the lease for this node. */
export function hearYours(state: WorkerState, note: Note & { readonly type: 'yours' }, ctx: Context): void {
  const held = state.held.get(note.task);
  if (held !== undefined) adopt(state, held, note.lease, note.etag, ctx);
}

/** The sender went on with it. */
export function hearKeep(state: WorkerState, task: string, emit: Emit): void {
  const held = state.held.get(task);
  if (held?.received == null || held.register.lease !== null) return;
  stopProgram(held, 'kept', held.spec.stopGraceMs, emit);
}

export function reconcileReceipt(state: WorkerState, held: Held, receipt: Receipt, ctx: Context, emit: Emit): void {
  const { leaseMs } = state.options.workload;
  const late = ctx.nowMs - receipt.sinceMs > PATIENCE_LEASES * leaseMs;
  if (late) stopProgram(held, 'lost', held.spec.stopGraceMs, emit);
  if (held.stop !== null) {
    if (!isStill(held) || held.register.write !== null) return;
    if (held.program !== 'none') emit({ type: 'drop-task', task: held.key, fence: held.fence });
    state.held.delete(held.key);
    state.queue.changed = true;
    return;
  }
  if (held.register.write !== null) return;
  if (!receipt.told && held.program !== 'starting') {
    receipt.told = true;
    const sender = state.peers.find(({ id }) => id === receipt.from);
    const purpose = { for: 'running', task: held.key, fence: held.fence } as const;
    if (sender === undefined) receipt.pollMs = ctx.nowMs;
    else askPeer(state, purpose, sender.address, { type: 'running', task: held.key }, ctx, emit);
  }
  const waits = isAsking(state, (p) => p.for === 'running' && p.task === held.key);
  if (waits || receipt.asking || receipt.pollMs > ctx.nowMs) return;
  receipt.asking = true;
  receipt.pollMs = after(ctx.nowMs, pollMs(state));
  callStore(
    state,
    { for: 'poll', task: held.key, fence: held.fence },
    { op: 'get', key: leaseKey(held.spec) },
    ctx,
    emit,
  );
}

const pollMs = (state: WorkerState): number => Math.ceil(state.options.workload.leaseMs / POLLS_A_LEASE);

export function nextReceiptMs(held: Held, receipt: Receipt, ctx: Context): MonoMs {
  if (held.register.write !== null || held.stop !== null || receipt.asking) return NEVER;
  return earliest(receipt.pollMs > ctx.nowMs ? receipt.pollMs : after(ctx.nowMs, 50));
}

export function afterRunning(state: WorkerState, held: Held, note: Note | null, ctx: Context, emit: Emit): void {
  if (held.received === null) return;
  if (note?.type === 'yours') adopt(state, held, note.lease, note.etag, ctx);
  else if (note?.type === 'keep') hearKeep(state, held.key, emit);
  else held.received.pollMs = ctx.nowMs;
}

export function afterPoll(
  state: WorkerState,
  held: Held,
  outcome: StoreOutcome<'get'>,
  ctx: Context,
  emit: Emit,
): void {
  const { received, register } = held;
  if (received === null) return;
  received.asking = false;
  if (!outcome.ok || register.lease !== null || register.write !== null) return;
  const { value } = outcome;
  const parsed = value === null ? null : parseLease(value.body);
  const lease = parsed?.ok === true ? parsed.value : null;
  if (value === null || lease === null) {
    register.lost = { lease: null, etag: value?.etag ?? null };
    return;
  }
  if (adopt(state, held, lease, value.etag, ctx)) return;
  if (lease.fence !== held.fence - 1 || (lease.state !== 'free' && lease.state !== 'held')) {
    register.lost = { lease, etag: value.etag };
    return;
  }
  if (received.seen?.etag !== value.etag) received.seen = { etag: value.etag, sinceMs: ctx.nowMs };
  const unchangedMs = ctx.nowMs - received.seen.sinceMs;
  if (lease.state === 'held' && unchangedMs <= state.options.workload.leaseMs + CLOCK_STEP_MS) return;
  if (held.stop !== null) return;
  log(emit, 'info', 'task-taken-over', { task: held.key, from: received.from, state: lease.state });
  register.etag = value.etag;
  beginWrite(state, held, claimedLease(state, held.spec, lease, null, ctx), 'claim', ctx, emit);
}

/** The lease names this node. When it was written isn't known: it counts from this node's first renewal of it. */
function adopt(state: WorkerState, held: Held, lease: Lease, etag: string, ctx: Context): boolean {
  const { register, received } = held;
  if (received === null || register.lease !== null || register.write !== null || register.lost !== null) return false;
  if (!isFor(state, held, lease)) return false;
  register.lease = lease;
  register.etag = etag;
  register.endMs = ctx.nowMs;
  held.saves.previous = lease.checkpoint;
  state.counters.received++;
  return true;
}
