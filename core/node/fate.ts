/** What a node makes of the signs about itself: notices, risks, others in its slot, a smaller cluster. */
import { readMaintenance, readRebalance, readSpotAction } from '../interruption/notice.js';
import { expire, type FateNews, learn } from '../interruption/tracker.js';
import { verdictAmongMembers } from '../seats/surplus.js';
import { after, type Context, type MonoMs, NEVER } from '../time.js';
import { leave } from './leaving.js';
import type { ImdsPath } from './port.js';
import { pursue } from './pursuing.js';
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
      if (successor(state) === null) pursue(state, 'wish', nextSeatOfSlot(state), ctx, emit);
      return;
    }
    case 'risk-passed':
      emit({ type: 'log', level: 'info', code: 'risk-passed', fields: {} });
      if (state.standby === 'keep') state.standby = 'release';
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
  const mates = slotMates(state);
  releaseSpare(state);
  const { id, seat } = state.identity;
  watchSuccessors(state, ctx);
  const verdict = verdictAmongMembers({ id, seat }, state.standby !== 'none', mates);
  if (verdict === 'surplus' || (verdict === 'superseded' && successorSettledMs(state) <= ctx.nowMs)) {
    leave(state, verdict, null, ctx, emit);
  } else if (seat.slot >= state.spec.desired && everySlotServes(state)) {
    leave(state, 'scale-in', null, ctx, emit);
  }
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
