import {
  aws_cloudwatch_actions as actions,
  aws_cloudwatch as cloudwatch,
  Duration,
  aws_elasticloadbalancingv2 as elbv2,
  type aws_sns as sns,
} from 'aws-cdk-lib';
import type { SynktiCluster } from './cluster.js';

/** What tells people how a cluster does. */
export interface MonitoringOptions {
  /**
   * Topic that alarms go to: fewer healthy nodes than wished for, and failed requests.
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
/** Percent of requests that may fail before it is an alarm. */
const FAILED_PERCENT = 1;

/** The metrics of a cluster that its load balancer counts. */
export class ClusterMetrics {
  readonly #targets: elbv2.ApplicationTargetGroup;

  constructor(targets: elbv2.ApplicationTargetGroup) {
    this.#targets = targets;
  }

  healthyNodes(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.#targets.metrics.healthyHostCount({ statistic: 'Minimum', period: Duration.minutes(1), ...options });
  }

  requests(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.#targets.metrics.requestCount({ statistic: 'Sum', period: Duration.minutes(1), ...options });
  }

  responseTime(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.#targets.metrics.targetResponseTime({ statistic: 'p99', period: Duration.minutes(1), ...options });
  }

  /** Answers 5xx of the nodes, and of the load balancer in their place, in percent. */
  failedRequests(options: cloudwatch.MathExpressionOptions = {}): cloudwatch.MathExpression {
    const counted = { statistic: 'Sum', period: Duration.minutes(1) };
    const own = this.#targets.firstLoadBalancerFullName;
    const balancer = new cloudwatch.Metric({
      namespace: 'AWS/ApplicationELB',
      metricName: 'HTTPCode_ELB_5XX_Count',
      dimensionsMap: { LoadBalancer: own },
      ...counted,
    });
    return new cloudwatch.MathExpression({
      label: 'Failed requests, %',
      expression: '100 * (FILL(nodes, 0) + FILL(balancer, 0)) / (FILL(requests, 0) + FILL(balancer, 0))',
      usingMetrics: {
        nodes: this.#targets.metrics.httpCodeTarget(elbv2.HttpCodeTarget.TARGET_5XX_COUNT, counted),
        balancer,
        requests: this.requests(),
      },
      period: Duration.minutes(1),
      ...options,
    });
  }
}

/** Makes what was asked for. */
export function monitor(
  cluster: SynktiCluster,
  desired: number,
  metrics: ClusterMetrics | undefined,
  options: MonitoringOptions,
): void {
  const { alarmTopic, dashboard } = options;
  if (alarmTopic === undefined && dashboard !== true) return;
  if (metrics === undefined) {
    throw new Error(`${cluster.node.path}: alarms and dashboard need a workload behind an Application Load Balancer.`);
  }
  if (alarmTopic !== undefined) addAlarms(cluster, desired, metrics, alarmTopic);
  if (dashboard === true) addDashboard(cluster, desired, metrics);
}

function addAlarms(cluster: SynktiCluster, desired: number, metrics: ClusterMetrics, topic: sns.ITopic): void {
  const few = new cloudwatch.Alarm(cluster, 'FewHealthyNodes', {
    alarmDescription: `The Synkti cluster ${cluster.clusterName} had fewer than ${desired} healthy nodes for ${PATIENCE_MINUTES} minutes.`,
    metric: metrics.healthyNodes(),
    comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
    threshold: desired,
    evaluationPeriods: PATIENCE_MINUTES,
    // No data means that no node is registered at all.
    treatMissingData: cloudwatch.TreatMissingData.BREACHING,
  });
  const failed = new cloudwatch.Alarm(cluster, 'FailedRequests', {
    alarmDescription: `More than ${FAILED_PERCENT}% of the requests to the Synkti cluster ${cluster.clusterName} failed.`,
    metric: metrics.failedRequests(),
    comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
    threshold: FAILED_PERCENT,
    evaluationPeriods: 3,
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
  });
  for (const alarm of [few, failed]) alarm.addAlarmAction(new actions.SnsAction(topic));
}

function addDashboard(cluster: SynktiCluster, desired: number, metrics: ClusterMetrics): void {
  new cloudwatch.Dashboard(cluster, 'Dashboard', {
    widgets: [
      [
        new cloudwatch.GraphWidget({
          title: `${cluster.clusterName}: healthy nodes`,
          left: [metrics.healthyNodes()],
          leftAnnotations: [{ value: desired, label: 'desired' }],
          leftYAxis: { min: 0 },
        }),
        new cloudwatch.GraphWidget({
          title: `${cluster.clusterName}: requests`,
          left: [metrics.requests()],
          right: [metrics.failedRequests()],
          rightYAxis: { min: 0 },
        }),
        new cloudwatch.GraphWidget({
          title: `${cluster.clusterName}: response time, p99`,
          left: [metrics.responseTime()],
        }),
      ],
    ],
  });
}
