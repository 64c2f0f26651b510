/** What a node makes of the signs about itself: notices, risks, others in its slot, a smaller cluster. */
import { readMaintenance, readRebalance, readSpotAction } from '../interruption/notice.js';
import { expire, type FateNews, learn } from '../interruption/tracker.js';
import { verdictAmongMembers } from '../seats/surplus.js';
import { after, type Context, type MonoMs, NEVER } from '../time.js';
import { neededCopy } from './copies.js';
import { leave } from './leaving.js';
import type { ImdsPath } from './port.js';
import { isPressed, pursue } from './pursuing.js';
import { mayBegin, wait } from './safety.js';
import type { Emit, NodeState } from './state.js';
import { everySlotServes, nextSeatOfSlot, slotMates, successor } from './view.js';

const READERS = {
  'spot/instance-action': readSpotAction,
  'events/recommendations/rebalance': readRebalance,
  'events/maintenance/scheduled': readMaintenance,
} as const;

export function hearImds(
  state: NodeState,
  path: ImdsPath,
  status: number,
  body: string,
  ctx: Context,
  emit: Emit,
): void {
  const { fate, news } = learn(state.fate, READERS[path](status, body), state.spec.policy, ctx);
  state.fate = fate;
  for (const item of news) act(state, item, ctx, emit);
}

function act(state: NodeState, news: FateNews, ctx: Context, emit: Emit): void {
  switch (news.type) {
    case 'interrupted': {
      const { action, deadlineMs } = news.notice;
      emit({ type: 'log', level: 'warn', code: 'interruption-notice', fields: { action, deadlineMs } });
      leave(state, 'interruption', deadlineMs, ctx, emit);
      return;
    }
    case 'at-risk': {
      const { cause, untilMs } = news.risk;
      emit({ type: 'log', level: 'warn', code: 'at-risk', fields: { cause, untilMs } });
      if (state.phase !== 'serving') return;
      // A spare stays beside this node; a replacement takes over as soon as it serves.
      if (cause === 'rebalance' && state.spec.policy.rebalance === 'pre-warm') state.standby = 'keep';
      if (cause === 'rebalance' && state.spec.policy.rebalance === 'replace') state.earlyReplacement = true;
      else if (successor(state) === null) pursue(state, 'wish', nextSeatOfSlot(state), ctx, emit);
      return;
    }
    case 'risk-passed':
      emit({ type: 'log', level: 'info', code: 'risk-passed', fields: {} });
      if (state.standby === 'keep') state.standby = 'release';
      state.earlyReplacement = false;
      return;
    case 'unclear':
      // Once per spell, not once a second.
      if (state.fate.unclear === 3)
        emit({ type: 'log', level: 'warn', code: 'imds-unclear', fields: { why: news.why } });
      return;
  }
}

/** Time passes, and others come and go in this node's slot. */
export function reconcileFate(state: NodeState, ctx: Context, emit: Emit): void {
  const { fate, news } = expire(state.fate, ctx);
  state.fate = fate;
  for (const item of news) act(state, item, ctx, emit);
  if (state.phase !== 'serving') return;
  replaceEarly(state, ctx, emit);
  const mates = slotMates(state);
  releaseSpare(state);
  const { id, seat } = state.identity;
  watchSuccessors(state, ctx);
  const verdict = verdictAmongMembers({ id, seat }, state.standby !== 'none', mates);
  if (verdict === 'surplus') leave(state, verdict, null, ctx, emit);
  else if (verdict === 'superseded' && successorSettledMs(state) <= ctx.nowMs) {
    if (!isNeededOnDemand(state, ctx) && mayLeaveCopies(state, 'replace', ctx)) leave(state, verdict, null, ctx, emit);
  } else if (seat.slot >= state.spec.desired && mayScaleIn(state, ctx)) {
    leave(state, 'scale-in', null, ctx, emit);
  }
}

function mayScaleIn(state: NodeState, ctx: Context): boolean {
  if (everySlotServes(state)) return mayLeaveCopies(state, 'scale-in', ctx) && mayBegin(state, 'scale-in', ctx);
  return wait(state, 'scale-in', 'service', 'Not every slot that is wanted has a node that serves.', ctx);
}

/** Others start this node's copies before it goes. */
function mayLeaveCopies(state: NodeState, act: 'replace' | 'scale-in', ctx: Context): boolean {
  const needed = neededCopy(state);
  if (needed === null) return true;
  const { name, hasRoom } = needed;
  const why = hasRoom ? "isn't served elsewhere yet" : 'has no room elsewhere';
  wait(state, act, 'service', `The copy of ${name} on this node ${why}.`, ctx);
  // A newcomer may bring room; but no node is kept for ever because the cluster that is wanted has none.
  const sinceMs = state.waiting?.act === act ? state.waiting.sinceMs : ctx.nowMs;
  return !hasRoom && ctx.nowMs - sinceMs >= state.spec.policy.bootPatienceMs;
}

/** Asks for the successor that a recommendation calls for, as soon as that is safe. */
function replaceEarly(state: NodeState, ctx: Context, emit: Emit): void {
  if (!state.earlyReplacement) return;
  const { slot } = state.identity.seat;
  if (successor(state) === null && !state.pursuits.has(slot)) {
    if (!mayBegin(state, 'replace', ctx)) return;
    pursue(state, 'wish', nextSeatOfSlot(state), ctx, emit);
  }
  state.earlyReplacement = false;
}

/** A return to spot that a Lambda has begun, which knows nothing of pressure: the on-demand node stays while it lasts. */
function isNeededOnDemand(state: NodeState, ctx: Context): boolean {
  if (state.identity.lifecycle !== 'on-demand' || !isPressed(state)) return false;
  const heirs = slotMates(state).filter(({ id }) => state.successors.has(id));
  if (heirs.some(({ meta }) => meta.lifecycle === 'on-demand')) return false;
  wait(state, 'return', 'pressure', 'Work with a deadline falls behind on spot, so this on-demand node stays.', ctx);
  return true;
}

/** The spare is gone, or there was none: nothing is left to release. */
function releaseSpare(state: NodeState): void {
  if (state.standby !== 'release') return;
  const spare = slotMates(state).some((m) => m.meta.seat.generation > state.identity.seat.generation);
  if (!spare && !state.pursuits.has(state.identity.seat.slot)) state.standby = 'none';
}

function watchSuccessors(state: NodeState, ctx: Context): void {
  const healthy = slotMates(state).filter(
    (m) => m.meta.seat.generation > state.identity.seat.generation && m.meta.workload === 'healthy',
  );
  for (const id of state.successors.keys()) if (!healthy.some((m) => m.id === id)) state.successors.delete(id);
  for (const { id } of healthy) if (!state.successors.has(id)) state.successors.set(id, ctx.nowMs);
}

/** When a successor will have been healthy for long enough. */
export function successorSettledMs(state: NodeState): MonoMs {
  let first = NEVER;
  for (const since of state.successors.values()) if (since < first) first = since;
  return first === NEVER ? NEVER : after(first, state.timings.successorSettleMs);
}

/** When a risk passes, on the monotonic clock. */
export function riskEndMs(state: NodeState, ctx: Pick<Context, 'nowMs' | 'wallMs'>): MonoMs {
  const until = state.fate.risk?.untilMs ?? null;
  return until === null ? NEVER : after(ctx.nowMs, Math.max(0, until - ctx.wallMs));
}
