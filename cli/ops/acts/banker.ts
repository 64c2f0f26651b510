/**
 * The Banker's rule as an operator's machine can ask it: what EC2 and the target groups tell, nothing of rooms and tasks,
 * which the agents look after themselves.
 */
import { judge, type VoluntaryAct } from '../../../core/safety/judge.js';
import { poolName, type SafeNode, type SafetyView } from '../../../core/safety/view.js';
import { countText } from '../show.js';
import type { ClusterView, NodeRow } from '../view.js';

export type Safety = { readonly safe: true; readonly why: string } | { readonly safe: false; readonly why: string };

export function safetyView(view: ClusterView, desired = view.spec.desired): SafetyView {
  const { spec, nodes } = view;
  const live = nodes.filter(({ condition, node }) => condition !== 'ending' && node.seat !== null);
  return {
    desired,
    onDemandBase: spec.launch.onDemandBase ?? 0,
    pools: spec.launch.pools.map(poolName),
    admission: spec.policy.admission,
    tasks: [],
    nodes: live.map(asSafe),
  };
}

const asSafe = ({ node, condition }: NodeRow): SafeNode => ({
  id: node.instanceId,
  slot: node.seat?.slot ?? 0,
  pool: poolName(node),
  lifecycle: node.lifecycle,
  serves: condition === 'serving',
  leaving: condition === 'draining' || condition === 'drained',
  freeMemoryMiB: 0,
  freeGpuMemoryMiB: 0,
  memoryMiB: 0,
  gpuMemoryMiB: 0,
});

const served = (view: SafetyView): number =>
  new Set(
    view.nodes.filter(({ serves, leaving, slot }) => serves && !leaving && slot < view.desired).map(({ slot }) => slot),
  ).size;

/** A successor first, and then the node goes. */
export function judgeReplace(row: NodeRow, view: ClusterView): Safety {
  const before = safetyView(view);
  const judgement = judge({ type: 'replace', node: row.node.instanceId }, before);
  if (!judgement.safe) return { safe: false, why: judgement.reason };
  return { safe: true, why: `${servedText(served(before), before.desired)} all the while.` };
}

/** The node goes at once, and its successor comes meanwhile: until it serves the others must do. */
export function judgeDrain(row: NodeRow, view: ClusterView): Safety {
  const before = safetyView(view);
  const { slot = -1 } = row.node.seat ?? {};
  const rest = { ...before, nodes: before.nodes.filter(({ id }) => id !== row.node.instanceId) };
  const left = served(rest);
  const others = before.desired - (slot >= 0 && slot < before.desired ? 1 : 0);
  const heir = rest.nodes.some((node) => node.slot === slot && node.serves && !node.leaving);
  if (row.condition === 'serving' && left === 0 && before.desired > 0) {
    return {
      safe: false,
      why: 'Nothing else serves: until its replacement does, nobody would. synkti replace brings the successor first.',
    };
  }
  if (!heir && left < others) {
    return {
      safe: false,
      why: `Only ${servedText(left, before.desired)} without it; wait until every other slot serves.`,
    };
  }
  const judgement = judge({ type: 'replace', node: row.node.instanceId }, before);
  if (!judgement.safe) return { safe: false, why: judgement.reason };
  return { safe: true, why: `${servedText(left, before.desired)} until its replacement does.` };
}

/** All of them, one after the other, as the agents do it. */
export function judgeInOrder(
  act: 'replace' | 'scale-in',
  rows: readonly NodeRow[],
  view: ClusterView,
  desired = view.spec.desired,
): Safety {
  let now = safetyView(view, desired);
  if (desired === 0) return { safe: true, why: 'An empty cluster is what is wished for.' };
  for (const { node } of rows) {
    const one: VoluntaryAct = { type: act, node: node.instanceId };
    const judgement = judge(one, now);
    if (!judgement.safe) return { safe: false, why: judgement.reason };
    if (act === 'scale-in') now = { ...now, nodes: now.nodes.filter(({ id }) => id !== node.instanceId) };
  }
  return { safe: true, why: `${servedText(served(now), desired)} all the while.` };
}

const servedText = (count: number, desired: number): string => `${count} of ${countText(desired, 'slot')} served`;
