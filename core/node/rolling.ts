/**
 * Rolling update: slot by slot in order, and never one fewer that serves. The live node with the lowest slot among
 * those of an old revision asks for its successor when every slot serves; the successor's health makes it go
 * (`superseded`), and then it is the next slot's turn. A successor that doesn't get healthy in time is sent away, and
 * the roll stands still until the spec changes again. The Banker's rule is asked before a node begins its part.
 */
import { liveMembers } from '../gossip/gossip.js';
import { wantedRevision } from '../spec/revision.js';
import { after, type Context, type MonoMs, NEVER } from '../time.js';
import { pursue } from './pursuing.js';
import { mayBegin, wait } from './safety.js';
import type { Emit, NodeState } from './state.js';
import { everySlotServes, nextSeatOfSlot, successor } from './view.js';

export function reconcileRoll(state: NodeState, ctx: Context, emit: Emit): void {
  const wanted = wantedRevision(state.spec);
  if (state.phase !== 'serving' || state.meta.revision === wanted) return;
  if (state.roll === null || state.roll.wanted !== wanted) {
    if (!isMyTurn(state, ctx) || !mayBegin(state, 'replace', ctx)) return;
    state.roll = { wanted, successor: null, dueMs: NEVER, stopped: false };
    emit({ type: 'log', level: 'info', code: 'roll', fields: { from: state.meta.revision, to: wanted } });
  }
  if (state.roll.stopped) return;
  const next = successor(state);
  if (next === null) {
    // None yet, or what came was lost again.
    pursue(state, 'need', nextSeatOfSlot(state), ctx, emit);
  } else if (next.meta.workload === 'healthy') {
    // Patience begins anew should it fail later: an agent that starts again is no sign of a bad version.
    state.roll = { ...state.roll, successor: next.id, dueMs: NEVER };
  } else if (state.roll.successor !== next.id || state.roll.dueMs === NEVER) {
    state.roll = { ...state.roll, successor: next.id, dueMs: after(ctx.nowMs, state.spec.policy.bootPatienceMs) };
  } else if (state.roll.dueMs <= ctx.nowMs) {
    state.roll = { ...state.roll, stopped: true, dueMs: NEVER };
    state.standby = 'release';
    const fields = { successor: next.id, health: next.meta.workload, to: wanted };
    emit({ type: 'log', level: 'error', code: 'roll-stopped', fields });
  }
}

/** Every slot serves, nobody is on the way out, and no lower slot is still to be done. */
function isMyTurn(state: NodeState, ctx: Context): boolean {
  const { seat } = state.identity;
  if (seat.slot >= state.spec.desired || state.meta.workload !== 'healthy') return false;
  const wanted = wantedRevision(state.spec);
  for (const { id, meta } of liveMembers(state.gossip)) {
    if (id === state.identity.id || meta.seat.slot >= state.spec.desired) continue;
    if (meta.leaving !== null) return false;
    if (meta.revision !== wanted && meta.seat.slot < seat.slot) return false;
  }
  if (everySlotServes(state, true)) return true;
  return wait(state, 'replace', 'service', 'Not every slot has a node that serves, so none is replaced.', ctx);
}

/** When the patience with a successor ends; one that is past has been dealt with. */
export function nextRollMs(state: NodeState, ctx: Pick<Context, 'nowMs'>): MonoMs {
  const dueMs = state.roll?.dueMs ?? NEVER;
  return dueMs > ctx.nowMs ? dueMs : NEVER;
}
