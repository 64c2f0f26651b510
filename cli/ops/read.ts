/**
 * Reads a cluster once. Beside the spec: a page of 1,000 nodes, one call for each target group, one for the prices, one
 * for the list of incident reports; a hint for each empty slot. Only the nodes are indispensable; whatever else can't be
 * read is named, so that a narrow set of rights still shows most.
 */
import {
  type _InstanceType,
  DescribeInstancesCommand,
  DescribeSpotPriceHistoryCommand,
  type EC2Client,
  type Instance,
} from '@aws-sdk/client-ec2';
import { DescribeTargetHealthCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { nodeView } from '../../aws/ec2.js';
import { createS3 } from '../../aws/s3.js';
import { isHolder } from '../../core/fallback/holders.js';
import type { HeldSeat } from '../../core/seats/seat.js';
import { TAG } from '../../core/seats/tags.js';
import type { Spec } from '../../core/spec/spec.js';
import type { Session } from '../aws/session.js';
import { inParallel } from '../parallel.js';
import type { Answers, HealthState, OpsNode, ReportHead, SpotPrice, TargetGroupAnswer, Unseen } from './answers.js';

const PAGE = 1_000;
const MAX_PAGES = 20;
/** Empty slots whose hints are read. */
const MAX_HINTS = 20;
/** Pages of 1,000 incident reports. */
const MAX_REPORT_PAGES = 10;

/** For those who look again and again. */
export interface Known {
  /** What needn't be read again. */
  readonly prices?: readonly SpotPrice[];
  readonly reports?: readonly ReportHead[];
  /** Told of each part that couldn't be read. */
  readonly failed?: (error: unknown) => void;
}

export async function readAnswers(session: Session, spec: Spec, known: Known = {}): Promise<Answers> {
  const unseen: Unseen[] = [];
  const orElse = async <T>(what: string, work: Promise<T>, none: T): Promise<T> =>
    work.catch((error: unknown) => {
      known.failed?.(error);
      unseen.push({ what, why: session.explain(error).message });
      return none;
    });
  const arns = [...new Set(spec.workloads.flatMap((workload) => workload.targetGroupArns))];
  const [nodes, groups, prices, reports] = await Promise.all([
    readNodes(session, spec),
    inParallel(arns, (arn) => orElse(`target group ${groupName(arn)}`, readTargets(session, arn), null)),
    known.prices ?? orElse('spot prices', readSpotPrices(session, spec), []),
    known.reports ?? orElse('incident reports', readReports(session, spec.bucket), []),
  ]);
  const hints = await orElse('launch hints', readHints(session, spec, nodes), new Map());
  const answered = groups.filter((group) => group !== null);
  return { atMs: Date.now(), nodes, groups: answered, prices, reports, hints, unseen };
}

/** `targetgroup/name/id` without the rest. */
export const groupName = (arn: string): string => /targetgroup\/([^/]+)/.exec(arn)?.[1] ?? arn;

export async function readNodes(session: Session, spec: Pick<Spec, 'cluster' | 'epoch'>): Promise<OpsNode[]> {
  const ec2 = await session.client('ec2');
  const nodes: OpsNode[] = [];
  let NextToken: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await ec2.send(
      new DescribeInstancesCommand({
        Filters: [
          { Name: `tag:${TAG.cluster}`, Values: [spec.cluster] },
          { Name: `tag:${TAG.epoch}`, Values: [spec.epoch] },
        ],
        MaxResults: PAGE,
        NextToken,
      }),
    );
    for (const { Instances } of answer.Reservations ?? []) {
      for (const instance of Instances ?? []) {
        const node = opsNode(instance);
        if (node !== null) nodes.push(node);
      }
    }
    NextToken = answer.NextToken;
    if (!NextToken) break;
  }
  return nodes;
}

export function opsNode(instance: Instance): OpsNode | null {
  const view = nodeView(instance, null);
  if (view === null) return null;
  const template = instance.Tags?.find(({ Key }) => Key === TAG.template)?.Value ?? '';
  return {
    ...view,
    templateVersion: /^\d{1,9}$/.test(template) ? Number(template) : null,
    subnetId: instance.SubnetId ?? null,
    imageId: instance.ImageId ?? null,
    architecture: instance.Architecture ?? null,
    securityGroupIds: (instance.SecurityGroups ?? []).flatMap(({ GroupId }) => GroupId ?? []),
    endedMs: transitionMs(instance.StateTransitionReason),
  };
}

