/** What the tests of the operations commands share. */
import type { Answers, OpsNode, TargetAnswer } from '../../../cli/ops/answers.js';
import { type ClusterView, viewOf } from '../../../cli/ops/view.js';
import { seatName } from '../../../core/seats/seat.js';
import type { Spec } from '../../../core/spec/spec.js';
import { EPOCH_MS, nodeViewOf, seatOf, specOf, TARGET_GROUP } from '../../core/fixtures.js';

export const NOW_MS = EPOCH_MS + 3_600_000;

/** The node of a seat: an hour old, on spot, serving. Its id is made from the seat. */
export function opsNode(slot: number, generation = 1, change: Partial<OpsNode> = {}): OpsNode {
  const seat = seatOf(slot, generation);
  return {
    ...nodeViewOf(idOf(slot, generation), seat),
    phase: 'serving',
    launchTimeMs: EPOCH_MS,
    templateVersion: 3,
    subnetId: 'subnet-a',
    imageId: 'ami-00000000000000001',
    architecture: 'arm64',
    securityGroupIds: [],
    endedMs: null,
    ...change,
  };
}

export const idOf = (slot: number, generation = 1): string =>
  `i-${(slot * 256 + generation).toString(16).padStart(17, '0')}`;

export const target = (
  node: OpsNode,
  state: TargetAnswer['state'] = 'healthy',
  reason: string | null = null,
): TargetAnswer => ({
  instanceId: node.instanceId,
  port: 8080,
  state,
  reason,
});

/** All nodes that serve are healthy, unless it is said otherwise. */
export function answersOf(nodes: readonly OpsNode[], change: Partial<Answers> = {}): Answers {
  const well = nodes.filter(({ state, phase }) => state === 'running' && phase === 'serving');
  return {
    atMs: NOW_MS,
    nodes,
    groups: [{ arn: TARGET_GROUP, targets: well.map((node) => target(node)) }],
    prices: [
      { instanceType: 'm7g.large', zone: 'us-east-1a', usdPerHour: 0.03, sinceMs: EPOCH_MS },
      { instanceType: 'm6g.large', zone: 'us-east-1a', usdPerHour: 0.04, sinceMs: EPOCH_MS },
    ],
    reports: [],
    hints: new Map(),
    unseen: [],
    ...change,
  };
}

export const view = (nodes: readonly OpsNode[], change: Partial<Answers> = {}, spec: Partial<Spec> = {}): ClusterView =>
  viewOf(specOf(spec), 'us-east-1', answersOf(nodes, change));

export const kinds = ({ concerns }: ClusterView): string[] => concerns.map(({ kind }) => kind);

export { seatName };
