/** Keeping the spec fresh: one chosen node reads SSM; the others when they hear of a newer version. */
import type { Outcome } from '../cloud.js';
import { liveMembers } from '../gossip/gossip.js';
import { rendezvousRank } from '../seats/rendezvous.js';
import { parseSpec } from '../spec/parse.js';
import { specParameterName } from '../spec/spec.js';
import { after, type Context } from '../time.js';
import { ask, isAsking } from './calls.js';
import type { Emit, NodeState } from './state.js';

export function reconcileSpec(state: NodeState, ctx: Context, emit: Emit): void {
  if (state.specDueMs > ctx.nowMs || isAsking(state, (p) => p.for === 'spec')) return;
  state.specDueMs = after(ctx.nowMs, state.timings.specPollMs);
  const live = liveMembers(state.gossip).filter((m) => m.status === 'alive');
  const newest = Math.max(...live.map((m) => m.meta.specVersion));
  const chosen =
    rendezvousRank(
      'spec',
      live.map((m) => m.id),
      state.identity.id,
    ) === 0;
  if (!chosen && newest <= state.spec.version) return;
  readSpec(state, ctx, emit);
}

export function readSpec(state: NodeState, ctx: Context, emit: Emit): void {
  ask(state, { for: 'spec' }, { op: 'readSpec', parameter: specParameterName(state.spec.cluster) }, ctx, emit);
}

export function afterSpec(state: NodeState, outcome: Outcome<'readSpec'>, emit: Emit): void {
  if (!outcome.ok) return;
  const parsed = parseSpec(outcome.value);
  if (!parsed.ok) {
    emit({ type: 'log', level: 'error', code: 'spec-unreadable', fields: { problem: parsed.problem } });
    return;
  }
  const spec = parsed.value;
  if (spec.version <= state.spec.version || spec.cluster !== state.spec.cluster || spec.epoch !== state.spec.epoch)
    return;
  state.spec = spec;
  state.membersChanged = true;
  emit({ type: 'log', level: 'info', code: 'spec-adopted', fields: { version: spec.version, desired: spec.desired } });
}
