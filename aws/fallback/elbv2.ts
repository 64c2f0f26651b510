import {
  DescribeTargetHealthCommand,
  type ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { RegisteredTarget } from '../../core/fallback/port.js';

export interface FallbackElbv2 {
  findTargets(targetGroupArn: string, signal: AbortSignal): Promise<readonly RegisteredTarget[]>;
}

export function createFallbackElbv2(client: ElasticLoadBalancingV2Client): FallbackElbv2 {
  return {
    async findTargets(TargetGroupArn, signal) {
      const answer = await client.send(new DescribeTargetHealthCommand({ TargetGroupArn }), { abortSignal: signal });
      return (answer.TargetHealthDescriptions ?? []).flatMap(({ Target, TargetHealth }) => {
        // One that drains is on its way out: it needs no other deregistration.
        if (Target?.Id === undefined || TargetHealth?.State === 'draining') return [];
        return { instanceId: Target.Id, port: Target.Port ?? 0, healthy: TargetHealth?.State === 'healthy' };
      });
    },
  };
}
