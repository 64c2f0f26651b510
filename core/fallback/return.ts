import type { NodeView } from '../cloud.js';
import { judge } from '../safety/judge.js';
import { poolName, type SafetyView } from '../safety/view.js';
import { seatName, successorOf } from '../seats/seat.js';
import { isPaused } from '../spec/spec.js';
import type { Act, Scene } from './act.js';
import { isLiveNode } from './holders.js';

/**
 * How long a node stays on-demand before a spot successor is tried. Raising it saves attempts and costs the difference
 * in price for as long.
 */
export const ON_DEMAND_AT_LEAST_MS = 1_800_000;

/**
 * The return from on-demand to spot, of one seat a run: its successor is launched on spot, and the node goes by itself
 * when that serves. Asked for only when every slot serves, and when the Banker's rule says that it is safe. While any slot
 * has two nodes none is begun, so at most one is on its way.
 */
export interface Return {
  readonly act: Act | null;
  /** Why a return waits that would be due; null: none does. */
  readonly waiting: string | null;
}

const NONE: Return = { act: null, waiting: null };

export function returnToSpot({ spec, nodes, wallMs }: Scene): Return {
  // Every rung is on-demand.
  if (spec.launch.onDemandAfter === 0) return NONE;
  const live = nodes.filter(isLiveNode);
  if (live.length !== spec.desired) return NONE;
  const base = spec.launch.onDemandBase ?? 0;
  const candidates = live.filter(
    (node) =>
      node.lifecycle === 'on-demand' &&
      node.seat !== null &&
      node.seat.slot >= base &&
      wallMs - node.launchTimeMs >= ON_DEMAND_AT_LEAST_MS,
  );
  const oldest = candidates.sort((a, b) => a.launchTimeMs - b.launchTimeMs || compareSeats(a, b))[0];
  if (oldest?.seat == null) return NONE;
  if (isPaused(spec.policy, wallMs))
    return { act: null, waiting: 'The policy of the cluster has paused the return to spot.' };
  // A node that holds an act back has its reasons: the cluster isn't at rest.
  const held = live.find(({ waiting }) => (waiting ?? null) !== null);
  if (held !== undefined) return { act: null, waiting: `Node ${held.instanceId} waits: ${held.waiting}` };
  const judgement = judge({ type: 'return', node: oldest.instanceId }, viewOf(spec, live));
  if (!judgement.safe) return { act: null, waiting: judgement.reason };
  const position = { ...successorOf(oldest.seat), rung: 0 };
  return { act: { type: 'fill', position, kind: 'return' }, waiting: null };
}

/** As EC2 alone tells: nothing is known of room and tasks, which the node itself looks after when it goes. */
function viewOf(spec: Scene['spec'], live: readonly NodeView[]): SafetyView {
  return {
    desired: spec.desired,
    onDemandBase: spec.launch.onDemandBase ?? 0,
    pools: spec.launch.pools.map(poolName),
    admission: spec.policy.admission,
    tasks: [],
    nodes: live.map((node) => ({
      id: node.instanceId,
      slot: node.seat?.slot ?? -1,
      pool: poolName(node),
      lifecycle: node.lifecycle,
      serves: node.phase === 'serving',
      leaving: node.phase === 'draining' || node.phase === 'drained',
      freeMemoryMiB: 0,
      freeGpuMemoryMiB: 0,
      memoryMiB: 0,
      gpuMemoryMiB: 0,
    })),
  };
}

function compareSeats(a: NodeView, b: NodeView): number {
  const [x, y] = [a, b].map(({ seat }) => (seat === null ? '' : seatName(seat)));
  return (x ?? '') < (y ?? '') ? -1 : 1;
}
