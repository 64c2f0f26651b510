import {
  type aws_cloudwatch as cloudwatch,
  Duration,
  aws_ec2 as ec2,
  aws_elasticloadbalancingv2 as elbv2,
  aws_iam as iam,
  Lazy,
  aws_logs as logs,
  RemovalPolicy,
  Stack,
  type aws_s3 as s3,
  type aws_secretsmanager as secretsmanager,
  type aws_sqs as sqs,
  aws_ssm as ssm,
  Token,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { type AgentAsset, agentAsset } from './agent-asset.js';
import { type Capacity, resolveCapacity } from './capacity.js';
import { chosenTypes } from './chosen-types.js';
import type { ISynktiCluster, SynktiClusterProps } from './cluster-props.js';
import { sweepPeriod } from './failover.js';
import { Fallback } from './fallback.js';
import { guard } from './guards.js';
import { ImportedCluster, publishAttributes } from './imported-cluster.js';
import { allowContainersMetadata, nodeLaunchTemplate } from './launch-template.js';
import { type Bound, LoadBalancing } from './load-balancing.js';
import { resolveMachine } from './machine.js';
import { ClusterMetrics, FallbackMetrics } from './metrics.js';
import { monitor } from './monitoring.js';
import { defaultClusterName, GOSSIP_PORT, specParameterName } from './names.js';
import { nodeRights, pullRights } from './node-rights.js';
import { addRights } from './policy.js';
import { contents, seats } from './seats.js';
import { specJson, type WrittenWorkload } from './spec-json.js';
import { clusterBucket, gossipKey, keepVersions } from './storage.js';
import { TargetRights } from './target-rights.js';
import { expireTasks, grantSubmit, taskRights } from './tasks.js';
import { type NodeFiles, nodeUserData, type PrivateImage } from './user-data.js';
import type { Workload } from './workload.js';

/**
 * Nodes on EC2 spot capacity that survive interruptions: each drains itself, hands its work over and launches its own
 * successor.
 *
 * @example
 * declare const vpc: ec2.IVpc;
 * new SynktiCluster(this, 'Web', {
 *   vpc,
 *   capacity: { desired: 6 },
 *   workload: Workload.container({ image: 'public.ecr.aws/nginx/nginx:1.29', port: 80 }),
 * });
 */
export class SynktiCluster extends Construct implements ISynktiCluster {
  /** A cluster that stands in another stack or app of the same account and Region. */
  public static fromClusterName(scope: Construct, id: string, clusterName: string): ISynktiCluster {
    return new ImportedCluster(scope, id, clusterName);
  }

  public readonly clusterName: string;
  public readonly connections: ec2.Connections;
  public readonly grantPrincipal: iam.IPrincipal;
  public readonly role: iam.IRole;
  public readonly securityGroup: ec2.ISecurityGroup;
  public readonly bucket: s3.IBucket;
  public readonly specParameter: ssm.IStringParameter;
  /** Keyring of the gossip. */
  public readonly gossipKey: secretsmanager.ISecret;
  /** Template of every node. */
  public readonly launchTemplate: ec2.LaunchTemplate;
  /** Events that the fallback couldn't settle; somebody should look at them. */
  public readonly deadLetterQueue: sqs.IQueue;
  /** The cluster's own load balancer, if it has one. */
  public readonly loadBalancer: elbv2.ApplicationLoadBalancer | undefined;
  /** Listener of the cluster's own load balancer. */
  public readonly listener: elbv2.ApplicationListener | undefined;
  /** Target groups of the workloads, the first one's first. */
  public readonly targetGroups: elbv2.ITargetGroup[] = [];

  readonly #props: SynktiClusterProps;
  readonly #subnets: ec2.SubnetSelection;
  readonly #bucket: s3.Bucket;
  readonly #policy: iam.Policy;
  readonly #metrics: ClusterMetrics | undefined;
  readonly #fallbackMetrics: FallbackMetrics;
  readonly #workloads: Workload[] = [];
  readonly #written: WrittenWorkload[] = [];
  readonly #files: NodeFiles[] = [];
  readonly #images: PrivateImage[] = [];
  readonly #targetRights: TargetRights;
  readonly #chosenTypes: number | undefined;

  constructor(scope: Construct, id: string, props: SynktiClusterProps) {
    super(scope, id);
    this.#props = props;
    this.#subnets = props.subnets ?? { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS };
    this.clusterName = props.clusterName ?? defaultClusterName(this);
    // Parameters, tags and rights are named after it, and other stacks look for them.
    if (Token.isUnresolved(this.clusterName)) {
      throw new Error(`${this.node.path}: clusterName must be known at synth, it can't be a token.`);
    }

    const retention = props.logRetention ?? logs.RetentionDays.THREE_MONTHS;
    const removalPolicy = props.removalPolicy ?? RemovalPolicy.DESTROY;
    this.#bucket = clusterBucket(this, {
      retention,
      removalPolicy,
    });
    this.bucket = this.#bucket;
    this.gossipKey = gossipKey(this);
    this.role = new iam.Role(this, 'NodeRole', { assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com') });
    this.grantPrincipal = this.role;
    this.securityGroup = gossipGroup(this, props.vpc);
    this.connections = this.securityGroup.connections;

    const agent = agentAsset(this);
    const capacity = resolveCapacity(props.capacity ?? {});
    const machine = resolveMachine(props.machine ?? {}, capacity);
    this.launchTemplate = nodeLaunchTemplate(this, {
      ...machine,
      cluster: this.clusterName,
      role: this.role,
      securityGroup: this.securityGroup,
      userData: () => this.#userData(agent, machine.keepBrokenNodes),
    });

    const { subnets } = props.vpc.selectSubnets({ ...this.#subnets, onePerAz: true });
    this.specParameter = new ssm.StringParameter(this, 'Spec', {
      parameterName: specParameterName(this.clusterName),
      description: `What the Synkti cluster ${this.clusterName} wishes for`,
      // More than 4 kB, which many pools and workloads may take, makes an advanced parameter.
      tier: ssm.ParameterTier.INTELLIGENT_TIERING,
      stringValue: Lazy.string({ produce: () => this.#spec(capacity, subnets) }),
    });
    publishAttributes(this, this);

    // Not the role's default policy: the launch template depends on that one, and this one on the launch template.
    this.#policy = new iam.Policy(this, 'NodePolicy');
    this.role.attachInlinePolicy(this.#policy);
    addRights(this.#policy, ...nodeRights(this, subnets), agent.right);
    // Agents act on the spec as soon as they read it.
    this.specParameter.node.addDependency(this.#policy);

    const emptiesBucket = removalPolicy === RemovalPolicy.DESTROY;
    const { requirements } = capacity;
    const findsTypes = requirements !== undefined;
    const fallback = new Fallback(this, {
      subnets,
      retention,
      emptiesBucket,
      findsTypes,
      sweepPeriod: sweepPeriod(props.failover ?? {}),
      lease: props.lease,
    });
    const { interruption, ended, sweep } = fallback;
    const errands = [interruption.policy, ended.policy, sweep.policy];
    this.deadLetterQueue = fallback.deadLetters;
    if (findsTypes) {
      this.#chosenTypes = chosenTypes(this, fallback, requirements, capacity.architecture, subnets);
    }
    this.#targetRights = new TargetRights(this.#policy, errands, sweep.policy);

    const main = this.#add(props.workload, props.loadBalancing ?? defaultLoadBalancing(props.workload), this);
    this.loadBalancer = main.loadBalancer;
    this.listener = main.listener;
    const writers = [this.#policy, ...errands, ...(this.#bucket.policy === undefined ? [] : [this.#bucket.policy])];
    contents(this, fallback, removalPolicy, writers);
    seats(
      this,
      fallback,
      subnets.map((subnet) => subnet.internetConnectivityEstablished),
    );
    this.#metrics = main.targetGroup === undefined ? undefined : new ClusterMetrics(main.targetGroup);
    this.#fallbackMetrics = new FallbackMetrics(this.clusterName);
    const watched = {
      desired: capacity.desired,
      onDemandBase: capacity.onDemandBase,
      functions: fallback,
      fallback: this.#fallbackMetrics,
      balancer: this.#metrics,
    };
    monitor(this, watched, props.monitoring ?? {});
    guard(this, {
      props,
      capacity,
      zones: subnets.length,
      workloads: this.#workloads,
      spec: () => this.#spec(capacity, subnets),
    });
  }

  /**
   * Adds a workload that every node runs, too. It gets requests only through what is given here; to share the cluster's
   * own load balancer, give `LoadBalancing.listener(cluster.listener, ...)`.
   */
  public addWorkload(workload: Workload, loadBalancing?: LoadBalancing): void {
    this.#add(workload, loadBalancing ?? LoadBalancing.none(), new Construct(this, `Workload-${workload.name}`));
  }

  public grantSubmit(grantee: iam.IGrantable): iam.Grant {
    return grantSubmit(this, grantee);
  }

  /**
   * Nodes that the load balancer calls healthy: the least within a minute.
   *
   * Throws when the first workload has no Application Load Balancer.
   */
  public metricHealthyNodes(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.#counted().healthyNodes(options);
  }

  /** Requests a minute to the first workload. Throws as {@link metricHealthyNodes}. */
  public metricRequests(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.#counted().requests(options);
  }

  /** Percent of the requests to the first workload that were answered 5xx. Throws as {@link metricHealthyNodes}. */
  public metricFailedRequests(options?: cloudwatch.MathExpressionOptions): cloudwatch.MathExpression {
    return this.#counted().failedRequests(options);
  }

  /** Response time of the first workload, p99 in seconds. Throws as {@link metricHealthyNodes}. */
  public metricResponseTime(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.#counted().responseTime(options);
  }

  /** Slots that no node holds, as the sweep counts them: the most within five minutes. */
  public metricEmptySlots(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.#fallbackMetrics.emptySlots(options);
  }

  /** Slots whose node serves, as the sweep counts them: the least within five minutes. */
  public metricServingSlots(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.#fallbackMetrics.servingSlots(options);
  }

  /** How often the fallback had to act, within five minutes. A healthy cluster's nodes act by themselves. */
  public metricFallbackActed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.#fallbackMetrics.acted(options);
  }

  #counted(): ClusterMetrics {
    if (this.#metrics !== undefined) return this.#metrics;
    throw new Error(`${this.node.path} has no load balancer that counts: give its workload a port.`);
  }

  #add(workload: Workload, loadBalancing: LoadBalancing, scope: Construct): Bound {
    const bound = loadBalancing._bind({
      scope,
      vpc: this.#props.vpc,
      subnets: this.#subnets,
      workload,
      logBucket: this.#bucket,
    });
    if (bound.targets !== undefined) this.#register(bound.targets, workload);
    workload._files.forEach((files, index) => {
      const source = files.source._bind(new Construct(scope, `Files${index}`), this.bucket);
      if (files.source._needsVersions) keepVersions(this.#bucket);
      addRights(this.#policy, ...source.rights);
      this.#files.push({ folder: workload._folder(index, files), source });
    });
    if (workload._repository !== undefined && workload._image !== undefined) {
      addRights(this.#policy, ...pullRights(workload._repository));
      this.#images.push({ registry: workload._repository.registryUri, image: workload._image });
    }
    const tasks = workload._tasks;
    if (tasks !== undefined) {
      addRights(this.#policy, ...taskRights(this.bucket, tasks));
      expireTasks(this.#bucket, tasks);
      for (const { image, repository } of tasks.images ?? []) {
        this.#images.push({ registry: repository.registryUri, image });
      }
    }
    if (workload._needsInstanceMetadata) allowContainersMetadata(this.launchTemplate);
    this.#written.push(workload._written(bound.targets === undefined ? [] : [bound.targets.targetGroupArn]));
    this.#workloads.push(workload);
    return bound;
  }

  #userData(agent: AgentAsset, keepBrokenNodes: boolean): string {
    const { failover } = this.#props;
    const grace = this.#workloads.map((workload) => workload._options.stopGrace ?? Duration.seconds(30));
    const drain = failover?.drainTime ?? Duration.minutes(2);
    return nodeUserData({
      agent,
      region: Stack.of(this).region,
      needsDocker: this.#workloads.some((workload) => workload.isContainer),
      files: this.#files,
      images: this.#images,
      // A stop drains, stops the workloads and writes the last words.
      stopSeconds: drain.toSeconds() + Math.max(...grace.map((time) => time.toSeconds())) + 30,
      keepBrokenNodes,
    });
  }

  #spec(capacity: Capacity, subnets: readonly ec2.ISubnet[]): string {
    return specJson(Stack.of(this), {
      cluster: this.clusterName,
      capacity,
      chosenTypes: this.#chosenTypes,
      launchTemplate: this.launchTemplate,
      subnets,
      workloads: this.#written,
      failover: this.#props.failover ?? {},
      secret: this.gossipKey,
      bucket: this.bucket,
    });
  }

  /** Lets the agents register their nodes, and the load balancer reach them. */
  #register(targets: elbv2.ITargetGroup, workload: Workload): void {
    this.targetGroups.push(targets);
    this.#targetRights.add(targets.targetGroupArn);
    if (targets instanceof elbv2.ApplicationTargetGroup && workload.port !== undefined) {
      targets.registerConnectable(this, ec2.Port.tcp(workload.port));
    }
  }
}

/** Nodes that gossip with each other, and with nobody else. */
function gossipGroup(scope: SynktiCluster, vpc: ec2.IVpc): ec2.SecurityGroup {
  const group = new ec2.SecurityGroup(scope, 'SecurityGroup', {
    vpc,
    description: `Nodes of the Synkti cluster ${scope.clusterName}`,
  });
  group.addIngressRule(group, ec2.Port.udp(GOSSIP_PORT), 'Gossip');
  group.addIngressRule(group, ec2.Port.tcp(GOSSIP_PORT), 'State exchange');
  return group;
}

const defaultLoadBalancing = (workload: Workload): LoadBalancing =>
  workload.port === undefined ? LoadBalancing.none() : LoadBalancing.ownBalancer();
