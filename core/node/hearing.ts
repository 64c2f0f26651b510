/**
 * Whether this node's gossip reaches most of the cluster. Nobody but the node itself knows how many it hears, and EC2 alone knows
 * how many there are: so a node that hears few says how many in a tag of its instance, and the sweep compares.
 */
import { liveMembers } from '../gossip/gossip.js';
import type { Context, MonoMs } from '../time.js';
import { nextOwnTagMs, tellTag } from './own-tags.js';
import type { Emit, NodeState } from './state.js';

/** Live members that it hears and that stay, itself included, if they are at most half of the seats; null: more, or there is but one. */
function fewHeard(state: Pick<NodeState, 'gossip' | 'spec'>): number | null {
  const heard = liveMembers(state.gossip).filter(({ meta }) => meta.leaving === null).length;
  return state.spec.desired > 1 && 2 * heard <= state.spec.desired ? heard : null;
}

/** Once a step. */
export function reconcileHearing(state: NodeState, ctx: Context, emit: Emit): void {
  const few = fewHeard(state);
  const fewSinceMs = few === null ? null : (state.hearing.fewSinceMs ?? ctx.nowMs);
  const apart = fewSinceMs !== null && ctx.nowMs - fewSinceMs >= state.timings.hearingSettleMs;
  if (apart !== state.hearing.apart) {
    const fields = { heard: few, seats: state.spec.desired };
    emit({ type: 'log', level: apart ? 'warn' : 'info', code: apart ? 'gossip-apart' : 'gossip-whole', fields });
  }
  state.hearing = { fewSinceMs, apart };
  tellTag(state, 'hears', apart ? String(few) : '', ctx, emit);
}

export const nextHearingMs = (state: NodeState, { nowMs }: Pick<Context, 'nowMs'>): MonoMs =>
  nextOwnTagMs(state, 'hears', state.hearing.fewSinceMs, state.timings.hearingSettleMs, nowMs);
