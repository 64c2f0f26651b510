/** Before and while a node serves: the look at EC2, the start of the workloads, the registration in target groups. */
import type { Outcome } from '../cloud.js';
import { liveMembers, stepGossip } from '../gossip/gossip.js';
import { backoffMs } from '../seats/rung.js';
import { verdictBeforeServing } from '../seats/surplus.js';
import { after, type Context } from '../time.js';
import { ask, isAsking } from './calls.js';
import { isDue, isPlaced } from './copies.js';
import { seedsOf, takeGossip } from './gossiping.js';
import { leave } from './leaving.js';
import type { Emit, NodeState } from './state.js';
import { askTarget } from './targets.js';

export function reconcileStart(state: NodeState, ctx: Context, emit: Emit): void {
  if (state.phase !== 'looking') return;
  if (ctx.nowMs - state.startedMs >= state.timings.startPatienceMs) {
    emit({ type: 'log', level: 'warn', code: 'start-unchecked', fields: {} });
    startServing(state, ctx, emit);
    return;
  }
  if (state.lookDueMs <= ctx.nowMs) lookAtEc2(state, ctx, emit);
}

export function afterStartLook(state: NodeState, outcome: Outcome<'findNodes'>, ctx: Context, emit: Emit): void {
  if (!outcome.ok) {
    state.lookDueMs = after(ctx.nowMs, backoffMs(2, ctx.rng));
    return;
  }
  const { identity, spec } = state;
  const others = outcome.value.filter((n) => n.instanceId !== identity.id && n.state === 'running');
  const seeds = seedsOf(others, spec.gossip.port);
  takeGossip(state, stepGossip(state.gossip, { type: 'join', seeds }, ctx), ctx, emit);
  state.lookDueMs = after(ctx.nowMs, state.timings.relookMs);
  // Later looks only find peers.
  if (state.phase !== 'looking') return;
  const verdict = verdictBeforeServing({ id: identity.id, seat: identity.seat }, outcome.value);
  startServing(state, ctx, emit);
  if (verdict !== 'stay') leave(state, verdict, null, ctx, emit);
}

function startServing(state: NodeState, ctx: Context, emit: Emit): void {
  state.phase = 'serving';
  state.lookDueMs = after(ctx.nowMs, state.timings.relookMs);
  emit({ type: 'log', level: 'info', code: 'serving', fields: { slot: state.identity.seat.slot } });
}

export function reconcileServing(state: NodeState, ctx: Context, emit: Emit): void {
  if (state.phase !== 'serving') return;
  lookForPeers(state, ctx, emit);
  for (const [name, view] of state.workloads) {
    if (view.started || isPlaced(state.spec, name)) continue;
    state.workloads.set(name, { ...view, started: true });
    emit({ type: 'start-workload', name });
  }
  const isHealthy = (name: string): boolean => state.workloads.get(name)?.status.health === 'healthy';
  const healthy = [...state.workloads.keys()].every((name) => isPlaced(state.spec, name) || isHealthy(name));
  state.targets.forEach((target, index) => {
    const { workload } = target;
    // A copy is a matter of its own; the rest of a node serves as a whole.
    const ready = isPlaced(state.spec, workload) ? isDue(state, workload) && isHealthy(workload) : healthy;
    if (ready && target.state !== 'registered') askTarget(state, target, index, 'register', ctx, emit);
  });
}

/** A node that knows nobody, where others should be, looks again: they may have started at the same moment. */
function lookForPeers(state: NodeState, ctx: Context, emit: Emit): void {
  if (state.spec.desired < 2 || state.lookDueMs > ctx.nowMs || liveMembers(state.gossip).length > 1) return;
  lookAtEc2(state, ctx, emit);
}

function lookAtEc2(state: NodeState, ctx: Context, emit: Emit): void {
  if (isAsking(state, (p) => p.for === 'start')) return;
  const { cluster, epoch } = state.spec;
  ask(state, { for: 'start' }, { op: 'findNodes', cluster, epoch, slot: null }, ctx, emit);
}
