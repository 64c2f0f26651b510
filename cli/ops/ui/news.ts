/** What is different between two looks at a cluster, in sentences. */

import type { OpsNode } from '../answers.js';
import type { ClusterView, NodeCondition, NodeRow } from '../view.js';

const TEXTS: Readonly<Record<NodeCondition, string>> = {
  booting: 'boots',
  serving: 'serves',
  unhealthy: "runs and isn't healthy",
  draining: 'drains',
  drained: 'has drained',
  ending: 'is being ended by EC2',
};

/** In the order of the nodes. */
export function newsOf(before: ClusterView, after: ClusterView): string[] {
  const known = new Map(before.nodes.map((row) => [row.node.instanceId, row]));
  const there = new Set(after.nodes.map(({ node }) => node.instanceId));
  const spec = specNews(before, after);
  return [
    ...(spec === null ? [] : [spec]),
    ...before.nodes.filter(({ node }) => !there.has(node.instanceId)).map(({ node }) => `${placeOf(node)} is gone`),
    ...after.nodes.flatMap((row) => nodeNews(known.get(row.node.instanceId), row)),
  ];
}

function nodeNews(before: NodeRow | undefined, { node, condition }: NodeRow): string[] {
  const came =
    before === undefined
      ? [`${placeOf(node)} was launched, ${node.instanceType} ${node.lifecycle} in ${node.zone}`]
      : [];
  if (before?.condition === condition || (before === undefined && condition === 'booting')) return came;
  return [...came, `${placeOf(node)} ${TEXTS[condition]}`];
}

function specNews({ spec: a }: ClusterView, { spec: b }: ClusterView): string | null {
  if (a.version === b.version) return null;
  const what = [
    ...(a.desired === b.desired ? [] : [`${b.desired} seats instead of ${a.desired}`]),
    ...(a.launch.templateVersion === b.launch.templateVersion ? [] : [`template ${b.launch.templateVersion}`]),
    ...(a.policy.paused === b.policy.paused ? [] : [b.policy.paused ? 'paused' : 'resumed']),
  ];
  return `spec ${b.version} came${what.length === 0 ? '' : `: ${what.join(', ')}`}`;
}

export const placeOf = ({ seat, instanceId }: OpsNode): string =>
  seat === null ? instanceId : `slot ${seat.slot} (${instanceId})`;