/** `User initiated (2026-01-17 10:30:00 GMT)` */
function transitionMs(reason: string | undefined): number | null {
  const found = /\((\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) GMT\)/.exec(reason ?? '');
  return found === null ? null : Date.parse(`${found[1]}T${found[2]}Z`);
}

async function readTargets(session: Session, arn: string): Promise<TargetGroupAnswer> {
  const elbv2 = await session.client('elbv2');
  const answer = await elbv2.send(new DescribeTargetHealthCommand({ TargetGroupArn: arn }));
  const targets = (answer.TargetHealthDescriptions ?? []).flatMap(({ Target, TargetHealth }) => {
    if (Target?.Id === undefined) return [];
    const state = (TargetHealth?.State ?? 'unavailable') as HealthState;
    const reason = TargetHealth?.Description ?? TargetHealth?.Reason ?? null;
    return [{ instanceId: Target.Id, port: Target.Port ?? 0, state, reason }];
  });
  return { arn, targets };
}

const PRODUCT = 'Linux/UNIX';

/** As they are now, of the spec's pools. */
export async function readSpotPrices(session: Session, spec: Pick<Spec, 'launch'>): Promise<SpotPrice[]> {
  const ec2: EC2Client = await session.client('ec2');
  const { pools } = spec.launch;
  const now = new Date();
  const prices: SpotPrice[] = [];
  let NextToken: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await ec2.send(
      new DescribeSpotPriceHistoryCommand({
        // From now on: the price that holds of each pool.
        StartTime: now,
        InstanceTypes: [...new Set(pools.map(({ instanceType }) => instanceType as _InstanceType))],
        ProductDescriptions: [PRODUCT],
        Filters: [{ Name: 'availability-zone', Values: [...new Set(pools.map(({ zone }) => zone))] }],
        MaxResults: PAGE,
        NextToken,
      }),
    );
    for (const { InstanceType, AvailabilityZone, SpotPrice, Timestamp } of answer.SpotPriceHistory ?? []) {
      const usdPerHour = Number(SpotPrice);
      if (!InstanceType || !AvailabilityZone || !(usdPerHour > 0)) continue;
      prices.push({
        instanceType: InstanceType,
        zone: AvailabilityZone,
        usdPerHour,
        sinceMs: Timestamp?.getTime() ?? 0,
      });
    }
    NextToken = answer.NextToken;
    if (!NextToken) break;
  }
  return prices;
}

/** Newest first. Reports carry their instance in the key. */
export async function readReports(session: Session, bucket: string): Promise<ReportHead[]> {
  const s3 = await session.client('s3');
  const reports: ReportHead[] = [];
  let ContinuationToken: string | undefined;
  for (let page = 0; page < MAX_REPORT_PAGES; page++) {
    const answer = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: 'incidents/', MaxKeys: PAGE, ContinuationToken }),
    );
    for (const { Key, LastModified } of answer.Contents ?? []) {
      const instanceId = /^incidents\/(i-[0-9a-f]{8,17})-[0-9a-z]+\.json$/.exec(Key ?? '')?.[1];
      if (Key === undefined || instanceId === undefined) continue;
      reports.push({ key: Key, instanceId, writtenMs: LastModified?.getTime() ?? 0 });
    }
    ContinuationToken = answer.NextContinuationToken;
    if (ContinuationToken === undefined) break;
  }
  return reports.sort((a, b) => b.writtenMs - a.writtenMs || (a.key < b.key ? -1 : 1));
}

async function readHints(
  session: Session,
  spec: Spec,
  nodes: readonly OpsNode[],
): Promise<ReadonlyMap<number, HeldSeat>> {
  const held = new Set(nodes.filter(isHolder).map(({ seat }) => seat?.slot));
  const empty: number[] = [];
  for (let slot = 0; slot < spec.desired && empty.length < MAX_HINTS; slot++) if (!held.has(slot)) empty.push(slot);
  if (empty.length === 0) return new Map();
  const s3 = createS3(await session.client('s3'));
  const signal = AbortSignal.timeout(10_000);
  const hints = await inParallel(empty, (slot) => s3.readHint(spec.bucket, slot, signal));
  return new Map(hints.flatMap((hint) => (hint === null ? [] : [[hint.position.slot, hint.position] as const])));
}
