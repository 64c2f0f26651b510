/** Requests to the bucket and questions to peers that wait for their answer. */
import type { Address } from '../gossip/member.js';
import type { LogFields, LogLevel } from '../node/port.js';
import { after, type Context, type MonoMs, NEVER } from '../time.js';
import type { Note, StoreCall } from './port.js';
import type { Emit, OpenCall, Purpose, WorkerState } from './state.js';

/** Longest time that S3 is waited for, in ms. */
const STORE_TIMEOUT_MS = 5_000;
const LEAST_TIMEOUT_MS = 750;
/** The host must answer within the time-out; past this much more the worker stops counting on it. */
const GRACE_MS = 2_000;

export function callStore(state: WorkerState, purpose: Purpose, call: StoreCall, ctx: Context, emit: Emit): void {
  const id = state.nextId++;
  // A reply that is lost must not cost the lease: there is time for another try.
  const ofLease = Math.max(LEAST_TIMEOUT_MS, Math.floor(state.options.workload.leaseMs / 4));
  const timeoutMs = purpose.for === 'register' ? Math.min(STORE_TIMEOUT_MS, ofLease) : STORE_TIMEOUT_MS;
  const expiresMs = after(ctx.nowMs, timeoutMs + GRACE_MS);
  state.calls.set(id, { purpose, op: call.op, sentMs: ctx.nowMs, expiresMs });
  state.counters.requests++;
  emit({ type: 'store', id, call, timeoutMs });
}

export function askPeer(state: WorkerState, purpose: Purpose, to: Address, note: Note, ctx: Context, emit: Emit): void {
  const id = state.nextId++;
  const timeoutMs = state.timings.askMs;
  state.calls.set(id, { purpose, op: null, sentMs: ctx.nowMs, expiresMs: after(ctx.nowMs, timeoutMs + GRACE_MS) });
  emit({ type: 'ask', id, to, note, timeoutMs });
}

/** The question that an answer belongs to; an answer that nobody waits for (late, repeated) has none. */
export function takeCall(state: WorkerState, id: number, store: boolean): OpenCall | null {
  const open = state.calls.get(id);
  if (open === undefined || (open.op !== null) !== store) return null;
  state.calls.delete(id);
  return open;
}

/** What the host never answered: as good as a lost reply. */
export function expiredCalls(state: WorkerState, ctx: Context): readonly (readonly [id: number, call: OpenCall])[] {
  return [...state.calls].filter(([, call]) => call.expiresMs <= ctx.nowMs);
}

export function nextExpiryMs(state: WorkerState): MonoMs {
  let next = NEVER;
  for (const { expiresMs } of state.calls.values()) if (expiresMs < next) next = expiresMs;
  return next;
}

export function isAsking(state: WorkerState, matches: (purpose: Purpose) => boolean): boolean {
  for (const { purpose } of state.calls.values()) if (matches(purpose)) return true;
  return false;
}

export function log(emit: Emit, level: LogLevel, code: string, fields: LogFields): void {
  emit({ type: 'log', level, code, fields });
}
