import {
  DescribeTargetGroupAttributesCommand,
  DescribeTargetGroupsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { ListServiceQuotasCommand } from '@aws-sdk/client-service-quotas';
import { classify } from '../../../aws/errors.js';
import type { Spec } from '../../../core/spec/spec.js';
import type { Session } from '../../aws/session.js';
import { inParallel } from '../../parallel.js';
import type { GroupFacts, QuotaFacts } from './facts.js';

/** Groups that aren't there are left out. */
export async function readGroups(session: Session, spec: Spec): Promise<GroupFacts[]> {
  const elbv2 = await session.client('elbv2');
  const arns = [...new Set(spec.workloads.flatMap((workload) => workload.targetGroupArns))];
  const groups = await inParallel(arns, async (arn): Promise<GroupFacts | null> => {
    try {
      const [described, attributes] = await Promise.all([
        elbv2.send(new DescribeTargetGroupsCommand({ TargetGroupArns: [arn] })),
        elbv2.send(new DescribeTargetGroupAttributesCommand({ TargetGroupArn: arn })),
      ]);
      const [group] = described.TargetGroups ?? [];
      if (group === undefined) return null;
      const seconds = (key: string): number =>
        Number(attributes.Attributes?.find((one) => one.Key === key)?.Value ?? 0) * 1_000;
      return {
        arn,
        name: group.TargetGroupName ?? arn,
        vpcId: group.VpcId ?? null,
        protocol: group.Protocol ?? '',
        targetType: group.TargetType ?? 'instance',
        healthPath: group.HealthCheckPath ?? null,
        intervalMs: (group.HealthCheckIntervalSeconds ?? 0) * 1_000,
        unhealthyAfter: group.UnhealthyThresholdCount ?? 0,
        deregistrationMs: seconds('deregistration_delay.timeout_seconds'),
        slowStartMs: seconds('slow_start.duration_seconds'),
        balancers: group.LoadBalancerArns?.length ?? 0,
      };
    } catch (error) {
      if (/^TargetGroupNotFound/.test(classify(error).code)) return null;
      throw error;
    }
  });
  return groups.filter((group) => group !== null);
}

const MAX_PAGES = 20;

/** Those of vCPUs. */
export async function readQuotas(session: Session): Promise<QuotaFacts[]> {
  const quotas = await session.client('quotas');
  const found: QuotaFacts[] = [];
  let NextToken: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await quotas.send(new ListServiceQuotasCommand({ ServiceCode: 'ec2', MaxResults: 100, NextToken }));
    for (const { QuotaCode, QuotaName, Value } of answer.Quotas ?? []) {
      if (QuotaCode === undefined || QuotaName === undefined || Value === undefined) continue;
      if (!/^(All .+ Spot Instance Requests|Running On-Demand .+ instances)$/.test(QuotaName)) continue;
      found.push({ code: QuotaCode, name: QuotaName, value: Value });
    }
    NextToken = answer.NextToken;
    if (NextToken === undefined) break;
  }
  return found;
}

export async function readBucket(session: Session, spec: Spec): Promise<null> {
  const s3 = await session.client('s3');
  // A HEAD's refusal has no body to tell what is missing.
  await s3.send(new ListObjectsV2Command({ Bucket: spec.bucket, MaxKeys: 1 }));
  return null;
}

/** A file, or a folder that holds something. */
export async function readFiles(
  session: Session,
  urls: readonly string[],
): Promise<{ readonly url: string; readonly there: boolean }[]> {
  const s3 = await session.client('s3');
  return inParallel(urls, async (url) => {
    const [, Bucket = '', Prefix = ''] = /^s3:\/\/([^/]+)\/(.+)$/.exec(url) ?? [];
    try {
      const answer = await s3.send(new ListObjectsV2Command({ Bucket, Prefix, MaxKeys: 1 }));
      return { url, there: (answer.Contents ?? []).length > 0 };
    } catch (error) {
      if (classify(error).code === 'NoSuchBucket') return { url, there: false };
      throw error;
    }
  });
}
