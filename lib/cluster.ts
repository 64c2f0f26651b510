import {
  aws_s3_assets as assets,
  aws_ec2 as ec2,
  type aws_elasticloadbalancingv2 as elbv2,
  aws_iam as iam,
  Lazy,
  RemovalPolicy,
  Size,
  Stack,
  type aws_s3 as s3,
  type aws_secretsmanager as secretsmanager,
  aws_ssm as ssm,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { bundle } from './bundles.js';
import type { CapacityOptions } from './capacity.js';
import { architectures, instanceTypes } from './instance-types.js';
import { nodeLaunchTemplate } from './launch-template.js';
import { LoadBalancing } from './load-balancing.js';
import { GOSSIP_PORT, specParameterName } from './names.js';
import {
  bucketStatements,
  describeStatement,
  launchStatements,
  ownInstanceStatements,
  targetsStatement,
} from './node-role.js';
import { OwnBalancer } from './own-balancer.js';
import { epoch, specJson, type WrittenWorkload } from './spec-json.js';
import { clusterBucket, gossipKey } from './storage.js';
import { nodeUserData } from './user-data.js';
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
   * @default - made from the construct's path
   */
  readonly clusterName?: string;
  /**
   * Subnets of the nodes. One is taken in each zone.
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
}

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
export class SynktiCluster extends Construct implements ec2.IConnectable, iam.IGrantable {
  /** Name of the cluster. */
  public readonly clusterName: string;
  /** Network rules of the nodes. */
  public readonly connections: ec2.Connections;
  /** The nodes' role, to grant rights to. */
  public readonly grantPrincipal: iam.IPrincipal;
  /** The nodes' role. */
  public readonly role: iam.Role;
  /** The nodes' security group. */
  public readonly securityGroup: ec2.SecurityGroup;
  /** Bucket of hints, incident reports and last words. */
  public readonly bucket: s3.Bucket;
  /** Key of the gossip. */
  public readonly gossipKey: secretsmanager.Secret;
  /** Template of every node. */
  public readonly launchTemplate: ec2.LaunchTemplate;
  /** What the cluster wishes for, as the agents read it. */
  public readonly specParameter: ssm.StringParameter;
  /** The cluster's own load balancer. */
  public readonly loadBalancer: elbv2.ApplicationLoadBalancer | undefined;
  /** Listener of the cluster's own load balancer. */
  public readonly listener: elbv2.ApplicationListener | undefined;
  /** Target group of the cluster's own load balancer. */
  public readonly targetGroup: elbv2.ApplicationTargetGroup | undefined;

  readonly #workloads: WrittenWorkload[] = [];

  constructor(scope: Construct, id: string, props: SynktiClusterProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const capacity = props.capacity ?? {};
    const subnetSelection = props.subnets ?? { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS };
    const { subnets } = props.vpc.selectSubnets({ ...subnetSelection, onePerAz: true });
    const types = instanceTypes(capacity);
    const [architecture = ec2.InstanceArchitecture.X86_64] = architectures(capacity, types);

    this.clusterName = props.clusterName ?? defaultName(this);
    this.bucket = clusterBucket(this, RemovalPolicy.RETAIN);
    this.gossipKey = gossipKey(this, RemovalPolicy.DESTROY);
    this.role = new iam.Role(this, 'NodeRole', { assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com') });
    this.grantPrincipal = this.role;
    this.securityGroup = new ec2.SecurityGroup(this, 'SecurityGroup', {
      vpc: props.vpc,
      description: `Nodes of the Synkti cluster ${this.clusterName}`,
    });
    this.connections = this.securityGroup.connections;
    this.securityGroup.addIngressRule(this.securityGroup, ec2.Port.udp(GOSSIP_PORT), 'Gossip');
    this.securityGroup.addIngressRule(this.securityGroup, ec2.Port.tcp(GOSSIP_PORT), 'State exchange');

    const agent = bundle(this, 'agent.mjs');
    const agentAsset = new assets.Asset(this, 'Agent', { path: agent.path });
    this.launchTemplate = nodeLaunchTemplate(this, {
      cluster: this.clusterName,
      epoch: epoch(stack),
      machineImage: ec2.MachineImage.latestAmazonLinux2023({
        cpuType:
          architecture === ec2.InstanceArchitecture.ARM_64
            ? ec2.AmazonLinuxCpuType.ARM_64
            : ec2.AmazonLinuxCpuType.X86_64,
      }),
      rootVolumeSize: Size.gibibytes(20),
      role: this.role,
      securityGroup: this.securityGroup,
      userData: nodeUserData({
        agentUrl: agentAsset.s3ObjectUrl,
        agentSha256: agent.sha256,
        region: stack.region,
        needsDocker: props.workload.isContainer,
        stopSeconds: 150,
        keepBrokenNodes: false,
      }),
      hopLimit: props.workload._needsInstanceMetadata ? 2 : 1,
    });

    const loadBalancing = props.loadBalancing ?? LoadBalancing.ownBalancer();
    const { port } = props.workload;
    if (loadBalancing._choice.kind === 'own' && port !== undefined) {
      const own = new OwnBalancer(this, 'LoadBalancer', {
        ...loadBalancing._choice.options,
        vpc: props.vpc,
        subnets: subnetSelection,
        workload: props.workload,
        port,
        logBucket: this.bucket,
      });
      this.loadBalancer = own.loadBalancer;
      this.listener = own.listener;
      this.targetGroup = own.targetGroup;
      this.connections.allowFrom(own.loadBalancer, ec2.Port.tcp(port), 'Requests');
    }
    const targetGroupArns = this.targetGroup === undefined ? [] : [this.targetGroup.targetGroupArn];
    this.#workloads.push(props.workload._written(targetGroupArns));

    const templateId = this.launchTemplate.launchTemplateId ?? '';
    this.specParameter = new ssm.StringParameter(this, 'Spec', {
      parameterName: specParameterName(this.clusterName),
      description: `What the Synkti cluster ${this.clusterName} wishes for`,
      tier: ssm.ParameterTier.INTELLIGENT_TIERING,
      stringValue: Lazy.string({
        produce: () =>
          specJson(stack, {
            cluster: this.clusterName,
            desired: capacity.desired ?? 3,
            templateId,
            templateVersion: this.launchTemplate.latestVersionNumber,
            pools: subnets.flatMap((subnet) =>
              types.map((type) => ({
                instanceType: type.toString(),
                zone: subnet.availabilityZone,
                subnetId: subnet.subnetId,
              })),
            ),
            onDemandAfter: (capacity.onDemandFallback ?? true) ? (capacity.spotAttempts ?? 3) : null,
            workloads: this.#workloads,
            policy: {},
            gossipPort: GOSSIP_PORT,
            secretId: this.gossipKey.secretArn,
            bucket: this.bucket.bucketName,
          }),
      }),
    });

    const statements = [
      ...launchStatements(this, {
        cluster: this.clusterName,
        epoch: epoch(stack),
        templateId,
        subnetIds: subnets.map((subnet) => subnet.subnetId),
        securityGroupIds: [this.securityGroup.securityGroupId],
        nodeRoleArn: this.role.roleArn,
      }),
      ...ownInstanceStatements(this),
      describeStatement(),
      ...bucketStatements(this.bucket),
      ...(targetGroupArns.length > 0 ? [targetsStatement(targetGroupArns)] : []),
      new iam.PolicyStatement({
        sid: 'ReadSpec',
        actions: ['ssm:GetParameter'],
        resources: [this.specParameter.parameterArn],
      }),
      new iam.PolicyStatement({
        sid: 'ReadGossipKey',
        actions: ['secretsmanager:GetSecretValue'],
        resources: [this.gossipKey.secretArn],
      }),
      new iam.PolicyStatement({
        sid: 'ReadAgent',
        actions: ['s3:GetObject'],
        resources: [agentAsset.bucket.arnForObjects(agentAsset.s3ObjectKey)],
      }),
    ];
    // Not the role's default policy: the launch template depends on that one, and this one on the launch template.
    new iam.Policy(this, 'NodePolicy', { roles: [this.role], statements });
  }
}

/** `Stack/Web` becomes `stack-web`; the end of the name tells more than its start. */
function defaultName(scope: Construct): string {
  const name = scope.node.path.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return name
    .slice(-24)
    .replace(/^[^a-z]+/, '')
    .replace(/-+$/, '');
}
