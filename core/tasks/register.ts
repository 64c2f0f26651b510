/**
 * The writing of one lease. A write is conditional on the ETag that this node knows, and is sent again, byte by byte the same,
 * until it is known to have won or lost. After a conflict or a lost reply the object is read:
 *
 *     its nonce is the write's own    it had won
 *     its nonce is that of before     it hasn't arrived (yet): sent again; should both arrive, the second one conflicts
 *     anything else, or gone          somebody else won: the lease is lost
 *
 * Only one write is on its way at a time and none is given up half-way for another, so that a reply that
 * comes late can't be mistaken. This node counts on a lease from before the *first* sending of the write that won: S3
 * can't have dated the object earlier, so nobody finds it run out before this node does.
 */
import { after, type Context, type MonoMs, NEVER } from '../time.js';
import { callStore, log } from './calls.js';
import { leaseKey } from './keys.js';
import { writeLease } from './leases.js';
import { parseLease } from './parse.js';
import type { StoreOutcome } from './port.js';
import type { Emit, Held, Register, WorkerState, Write, WriteReason } from './state.js';
import { type Lease, leaseEndMs } from './task.js';
import { retryDelayMs } from './timings.js';

/** In place of an ETag, where it isn't known; no object has it. */
export const NOT_READ = 'not read';

export const emptyRegister = (): Register => ({ lease: null, etag: null, endMs: 0 as MonoMs, write: null, lost: null });

/** This node is the holder, as far as it knows; it may have run out. */
export const isHolder = (state: WorkerState, register: Register): boolean =>
  register.lost === null && register.lease?.state === 'held' && register.lease.holder === state.options.identity.id;

/** It may act on the lease: complete, commit, give away. */
export const isCertain = (state: WorkerState, register: Register, ctx: Context): boolean =>
  isHolder(state, register) && ctx.nowMs < register.endMs;

export function beginWrite(
  state: WorkerState,
  held: Held,
  next: Lease,
  why: WriteReason,
  ctx: Context,
  emit: Emit,
): void {
  const { register } = held;
  const firstSentMs = ctx.nowMs;
  const { etag } = register;
  register.write = { next, etag, why, firstSentMs, stage: 'put', dueMs: ctx.nowMs, asking: false, tries: 0 };
  sendWrite(state, held, register.write, ctx, emit);
}

/** Sends again what is due. */
export function reconcileWrite(state: WorkerState, held: Held, ctx: Context, emit: Emit): void {
  const { write } = held.register;
  if (write !== null && !write.asking && write.dueMs <= ctx.nowMs) sendWrite(state, held, write, ctx, emit);
}

export const nextWriteMs = (register: Register): MonoMs =>
  register.write === null || register.write.asking ? NEVER : register.write.dueMs;

function sendWrite(state: WorkerState, held: Held, write: Write, ctx: Context, emit: Emit): void {
  const key = leaseKey(held.spec);
  write.asking = true;
  const call =
    write.stage === 'put'
      ? ({ op: 'put', key, body: writeLease(write.next), etag: write.etag } as const)
      : ({ op: 'get', key } as const);
  callStore(state, { for: 'register', task: held.key, fence: held.fence }, call, ctx, emit);
}

/** True: the write has won, and is `register.lease` now. */
export function afterWrite(state: WorkerState, held: Held, outcome: StoreOutcome, ctx: Context, emit: Emit): boolean {
  const { register } = held;
  const { write } = register;
  if (write === null) return false;
  write.asking = false;
  if (!outcome.ok) {
    const first = write.stage === 'put' && write.why === 'claim' && write.tries === 0 && held.received === null;
    if (first && outcome.error.kind === 'conflict') {
      // Sent once, and refused: it can't have been this one that won. Who did shows at the next look.
      register.write = null;
      register.lost = { lease: null, etag: NOT_READ };
      return false;
    }
    if (write.stage === 'put' && (outcome.error.kind === 'conflict' || outcome.error.kind === 'unknown')) {
      write.stage = 'check';
      write.tries++;
      // What was lost on its way may still arrive: a look at once would often be too early.
      write.dueMs = outcome.error.kind === 'conflict' ? ctx.nowMs : after(ctx.nowMs, state.timings.retryMs);
      if (outcome.error.kind === 'conflict') sendWrite(state, held, write, ctx, emit);
      return false;
    }
    const { kind, code } = outcome.error;
    if (write.tries === 0) log(emit, 'warn', 'lease-write-failed', { task: held.key, why: write.why, kind, code });
    write.dueMs = after(ctx.nowMs, retryDelayMs(state.timings, write.tries++));
    return false;
  }
  if (write.stage === 'put')
    return won(state, register, write, (outcome as StoreOutcome<'put'> & { ok: true }).value.etag);
  return checked(state, held, write, (outcome as StoreOutcome<'get'> & { ok: true }).value, ctx);
}

function checked(
  state: WorkerState,
  held: Held,
  write: Write,
  found: { readonly body: string; readonly etag: string } | null,
  ctx: Context,
): boolean {
  const { register } = held;
  if (found === null) {
    if (write.etag === null) return again(state, write, ctx);
    register.write = null;
    register.lost = { lease: null, etag: null };
    return false;
  }
  const parsed = parseLease(found.body);
  const lease = parsed.ok ? parsed.value : null;
  if (lease?.nonce === write.next.nonce) return won(state, register, write, found.etag);
  if (write.etag !== null && found.etag === write.etag) return again(state, write, ctx);
  if (held.received !== null && register.lease === null && isFor(state, held, lease)) {
    // The sender's gift and this claim crossed. When it was written isn't known: it counts from the first renewal.
    Object.assign(register, { lease, etag: found.etag, endMs: ctx.nowMs, write: null });
    return false;
  }
  register.write = null;
  register.lost = { lease, etag: found.etag };
  return false;
}

/** A lease that a sender wrote for this node. */
export const isFor = (state: WorkerState, held: Held, lease: Lease | null): boolean =>
  lease?.state === 'held' && lease.holder === state.options.identity.id && lease.fence === held.fence;

function again(state: WorkerState, write: Write, ctx: Context): false {
  write.stage = 'put';
  write.dueMs = after(ctx.nowMs, write.tries === 0 ? 0 : retryDelayMs(state.timings, write.tries));
  write.tries++;
  return false;
}

function won(state: WorkerState, register: Register, write: Write, etag: string): true {
  register.lease = write.next;
  register.etag = etag;
  register.endMs = leaseEndMs(write.firstSentMs, state.options.workload.leaseMs);
  register.write = null;
  return true;
}
