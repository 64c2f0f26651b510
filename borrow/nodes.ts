/** What a borrower sees of his nodes. */
import { DescribeInstancesCommand, type Instance } from '@aws-sdk/client-ec2';
import { DescribeTargetHealthCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { phaseFromTags, seatFromTags, TAG } from '../core/seats/tags.js';
import type { Aws } from './aws.js';
import type { BorrowedNode } from './types.js';

const MAX_PAGES = 10;
const LIVE = ['pending', 'running', 'stopping', 'stopped', 'shutting-down'];

/** Those that aren't gone, by slot. @throws what the SDK throws */
export async function nodesOf(aws: Aws, cluster: string): Promise<BorrowedNode[]> {
  const found: BorrowedNode[] = [];
  let NextToken: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await aws.ec2.send(
      new DescribeInstancesCommand({
        Filters: [
          { Name: `tag:${TAG.cluster}`, Values: [cluster] },
          { Name: 'instance-state-name', Values: LIVE },
        ],
        NextToken,
      }),
    );
    for (const { Instances = [] } of answer.Reservations ?? []) found.push(...Instances.map(nodeOf));
    NextToken = answer.NextToken;
    if (NextToken === undefined) break;
  }
  return found.sort((a, b) => (a.slot ?? Infinity) - (b.slot ?? Infinity) || (a.id < b.id ? -1 : 1));
}

function nodeOf(instance: Instance): BorrowedNode {
  const tags = Object.fromEntries((instance.Tags ?? []).map(({ Key = '', Value }) => [Key, Value]));
  const privateAddress = instance.PrivateIpAddress ?? null;
  return {
    id: instance.InstanceId ?? '',
    slot: seatFromTags(tags)?.slot ?? null,
    zone: instance.Placement?.AvailabilityZone ?? '',
    instanceType: instance.InstanceType ?? '',
    market: instance.InstanceLifecycle === 'spot' ? 'spot' : 'on-demand',
    address: instance.PublicIpAddress || privateAddress,
    privateAddress,
    state: instance.State?.Name ?? 'unknown',
    phase: phaseFromTags(tags) ?? 'starting',
  };
}

/** Slots whose node serves. Pure. */
export const servingSlots = (nodes: readonly BorrowedNode[]): number =>
  new Set(
    nodes.flatMap(({ slot, state, phase }) =>
      slot !== null && state === 'running' && phase === 'serving' ? [slot] : [],
    ),
  ).size;

/** Targets that the load balancer sends to. @throws what the SDK throws */
export async function healthyTargets(aws: Aws, targetGroupArn: string): Promise<number> {
  const answer = await aws.elbv2.send(new DescribeTargetHealthCommand({ TargetGroupArn: targetGroupArn }));
  return (answer.TargetHealthDescriptions ?? []).filter(({ TargetHealth }) => TargetHealth?.State === 'healthy').length;
}
