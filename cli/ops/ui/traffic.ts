/**
 * Traffic of a cluster for a page that looks again and again: CloudWatch is asked once a minute, by one call for all of the
 * cluster's target groups behind application load balancers, since it bills each metric. Without such a balancer it isn't
 * asked. Who may not ask, or gets no answer, is told so, has no card, and sees all else.
 */
import type { MetricDataQuery } from '@aws-sdk/client-cloudwatch';
import { classify } from '../../../aws/errors.js';
import { callOf } from '../../../aws/failed-call.js';
import { deniedAction } from '../../../aws/failure.js';
import type { Spec } from '../../../core/spec/spec.js';
import type { Session } from '../../aws/session.js';
import { inParallel } from '../../parallel.js';
import type { TrafficCard } from '../../ui/picture.js';
import type { Unseen } from '../answers.js';
import {
  type BalancedGroup,
  balancedGroup,
  MINUTE_MS,
  MINUTES,
  type Query,
  queriesOf,
  type Series,
  trafficCard,
} from './traffic-card.js';

/** After a denial or a throttled call, and while a group has no balancer yet. */
const SELDOM_MS = 300_000;
/** The rest of the look waits for this one. */
const ANSWER_MS = 5_000;
/** GetMetricData takes so many metrics a call. */
const MAX_QUERIES = 500;
/** One is enough for an hour by minute, unless AWS splits it. */
const MAX_PAGES = 10;

export interface TrafficSeen {
  /** Null: no application load balancer sends to the cluster, or it can't be seen. */
  readonly card: TrafficCard | null;
  /** Why it can't. */
  readonly unseen: Unseen | null;
}

const NOTHING: TrafficSeen = { card: null, unseen: null };

interface Balanced {
  readonly arns: string;
  readonly groups: readonly BalancedGroup[];
  /** When to ask again; null: all have a balancer. */
  readonly againMs: number | null;
}

export class TrafficLooks {
  #balanced: Balanced | null = null;
  #seen = NOTHING;
  #nextMs = 0;

  /** Never rejects. */
  async look(session: Session, spec: Pick<Spec, 'workloads'>, nowMs: number): Promise<TrafficSeen> {
    const arns = [...new Set(spec.workloads.flatMap((workload) => workload.targetGroupArns))].sort();
    if (arns.length === 0) return NOTHING;
    const changed = this.#balanced !== null && this.#balanced.arns !== arns.join();
    if (nowMs < this.#nextMs && !changed) return this.#seen;
    const signal = AbortSignal.timeout(ANSWER_MS);
    try {
      const groups = await this.#groupsOf(session, arns, nowMs, signal);
      this.#seen =
        groups.length === 0 ? NOTHING : { card: await readTraffic(session, groups, nowMs, signal), unseen: null };
      this.#nextMs = nowMs + MINUTE_MS;
    } catch (error) {
      const why = signal.aborted ? `No answer within ${ANSWER_MS / 1_000} s.` : session.explain(error).message;
      this.#seen = { card: null, unseen: { what: 'traffic', why } };
      const lasting = deniedAction(error, callOf(error)) !== null || classify(error).kind === 'throttle';
      this.#nextMs = nowMs + (lasting ? SELDOM_MS : MINUTE_MS);
    }
    return this.#seen;
  }

  async #groupsOf(
    session: Session,
    arns: readonly string[],
    nowMs: number,
    signal: AbortSignal,
  ): Promise<readonly BalancedGroup[]> {
    const known = this.#balanced;
    if (known !== null && known.arns === arns.join() && (known.againMs === null || nowMs < known.againMs)) {
      return known.groups;
    }
    const answers = await inParallel(arns, (arn) => readBalancers(session, arn, signal));
    const groups = answers.flatMap((balancers, i) =>
      balancers.flatMap((balancer) => balancedGroup(arns[i] ?? '', balancer) ?? []),
    );
    const againMs = answers.some((balancers) => balancers.length === 0) ? nowMs + SELDOM_MS : null;
    this.#balanced = { arns: arns.join(), groups, againMs };
    return groups;
  }
}

/** Of a group that isn't there: none. */
async function readBalancers(session: Session, arn: string, abortSignal: AbortSignal): Promise<readonly string[]> {
  const { DescribeTargetGroupsCommand } = await import('@aws-sdk/client-elastic-load-balancing-v2');
  const elbv2 = await session.client('elbv2');
  try {
    const answer = await elbv2.send(new DescribeTargetGroupsCommand({ TargetGroupArns: [arn] }), { abortSignal });
    return answer.TargetGroups?.[0]?.LoadBalancerArns ?? [];
  } catch (error) {
    if (classify(error).kind === 'not-found') return [];
    throw error;
  }
}

async function readTraffic(
  session: Session,
  groups: readonly BalancedGroup[],
  nowMs: number,
  abortSignal: AbortSignal,
): Promise<TrafficCard> {
  const queries = queriesOf(groups);
  if (queries.length > MAX_QUERIES) throw new Error(`${groups.length} target groups are more than are asked for.`);
  const { GetMetricDataCommand } = await import('@aws-sdk/client-cloudwatch');
  const cloudwatch = await session.client('cloudwatch');
  const endMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  const series: Series[] = [];
  let NextToken: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await cloudwatch.send(
      new GetMetricDataCommand({
        StartTime: new Date(endMs - MINUTES * MINUTE_MS),
        EndTime: new Date(endMs),
        ScanBy: 'TimestampAscending',
        MetricDataQueries: queries.map(metricQuery),
        NextToken,
      }),
      { abortSignal },
    );
    for (const { Id, StatusCode, Timestamps = [], Values = [] } of answer.MetricDataResults ?? []) {
      if (StatusCode === 'Forbidden' || StatusCode === 'InternalError') {
        throw new Error(`CloudWatch answered ${StatusCode} to a metric.`);
      }
      series.push({ id: Id ?? '', atMs: Timestamps.map((at) => at.getTime()), values: Values });
    }
    NextToken = answer.NextToken;
    if (!NextToken) break;
  }
  return trafficCard(series, endMs);
}

const metricQuery = ({ id, metric, stat, dimensions }: Query): MetricDataQuery => ({
  Id: id,
  MetricStat: {
    Metric: { Namespace: 'AWS/ApplicationELB', MetricName: metric, Dimensions: [...dimensions] },
    Period: MINUTE_MS / 1_000,
    Stat: stat,
  },
});
