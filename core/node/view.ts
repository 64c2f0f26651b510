import { liveMembers, members } from '../gossip/gossip.js';
import type { Member, Meta } from '../gossip/member.js';
import { successorOf } from '../seats/seat.js';
import { isLive } from '../seats/vacancy.js';
import { isDue } from './copies.js';
import type { NodeState } from './state.js';

/** Readers of a node's state that several of its parts share. */

/** Live members that hold this node's slot, itself excluded. */
export function slotMates(state: NodeState): Member[] {
  const { id, seat } = state.identity;
  return liveMembers(state.gossip).filter((m) => m.id !== id && m.meta.seat.slot === seat.slot);
}

/** A live holder of a newer generation of this node's slot that isn't going itself. */
export function successor(state: NodeState): Member | null {
  const { generation } = state.identity.seat;
  return slotMates(state).find((m) => m.meta.seat.generation > generation && m.meta.leaving === null) ?? null;
}

/** The seat after the newest that gossip knows of in this node's slot. */
export function nextSeatOfSlot(state: NodeState): { slot: number; generation: number; rung: number } {
  let newest = state.identity.seat.generation;
  for (const member of members(state.gossip)) {
    const { slot, generation } = member.meta.seat;
    if (slot === state.identity.seat.slot && generation > newest) newest = generation;
  }
  return { ...successorOf({ slot: state.identity.seat.slot, generation: newest }), rung: 0 };
}

/** Another live member that says it is filling this slot beyond a generation, and isn't going itself. */
export function pursuedElsewhere(state: NodeState, slot: number, beyondGeneration: number): boolean {
  for (const member of liveMembers(state.gossip)) {
    if (member.id === state.identity.id || member.status !== 'alive' || member.meta.leaving !== null) continue;
    if (member.meta.pursuing.some((s) => s.slot === slot && s.generation > beyondGeneration)) return true;
  }
  return false;
}

/** True when a live member holds this slot with at least this generation. */
export function isHeld(state: NodeState, slot: number, fromGeneration: number): boolean {
  for (const member of liveMembers(state.gossip)) {
    if (member.meta.seat.slot === slot && member.meta.seat.generation >= fromGeneration && isLive(member)) return true;
  }
  return false;
}

/** Whether every slot has a node that serves and stays; with this node, or if it goes. */
export function everySlotServes(state: NodeState, withSelf = false): boolean {
  const serving = new Set<number>();
  for (const { id, meta } of liveMembers(state.gossip)) {
    if ((withSelf || id !== state.identity.id) && meta.workload === 'healthy' && meta.leaving === null)
      serving.add(meta.seat.slot);
  }
  for (let slot = 0; slot < state.spec.desired; slot++) if (!serving.has(slot)) return false;
  return true;
}

/** Of what should run here; a node with nothing to run is healthy. */
export function ownHealth(
  state: Pick<NodeState, 'workloads' | 'targets' | 'phase' | 'spec' | 'copies'>,
): Meta['workload'] {
  const views = [...state.workloads].flatMap(([name, view]) => (isDue(state, name) ? view : []));
  if (views.some((w) => w.status.health === 'unhealthy')) return 'unhealthy';
  if (state.phase !== 'serving' && views.some((w) => w.status.health === 'stopped')) return 'stopped';
  if (views.some((w) => w.status.health !== 'healthy')) return 'starting';
  const targets = state.targets.filter(({ workload }) => isDue(state, workload));
  return targets.every((t) => t.state === 'registered') || state.phase !== 'serving' ? 'healthy' : 'starting';
}

/** A process of some workload may be running. */
export function workloadsRunning(state: NodeState): boolean {
  return [...state.workloads.values()].some((w) => w.started && w.status.health !== 'stopped');
}
