import type { CloudCall, Outcome } from '../cloud.js';
import { after, type Context, type MonoMs, NEVER } from '../time.js';
import type { Emit, NodeState, OpenCall, Purpose } from './state.js';

/** Longest time that an answer is waited for; a lost reply is asked for again. A fleet over many pools takes longer. */
const TIMEOUT_MS = 5_000;
const LAUNCH_TIMEOUT_MS = 15_000;
/** The host must answer within the time-out; past this much more the brain stops counting on it. */
const GRACE_MS = 5_000;

export function ask(state: NodeState, purpose: Purpose, call: CloudCall, ctx: Context, emit: Emit): void {
  const id = state.nextCallId++;
  const timeoutMs = call.op === 'launch' ? LAUNCH_TIMEOUT_MS : TIMEOUT_MS;
  state.calls.set(id, { purpose, call, expiresMs: after(ctx.nowMs, timeoutMs + GRACE_MS) });
  emit({ type: 'call', id, call, timeoutMs });
}

/** The call that an outcome answers; an outcome nobody waits for (late, repeated) is none. */
export function takeCall(state: NodeState, id: number): OpenCall | null {
  const open = state.calls.get(id) ?? null;
  state.calls.delete(id);
  return open;
}

/** Calls that the host never answered: as good as a lost reply. */
export function expiredCalls(state: NodeState, ctx: Context): { readonly id: number; readonly outcome: Outcome }[] {
  const outcome: Outcome = { ok: false, error: { kind: 'unknown', code: 'NoAnswer', message: 'No answer in time.' } };
  return [...state.calls].filter(([, call]) => call.expiresMs <= ctx.nowMs).map(([id]) => ({ id, outcome }));
}

/** Stops waiting for these calls: their answers, when they come, are answers to nobody. */
export function forgetCalls(state: NodeState, matches: (purpose: Purpose) => boolean): void {
  for (const [id, { purpose }] of state.calls) if (matches(purpose)) state.calls.delete(id);
}

export function isAsking(state: NodeState, matches: (purpose: Purpose) => boolean): boolean {
  for (const { purpose } of state.calls.values()) if (matches(purpose)) return true;
  return false;
}

export function nextCallExpiryMs(state: NodeState): MonoMs {
  let next = NEVER;
  for (const { expiresMs } of state.calls.values()) if (expiresMs < next) next = expiresMs;
  return next;
}
