import type { InstanceState, NodeView } from '../cloud.js';
import type { Member } from '../gossip/member.js';
import { comparePositions } from './rung.js';
import { type HeldSeat, sameSeat } from './seat.js';

/**
 * What a node does about others in its slot. Where reality yields two nodes for a seat, the one with the higher rung,
 * then the higher instance id, ends itself. An older generation makes room for a newer one that serves; only a spare
 * goes when the node that asked for it doesn't need it any more.
 */
export type SlotVerdict = 'stay' | 'surplus' | 'superseded';

export interface Holder {
  readonly id: string;
  readonly seat: HeldSeat;
}

/** True if `a` must go when `a` and `b` hold the same seat. */
export function losesTo(a: Holder, b: Holder): boolean {
  return a.seat.rung !== b.seat.rung ? a.seat.rung > b.seat.rung : a.id > b.id;
}

/** Before it takes work, a node looks at EC2: a twin that wins, or a successor, means that it isn't needed. */
export function verdictBeforeServing(self: Holder, nodes: readonly NodeView[]): SlotVerdict {
  for (const node of nodes) {
    if (node.instanceId === self.id || node.seat === null || node.seat.slot !== self.seat.slot) continue;
    if (!isLiveState(node.state)) continue;
    if (node.seat.generation > self.seat.generation) return 'superseded';
    const twin = { id: node.instanceId, seat: node.seat };
    if (node.seat.generation === self.seat.generation && losesTo(self, twin)) return 'surplus';
  }
  return 'stay';
}

/**
 * While it runs, a node looks at the live members of its slot.
 * @param mates live members of the slot, itself excluded
 * @param keepsSpare its own record asks for, or just released, a spare: then the newer one isn't its successor yet
 */
export function verdictAmongMembers(self: Holder, keepsSpare: boolean, mates: readonly Member[]): SlotVerdict {
  for (const mate of mates) {
    const seat = mate.meta.seat;
    if (seat.generation === self.seat.generation) {
      // A twin that goes already settles it, unless both would go.
      if (mate.meta.leaving === null && losesTo(self, { id: mate.id, seat })) return 'surplus';
    } else if (seat.generation > self.seat.generation) {
      if (!keepsSpare && mate.meta.leaving === null && mate.meta.workload === 'healthy') return 'superseded';
    } else if (mate.meta.standby === 'release' && mate.meta.leaving === null && mate.meta.workload === 'healthy') {
      // One that goes itself, for a twin, releases nobody: the slot would be left empty.
      if (!mates.some((twin) => isWinningTwin(twin, mate))) return 'surplus';
    }
  }
  return 'stay';
}

function isWinningTwin(twin: Member, of: Member): boolean {
  const held = { id: of.id, seat: of.meta.seat };
  if (twin.id === of.id || !sameSeat(twin.meta.seat, held.seat) || twin.meta.leaving !== null) return false;
  return losesTo(held, { id: twin.id, seat: twin.meta.seat });
}

export const isLiveState = (state: InstanceState): boolean => state === 'pending' || state === 'running';

/** The farthest position that any of these nodes has or had in a slot; null when there is none. */
export function farthestSeat(slot: number, seats: Iterable<HeldSeat | null>): HeldSeat | null {
  let best: HeldSeat | null = null;
  for (const seat of seats) {
    if (seat !== null && seat.slot === slot && (best === null || comparePositions(seat, best) > 0)) best = seat;
  }
  return best;
}
