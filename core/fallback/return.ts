import type { NodeView } from '../cloud.js';
import { seatName, successorOf } from '../seats/seat.js';
import type { Act, Scene } from './act.js';
import { isLiveNode } from './holders.js';

/**
 * How long a node stays on-demand before a spot successor is tried. Raising it saves attempts and costs the difference
 * in price for as long.
 */
export const ON_DEMAND_AT_LEAST_MS = 1_800_000;

/**
 * The return from on-demand to spot, of one seat a run: its successor is launched on spot, and the node goes by itself
 * when that serves. Asked for only when every slot serves. While any slot has two nodes none is begun, so at most one
 * is on its way.
 */
export function returnToSpot({ spec, nodes, wallMs }: Scene): Act | null {
  // Every rung is on-demand.
  if (spec.launch.onDemandAfter === 0) return null;
  const live = nodes.filter(isLiveNode);
  if (live.length !== spec.desired) return null;
  const base = spec.launch.onDemandBase ?? 0;
  const candidates = live.filter(
    (node) =>
      node.lifecycle === 'on-demand' &&
      node.seat !== null &&
      node.seat.slot >= base &&
      wallMs - node.launchTimeMs >= ON_DEMAND_AT_LEAST_MS,
  );
  const oldest = candidates.sort((a, b) => a.launchTimeMs - b.launchTimeMs || compareSeats(a, b))[0];
  if (oldest?.seat == null) return null;
  return { type: 'fill', position: { ...successorOf(oldest.seat), rung: 0 }, kind: 'return' };
}

function compareSeats(a: NodeView, b: NodeView): number {
  const [x, y] = [a, b].map(({ seat }) => (seat === null ? '' : seatName(seat)));
  return (x ?? '') < (y ?? '') ? -1 : 1;
}
