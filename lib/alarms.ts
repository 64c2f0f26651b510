/** Few alarms, each for something that a person must look at. docs/runbook.md has an entry for each, under its anchor. */
import {
  aws_cloudwatch_actions as actions,
  aws_cloudwatch as cloudwatch,
  Duration,
  type aws_sns as sns,
} from 'aws-cdk-lib';
import type { SynktiCluster } from './cluster.js';
import type { Watched } from './monitoring.js';

/** A launch takes a minute or two: what lasts for ten is no replacement on its way. */
const PATIENCE_MINUTES = 10;
/** The same in sweeps. */
const PATIENCE_SWEEPS = 3;
/** Percent of requests that may fail before it is an alarm. */
const FAILED_PERCENT = 1;
/** A healthy cluster's nodes act by themselves; one lost event or hung agent now and then is what the fallback is for. */
const ACTS_AN_HOUR = 3;
/** Hours with nodes too many, or dearer than wished. A drought of spot capacity is often over by then. */
const DEAR_HOURS = 6;

const OVER = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD;
const { BREACHING, NOT_BREACHING } = cloudwatch.TreatMissingData;

type Definition = Omit<cloudwatch.AlarmProps, 'alarmDescription'> & {
  readonly id: string;
  /** Of its entry in the runbook. */
  readonly anchor: string;
  readonly says: string;
};

export function addAlarms(cluster: SynktiCluster, watched: Watched, runbook: string, topic?: sns.ITopic): void {
  for (const { id, anchor, says, ...props } of [...clusterAlarms(cluster, watched), ...balancerAlarms(watched)]) {
    const alarm = new cloudwatch.Alarm(cluster, id, {
      ...props,
      alarmDescription: `Synkti cluster ${cluster.clusterName}: ${says} ${runbook}#${anchor}`,
    });
    if (topic !== undefined) alarm.addAlarmAction(new actions.SnsAction(topic));
  }
}

function clusterAlarms(cluster: SynktiCluster, { fallback, onDemandBase }: Watched): readonly Definition[] {
  const hour = Duration.hours(1);
  return [
    {
      id: 'EmptySlots',
      anchor: 'empty-slots',
      says: `nobody held one of its slots in ${PATIENCE_SWEEPS} sweeps, or nothing sweeps.`,
      metric: fallback.emptySlots(),
      comparisonOperator: OVER,
      threshold: 0,
      evaluationPeriods: PATIENCE_SWEEPS,
      // The sweep counts at every run: no data means that it doesn't run.
      treatMissingData: BREACHING,
    },
    {
      id: 'NeedsMending',
      anchor: 'needs-mending',
      says: 'EC2 refuses launches for rights, a template or a quota, an event became a dead letter, or gossip is parted.',
      metric: new cloudwatch.MathExpression({
        label: 'Dead letters, configuration errors, quotas reached, nodes apart',
        expression: 'FILL(letters, 0) + FILL(configuration, 0) + FILL(quota, 0) + FILL(apart, 0)',
        usingMetrics: {
          letters: cluster.deadLetterQueue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum' }),
          configuration: fallback.sum('ConfigurationError'),
          quota: fallback.sum('QuotaReached'),
          apart: fallback.most('GossipApart'),
        },
        period: Duration.minutes(5),
      }),
      comparisonOperator: OVER,
      threshold: 0,
      evaluationPeriods: 3,
      // New rights aren't seen at once: what a deployment runs into is often gone five minutes later.
      datapointsToAlarm: 2,
      treatMissingData: NOT_BREACHING,
    },
    {
      id: 'FallbackActs',
      anchor: 'fallback-acts',
      says: `its functions acted ${ACTS_AN_HOUR} times within an hour where agents should have.`,
      metric: fallback.acted({ period: hour }),
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold: ACTS_AN_HOUR,
      evaluationPeriods: 1,
      treatMissingData: NOT_BREACHING,
    },
    {
      id: 'CostsMore',
      anchor: 'costs-more',
      says: `for ${DEAR_HOURS} hours it had more nodes than slots, or more on-demand nodes than wished.`,
      metric: new cloudwatch.MathExpression({
        label: 'Nodes too many, and on-demand nodes above the base',
        expression: `surplus + IF(ondemand > ${onDemandBase}, ondemand - ${onDemandBase}, 0)`,
        usingMetrics: {
          // The least within an hour: every sweep of it saw them.
          surplus: fallback.least('SurplusNodes', { period: hour }),
          ondemand: fallback.least('OnDemandNodes', { period: hour }),
        },
        period: hour,
      }),
      comparisonOperator: OVER,
      threshold: 0,
      evaluationPeriods: DEAR_HOURS,
      treatMissingData: NOT_BREACHING,
    },
  ];
}

function balancerAlarms({ balancer, desired }: Watched): readonly Definition[] {
  if (balancer === undefined) return [];
  return [
    {
      id: 'FewHealthyNodes',
      anchor: 'few-healthy-nodes',
      says: `fewer than ${desired} of its nodes were healthy for ${PATIENCE_MINUTES} minutes.`,
      metric: balancer.healthyNodes(),
      comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
      threshold: desired,
      evaluationPeriods: PATIENCE_MINUTES,
      // No data means that no node is registered at all.
      treatMissingData: BREACHING,
    },
    {
      id: 'FailedRequests',
      anchor: 'failed-requests',
      says: `more than ${FAILED_PERCENT}% of the requests failed for three minutes.`,
      metric: balancer.failedRequests(),
      comparisonOperator: OVER,
      threshold: FAILED_PERCENT,
      evaluationPeriods: 3,
      treatMissingData: NOT_BREACHING,
    },
  ];
}
