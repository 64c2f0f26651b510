import type {
  Duration,
  aws_ec2 as ec2,
  aws_iam as iam,
  aws_logs as logs,
  RemovalPolicy,
  aws_s3 as s3,
  aws_ssm as ssm,
} from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { CapacityOptions } from './capacity.js';
import type { FailoverOptions } from './failover.js';
import type { LoadBalancing } from './load-balancing.js';
import type { MachineOptions } from './machine.js';
import type { MonitoringOptions } from './monitoring.js';
import type { Workload } from './workload.js';

/** Properties of a {@link SynktiCluster}. */
export interface SynktiClusterProps {
  /** VPC that the nodes run in. */
  readonly vpc: ec2.IVpc;
  /** What the nodes run. */
  readonly workload: Workload;
  /**
   * Name of the cluster, unique in the account and the Region: at most 24 lower case letters, digits and hyphens, a
   * letter first.
   *
   * @default - the end of the construct's path
   */
  readonly clusterName?: string;
  /**
   * Subnets of the nodes. One is taken in each zone; two zones are the least, more are better.
   *
   * @default - private subnets with a way out
   */
  readonly subnets?: ec2.SubnetSelection;
  /**
   * How many nodes, and of what.
   *
   * @default - three nodes of a broad choice of types
   */
  readonly capacity?: CapacityOptions;
  /**
   * Where the workload gets its requests from.
   *
   * @default - a load balancer of its own when the workload has a port, none otherwise
   */
  readonly loadBalancing?: LoadBalancing;
  /**
   * How nodes behave when one of them goes.
   *
   * @default - see {@link FailoverOptions}
   */
  readonly failover?: FailoverOptions;
  /**
   * The machine that a node is.
   *
   * @default - Amazon Linux 2023
   */
  readonly machine?: MachineOptions;
  /**
   * How long incident reports, last words of nodes, the functions' logs and the load balancer's log are kept.
   *
   * @default logs.RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: logs.RetentionDays;
  /**
   * What becomes of the bucket when the cluster is deleted. By default it goes, with its reports and with files that were
   * put there. Keep it with `RemovalPolicy.RETAIN`.
   *
   * @default RemovalPolicy.DESTROY
   */
  readonly removalPolicy?: RemovalPolicy;
  /**
   * The cluster deletes its own stack when nobody has renewed its lease for so long, and the whole stack goes: nothing else
   * should be in it. For clusters that are made for a while, such as a preview's or those of `Synkti.borrow`. Whoever
   * writes the object `owner/lease.json` to the bucket renews it; until then it counts from the first sweep. The sweep
   * looks at it, so the end comes up to a sweep period later. From twice the sweep period to 30 days.
   *
   * The stack needs a service role, as `cdk deploy` gives it: CloudFormation deletes the resources with that role, and
   * otherwise with the rights of the function that asks, which don't suffice.
   *
   * @default - it stands until somebody deletes it
   */
  readonly lease?: Duration;
  /**
   * Alarms and a dashboard.
   *
   * @default - none
   */
  readonly monitoring?: MonitoringOptions;
}

/** A cluster that stands in this app or elsewhere. */
export interface ISynktiCluster extends IConstruct, ec2.IConnectable, iam.IGrantable {
  /** Name of the cluster. */
  readonly clusterName: string;
  /** The nodes' role. */
  readonly role: iam.IRole;
  /** The nodes' security group. */
  readonly securityGroup: ec2.ISecurityGroup;
  /** Bucket of hints, incident reports, last words, and the queue of tasks. */
  readonly bucket: s3.IBucket;
  /** What the cluster wishes for, as the agents read it. */
  readonly specParameter: ssm.IStringParameter;
  /**
   * Lets somebody submit tasks, look at them, cancel and retry them: what `synkti submit` and `synkti tasks` need, and
   * no more. Whoever may submit tasks runs programs on the nodes, with the rights of the nodes' role.
   */
  grantSubmit(grantee: iam.IGrantable): iam.Grant;
}
