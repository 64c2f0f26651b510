import {
  aws_cloudwatch_actions as actions,
  aws_cloudwatch as cloudwatch,
  Duration,
  type aws_sns as sns,
} from 'aws-cdk-lib';
import type { SynktiCluster } from './cluster.js';
import type { ClusterMetrics, FallbackMetrics } from './metrics.js';

/** What tells people how a cluster does. */
export interface MonitoringOptions {
  /**
   * Topic that alarms go to: fewer nodes than wished for, events that the fallback couldn't settle, and, behind a load
   * balancer, fewer healthy nodes than wished for and failed requests.
   *
   * @default - no alarms
   */
  readonly alarmTopic?: sns.ITopic;
  /**
   * Whether to make a CloudWatch dashboard.
   *
   * @default false
   */
  readonly dashboard?: boolean;
}

/** A launch takes a minute or two: what lasts for ten is no replacement on its way. */
const PATIENCE_MINUTES = 10;
/** The same in sweeps. */
const PATIENCE_SWEEPS = 3;
/** Percent of requests that may fail before it is an alarm. */
const FAILED_PERCENT = 1;

interface Watched {
  readonly desired: number;
  readonly fallback: FallbackMetrics;
  /** Undefined without a load balancer that counts. */
  readonly balancer: ClusterMetrics | undefined;
}

/** Makes what was asked for. */
export function monitor(cluster: SynktiCluster, watched: Watched, options: MonitoringOptions): void {
  const { alarmTopic, dashboard } = options;
  if (alarmTopic !== undefined) {
    const alarms = [...fallbackAlarms(cluster, watched), ...balancerAlarms(cluster, watched)];
    for (const alarm of alarms) alarm.addAlarmAction(new actions.SnsAction(alarmTopic));
  }
  if (dashboard === true) addDashboard(cluster, watched);
}

function fallbackAlarms(cluster: SynktiCluster, { fallback }: Watched): readonly cloudwatch.Alarm[] {
  const name = cluster.clusterName;
  return [
    new cloudwatch.Alarm(cluster, 'EmptySlots', {
      alarmDescription: `The Synkti cluster ${name} lacks nodes for ${PATIENCE_SWEEPS} sweeps, or isn't swept.`,
      metric: fallback.emptySlots(),
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      threshold: 0,
      evaluationPeriods: PATIENCE_SWEEPS,
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
    }),
    new cloudwatch.Alarm(cluster, 'DeadLetters', {
      alarmDescription: `The fallback of the Synkti cluster ${name} couldn't settle an event: look into its dead letters.`,
      metric: cluster.deadLetterQueue.metricApproximateNumberOfMessagesVisible({
        statistic: 'Maximum',
        period: Duration.minutes(5),
      }),
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      threshold: 0,
      evaluationPeriods: 1,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    }),
  ];
}

function balancerAlarms(cluster: SynktiCluster, { balancer, desired }: Watched): readonly cloudwatch.Alarm[] {
  if (balancer === undefined) return [];
  const name = cluster.clusterName;
  return [
    new cloudwatch.Alarm(cluster, 'FewHealthyNodes', {
      alarmDescription: `The Synkti cluster ${name} had fewer than ${desired} healthy nodes for ${PATIENCE_MINUTES} minutes.`,
      metric: balancer.healthyNodes(),
      comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
      threshold: desired,
      evaluationPeriods: PATIENCE_MINUTES,
      // No data means that no node is registered at all.
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
    }),
    new cloudwatch.Alarm(cluster, 'FailedRequests', {
      alarmDescription: `More than ${FAILED_PERCENT}% of the requests to the Synkti cluster ${name} failed.`,
      metric: balancer.failedRequests(),
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      threshold: FAILED_PERCENT,
      evaluationPeriods: 3,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    }),
  ];
}

function addDashboard(cluster: SynktiCluster, { balancer, fallback, desired }: Watched): void {
  const graph = (what: string, graphed: cloudwatch.GraphWidgetProps): cloudwatch.GraphWidget =>
    new cloudwatch.GraphWidget({ title: `${cluster.clusterName}: ${what}`, ...graphed });
  const wish = { leftAnnotations: [{ value: desired, label: 'desired' }], leftYAxis: { min: 0 } };
  const nodes = graph('serving nodes', { left: [fallback.servingSlots()], ...wish });
  const acted = graph('fallback', { left: [fallback.acted()], right: [fallback.emptySlots()] });
  const rows =
    balancer === undefined
      ? [[nodes, acted]]
      : [
          [
            graph('healthy nodes', { left: [balancer.healthyNodes()], ...wish }),
            graph('requests', { left: [balancer.requests()], right: [balancer.failedRequests()] }),
            graph('response time, p99', { left: [balancer.responseTime()] }),
          ],
          [nodes, acted],
        ];
  new cloudwatch.Dashboard(cluster, 'Dashboard', { widgets: rows });
}
