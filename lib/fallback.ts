/**
 * The functions that stand behind the agents, what starts them, and what they may do; docs/fallback.md says what they do.
 *
 *     spot warning, rebalance recommendation, scheduled change -> queue (30 s) -> interruption
 *     state change of an instance                              -> queue (60 s) -> ended
 *     schedule                                                                 -> sweep
 *     CloudFormation (seats.ts)                                                -> seeder
 */
import {
  Duration,
  type aws_ec2 as ec2,
  aws_events as events,
  type aws_logs as logs,
  Stack,
  type aws_sqs as sqs,
  aws_events_targets as targets,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { SynktiCluster } from './cluster.js';
import { drainDocument } from './drain-document.js';
import { EventQueue, eventQueue } from './event-queue.js';
import { FallbackFunction } from './fallback-function.js';
import {
  drainRights,
  emptyingRights,
  endRights,
  incidentRights,
  LOOK_FOR_LEFTOVERS,
  LOOK_FOR_TYPES,
  leaseRights,
  leftoverRights,
  takeBackRights,
} from './fallback-rights.js';
import { seatRights } from './seat-rights.js';

interface FallbackProps {
  readonly subnets: readonly ec2.ISubnet[];
  readonly retention: logs.RetentionDays;
  /** Whether the seeder may empty the bucket. */
  readonly emptiesBucket: boolean;
  /** Whether the seeder finds the instance types. */
  readonly findsTypes: boolean;
  /** A missed event costs at most this. */
  readonly sweepPeriod: Duration;
  /** Undefined: the cluster isn't lent. */
  readonly lease: Duration | undefined;
}

const ERRAND = Duration.minutes(2);
/** CloudFormation waits for this long, too, and Lambda allows no more. */
export const SEEDER_TIMEOUT = Duration.minutes(15);
/** Of the two minutes none is left then; the instance's end is an event of its own. */
const WARNING_AGE = Duration.minutes(5);
const CHANGE_AGE = Duration.hours(1);
/** SQS keeps messages no longer. */
const DEAD_LETTER_RETENTION = Duration.days(14);

export class Fallback extends Construct {
  readonly deadLetters: sqs.Queue;
  readonly interruption: FallbackFunction;
  readonly ended: FallbackFunction;
  readonly sweep: FallbackFunction;
  readonly seeder: FallbackFunction;

  constructor(cluster: SynktiCluster, props: FallbackProps) {
    super(cluster, 'Fallback');
    const { subnets, retention, emptiesBucket, findsTypes, sweepPeriod, lease } = props;
    const name = cluster.clusterName;
    const environment = { SYNKTI_CLUSTER: name };
    const document = drainDocument(this, name);

    this.interruption = new FallbackFunction(this, 'Interruption', {
      bundle: 'interruption',
      description: `Synkti ${name}: acts on warnings where the node did not`,
      timeout: ERRAND,
      retention,
      environment: { ...environment, SYNKTI_DRAIN_DOCUMENT: document.ref },
      rights: [...seatRights(cluster, subnets), ...drainRights(cluster, document)],
    });
    this.ended = new FallbackFunction(this, 'Ended', {
      bundle: 'ended',
      description: `Synkti ${name}: looks after the end of a node`,
      timeout: ERRAND,
      retention,
      environment,
      rights: [
        ...seatRights(cluster, subnets, LOOK_FOR_LEFTOVERS),
        ...leftoverRights(cluster),
        ...incidentRights(cluster),
      ],
    });
    this.sweep = new FallbackFunction(this, 'Sweep', {
      bundle: 'sweep',
      description: `Synkti ${name}: compares what lives with the spec`,
      timeout: ERRAND,
      retention,
      environment: { ...environment, ...leaseEnvironment(cluster, lease) },
      rights: [
        ...seatRights(cluster, subnets, [
          'ec2:DescribeInstanceStatus',
          'ec2:DescribeSpotPriceHistory',
          ...LOOK_FOR_LEFTOVERS,
        ]),
        ...leftoverRights(cluster),
        ...endRights(cluster),
        ...(lease === undefined ? [] : leaseRights(cluster)),
      ],
      // The next period tries again.
      retryAttempts: 0,
      maxEventAge: sweepPeriod,
    });
    this.seeder = new FallbackFunction(this, 'Seeder', {
      bundle: 'seeder',
      description: `Synkti ${name}: the first nodes at a deployment, the last at a deletion`,
      timeout: SEEDER_TIMEOUT,
      retention,
      environment,
      rights: [
        ...seatRights(cluster, subnets, findsTypes ? LOOK_FOR_TYPES : []),
        ...takeBackRights(cluster),
        ...endRights(cluster),
        ...(emptiesBucket ? emptyingRights(cluster) : []),
      ],
    });
    this.deadLetters = eventQueue(this, 'DeadLetters', { retentionPeriod: DEAD_LETTER_RETENTION });
    this.#feed(sweepPeriod);
  }

  #feed(sweepPeriod: Duration): void {
    const { deadLetters } = this;
    const warnings = new EventQueue(this, 'Warnings', {
      delay: Duration.seconds(30),
      deadLetters,
      consumer: this.interruption,
    });
    warnings.listen('Notices', 'Spot warnings and rebalance recommendations', WARNING_AGE, {
      source: ['aws.ec2'],
      detailType: ['EC2 Spot Instance Interruption Warning', 'EC2 Instance Rebalance Recommendation'],
    });
    warnings.listen('Maintenance', 'Scheduled changes of instances', CHANGE_AGE, {
      source: ['aws.health'],
      detailType: ['AWS Health Event'],
      detail: { service: ['EC2'], eventTypeCategory: ['scheduledChange'] },
    });
    const ends = new EventQueue(this, 'Ends', {
      delay: Duration.seconds(60),
      deadLetters,
      consumer: this.ended,
    });
    ends.listen('StateChanges', 'Instances that end or stop', CHANGE_AGE, {
      source: ['aws.ec2'],
      detailType: ['EC2 Instance State-change Notification'],
      detail: { state: ['shutting-down', 'terminated', 'stopping', 'stopped'] },
    });
    new events.Rule(this, 'Schedule', {
      description: `Sweeps the Synkti cluster`,
      schedule: events.Schedule.rate(sweepPeriod),
      targets: [new targets.LambdaFunction(this.sweep.handler, { maxEventAge: sweepPeriod })],
    });
  }
}

const leaseEnvironment = (cluster: SynktiCluster, lease: Duration | undefined): Record<string, string> =>
  lease === undefined
    ? {}
    : {
        SYNKTI_LEASE_MS: String(lease.toMilliseconds()),
        SYNKTI_LEASE_BUCKET: cluster.bucket.bucketName,
        SYNKTI_STACK_ID: Stack.of(cluster).stackId,
      };
