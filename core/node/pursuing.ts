/** The pursuits of a node: which seats it is filling, their calls and their ends. */
import type { Outcome } from '../cloud.js';
import { liveMembers } from '../gossip/gossip.js';
import { launchRecordCall } from '../seats/launch-record.js';
import { answered, asked, dueCall, type Pursuit, startPursuit } from '../seats/pursuit.js';
import { type HeldSeat, seatName } from '../seats/seat.js';
import { type Context, type MonoMs, NEVER } from '../time.js';
import { ask, forgetCalls } from './calls.js';
import type { Emit, NodeState } from './state.js';
import { isHeld } from './view.js';

/** Starts filling a seat; a pursuit of the slot that is on its way goes on, as a need if either is one. */
export function pursue(state: NodeState, kind: Pursuit['kind'], position: HeldSeat, ctx: Context, emit: Emit): void {
  const current = state.pursuits.get(position.slot);
  if (current !== undefined && current.stage !== 'over') {
    if (kind === 'need' && current.kind === 'wish') state.pursuits.set(position.slot, { ...current, kind });
    return;
  }
  state.pursuits.set(position.slot, startPursuit(kind, position, ctx));
  emit({ type: 'log', level: 'info', code: 'pursuit-started', fields: { seat: seatName(position), kind } });
}

export function reconcilePursuits(state: NodeState, ctx: Context, emit: Emit): void {
  const pressed = isPressed(state);
  for (const [slot, pursuit] of state.pursuits) {
    if (isOver(state, pursuit)) {
      state.pursuits.delete(slot);
      continue;
    }
    const call = dueCall(pursuit, state.spec, ctx, pressed);
    if (call === null) continue;
    if (call.op === 'launch') state.counters.launchesAsked++;
    state.pursuits.set(slot, asked(pursuit, call));
    // An earlier pursuit of the slot may still wait: its answer must not be taken for this one's.
    forgetCalls(state, (p) => p.for === 'pursuit' && p.slot === slot);
    ask(state, { for: 'pursuit', slot }, call, ctx, emit);
  }
}

/** This node, or one that lives, says that work with a deadline falls behind on spot. */
export const isPressed = (state: NodeState): boolean =>
  state.pressure || liveMembers(state.gossip).some(({ id, meta }) => meta.pressure && id !== state.identity.id);

/** The seat is held, by whomever; or nobody wants it any more. */
function isOver(state: NodeState, pursuit: Pursuit): boolean {
  if (pursuit.stage === 'over' || pursuit.slot >= state.spec.desired) return true;
  if (pursuit.kind === 'wish' && state.leaving === null && state.fate.risk === null) return true;
  // A rescuer is content with any holder, this node only with one after itself.
  const { slot, generation } = state.identity.seat;
  const from = pursuit.slot === slot ? generation + 1 : 0;
  return isHeld(state, pursuit.slot, from);
}

export function afterPursuitCall(state: NodeState, slot: number, outcome: Outcome, ctx: Context, emit: Emit): void {
  const before = state.pursuits.get(slot);
  if (before === undefined || !before.asked) return;
  const { pursuit, news } = answered(before, outcome, state.spec, ctx);
  state.pursuits.set(slot, pursuit);
  if (news === null) return;
  const fields = {
    seat: seatName(before.position),
    rung: before.position.rung,
    instance: pursuit.launched?.instanceId ?? null,
    error: pursuit.lastError?.code ?? null,
    message: pursuit.lastError?.message ?? null,
  };
  if (news === 'launched') state.counters.replacementsLaunched++;
  if (news === 'launched' && before.stage === 'launch' && pursuit.launched !== null) {
    recordLaunch(state, pursuit.position, pursuit.launched.instanceId, ctx, emit);
  }
  emit({ type: 'log', level: news === 'launched' ? 'info' : 'warn', code: `pursuit-${news}`, fields });
}

/** Only what EC2 answered this node itself: a node that a search found was somebody else's launch. */
function recordLaunch(state: NodeState, seat: HeldSeat, instanceId: string, ctx: Context, emit: Emit): void {
  const { id } = state.identity;
  const by = seat.slot === state.identity.seat.slot ? 'agent' : 'peer';
  const record = { format: 1, seat, instanceId, by, launcher: id, atMs: ctx.wallMs } as const;
  ask(state, { for: 'launch-record' }, launchRecordCall(state.spec.bucket, record), ctx, emit);
}

export function nextPursuitMs(state: NodeState): MonoMs {
  let next = NEVER;
  for (const { dueMs } of state.pursuits.values()) if (dueMs < next) next = dueMs;
  return next;
}
