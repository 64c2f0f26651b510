import type { NodeView } from '../cloud.js';
import type { GossipEffect, GossipState } from '../gossip/gossip.js';
import { stepGossip } from '../gossip/gossip.js';
import { type Address, MAX_PURSUING, type Meta } from '../gossip/member.js';
import type { Context } from '../time.js';
import { hearVersion } from './spec-watch.js';
import type { Emit, NodeState } from './state.js';
import { ownHealth } from './view.js';

/** Takes over what a gossip step gave: its new state, its datagrams, its news of members. */
export function takeGossip(
  state: NodeState,
  step: { readonly state: GossipState; readonly effects: readonly GossipEffect[] },
  ctx: Context,
  emit: Emit,
): void {
  state.gossip = step.state;
  for (const effect of step.effects) {
    if (effect.type !== 'member') {
      emit(effect);
      continue;
    }
    state.membersChanged = true;
    const { member, change } = effect;
    hearVersion(state, member.meta.specVersion, ctx);
    const level = change === 'died' || change === 'suspected' ? 'warn' : 'info';
    if (change === 'updated') continue;
    const { slot, generation } = member.meta.seat;
    emit({ type: 'log', level, code: `member-${change}`, fields: { member: member.id, slot, generation } });
  }
}

/** Where nodes that EC2 knows of can be reached. */
export function seedsOf(nodes: readonly NodeView[], port: number): Address[] {
  return nodes.flatMap(({ privateIp }) => (privateIp === null ? [] : [{ host: privateIp, port }]));
}

/** Tells the others when this node's own record has changed. */
export function publishMeta(state: NodeState, ctx: Context, emit: Emit): void {
  const meta = ownMeta(state);
  if (sameMeta(meta, state.meta)) return;
  state.meta = meta;
  state.membersChanged = true;
  takeGossip(state, stepGossip(state.gossip, { type: 'meta', meta }, ctx), ctx, emit);
}

/** Of one node's records: what can't change during its life isn't compared. */
function sameMeta(a: Meta, b: Meta): boolean {
  return (
    a.workload === b.workload &&
    a.specVersion === b.specVersion &&
    a.standby === b.standby &&
    a.leaving === b.leaving &&
    a.freeMemoryMiB === b.freeMemoryMiB &&
    a.freeGpuMemoryMiB === b.freeGpuMemoryMiB &&
    a.pursuing.length === b.pursuing.length &&
    a.pursuing.every((seat, i) => seat === b.pursuing[i])
  );
}

export function ownMeta(state: Omit<NodeState, 'meta' | 'gossip'>): Meta {
  const { identity } = state;
  return {
    seat: identity.seat,
    zone: identity.zone,
    instanceType: identity.instanceType,
    lifecycle: identity.lifecycle,
    freeMemoryMiB: identity.freeMemoryMiB,
    freeGpuMemoryMiB: identity.freeGpuMemoryMiB,
    workload: ownHealth(state),
    specVersion: state.spec.version,
    revision: state.revision,
    standby: state.standby,
    pursuing: [...state.pursuits.values()]
      .filter((p) => p.stage !== 'over')
      .map((p) => p.position)
      .slice(0, MAX_PURSUING),
    leaving: state.leaving,
  };
}
