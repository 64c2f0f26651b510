/** `synkti status --json`: a format of its own, so that the view may change without breaking scripts. */
import type { ClusterView, NodeRow } from './view.js';

export function statusJson(view: ClusterView) {
  const { spec } = view;
  return {
    format: 1,
    atMs: view.atMs,
    cluster: spec.cluster,
    region: view.region,
    specVersion: spec.version,
    templateVersion: spec.launch.templateVersion,
    desired: spec.desired,
    serving: view.slots.filter(({ state }) => state === 'serving').length,
    spot: view.spot,
    onDemand: view.onDemand,
    spotUsdPerHour: Number(view.spotUsdPerHour.toFixed(6)),
    slots: view.slots.map(({ slot, state, nodes, hint, emptySinceMs }) => ({
      slot,
      state,
      nodes: nodes.map(({ node }) => node.instanceId),
      ...(hint === null ? {} : { nextLaunch: hint }),
      ...(emptySinceMs === null ? {} : { emptySinceMs }),
    })),
    nodes: view.nodes.map(nodeJson),
    pools: view.pools,
    workloads: view.workloads,
    concerns: view.concerns,
    unseen: view.unseen,
  };
}

function nodeJson({ node, condition, health, ageMs, usdPerHour, old }: NodeRow) {
  const { instanceId, seat, instanceType, zone, lifecycle, privateIp, launchTimeMs, templateVersion } = node;
  return {
    instanceId,
    seat,
    condition,
    instanceType,
    zone,
    lifecycle,
    privateIp,
    launchTimeMs,
    ageMs,
    templateVersion,
    old,
    usdPerHour,
    health: health.map(({ arn, state, reason }) => ({ targetGroupArn: arn, state: state ?? 'not-registered', reason })),
  };
}
