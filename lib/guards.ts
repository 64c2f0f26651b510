/**
 * What is looked at when an app is synthesized, so that a mistake is told before it is deployed. Each complaint says what
 * to do. Errors stop a deployment; warnings can be acknowledged by their id.
 */
import { Annotations, AspectPriority, Aspects, Duration, aws_ec2 as ec2, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Capacity } from './capacity.js';
import type { SynktiCluster } from './cluster.js';
import type { SynktiClusterProps } from './cluster-props.js';
import { isSweepPeriod, sweepPeriod } from './failover.js';
import { requirementProblems } from './guard-requirements.js';
import { guardTargetGroup } from './guard-targets.js';
import { guardTasks } from './guard-tasks.js';
import { guardWorkloads } from './guard-workloads.js';
import { DEFAULT_MAX_TYPES } from './instance-requirements.js';
import { hasGpu } from './instance-types.js';
import { CLUSTER_NAME } from './names.js';
import type { Workload } from './workload.js';

export interface Facts {
  readonly props: SynktiClusterProps;
  readonly capacity: Capacity;
  readonly zones: number;
  readonly workloads: readonly Workload[];
  readonly spec: () => string;
}

/** A broad choice: AWS advises ten types or more over all zones. */
const BROAD_POOLS = 10;
/** The spec's reader takes no more. */
const MOST_POOLS = 300;
/** What SSM holds in an advanced parameter. */
const SPEC_LIMIT = 8_192;
/** The name of an instance type, with quotes and comma. */
const TYPE_LENGTH = 18;
/** A token in the spec becomes an id or an ARN of about this length. */
const TOKEN_LENGTH = 30;

/** Looks once, when the app is whole; at the launch template after its tags were set. */
export function guard(cluster: SynktiCluster, facts: Facts): void {
  const template = cluster.launchTemplate.node.defaultChild;
  const visit = (node: IConstruct): void => {
    if (node === template) guardTemplate(cluster);
    if (node !== cluster) return;
    guardName(cluster);
    guardCapacity(cluster, facts);
    guardMachine(cluster, facts);
    guardSpec(cluster, facts);
    guardWorkloads(cluster, facts.workloads, facts.capacity.desired);
    guardTasks(cluster, facts.workloads, facts.capacity.gpu);
    for (const targets of cluster.targetGroups) guardTargetGroup(cluster, targets);
    guardFailover(cluster, facts);
    guardLease(cluster, facts.props);
  };
  Aspects.of(cluster).add({ visit }, { priority: AspectPriority.READONLY });
}

function guardName(cluster: SynktiCluster): void {
  if (CLUSTER_NAME.test(cluster.clusterName)) return;
  Annotations.of(cluster).addError(
    `The cluster name "${cluster.clusterName}" won't do: give clusterName at most 24 lower case letters, digits and hyphens, a letter first.`,
  );
}

function guardCapacity(cluster: SynktiCluster, { props, capacity, zones, workloads }: Facts): void {
  const say = Annotations.of(cluster);
  const { desired, onDemandBase, requirements, types } = capacity;
  if (!Number.isInteger(desired) || desired < 0 || desired > 10_000) {
    say.addError(`capacity.desired must be a whole number from 0 to 10000, not ${desired}.`);
  }
  if (!Number.isInteger(onDemandBase) || onDemandBase < 0 || onDemandBase > desired) {
    say.addError(
      `capacity.onDemandBase is ${onDemandBase}, but capacity.desired is ${desired}: make the base a whole number that is not larger.`,
    );
  }
  const architectures = new Set([...types.map((type) => type.architecture), capacity.architecture]);
  if (architectures.size > 1) {
    say.addError(
      'The instance types, or capacity.architecture, mix x86-64 and arm64, but one image serves all nodes: keep to one architecture.',
    );
  }
  const gpus = Math.max(0, ...workloads.map((workload) => workload.gpus));
  if (requirements !== undefined) {
    for (const problem of requirementProblems(requirements, gpus)) say.addError(`capacity.requirements: ${problem}`);
    if ((props.capacity?.instanceTypes ?? []).length > 0) {
      say.addError(
        'capacity has instanceTypes and requirements, which find the types: give one of them. To narrow requirements, use excludedInstanceTypes.',
      );
    }
  }
  const without = types.filter((type) => !hasGpu(type)).map((type) => type.toString());
  if (gpus > 0 && without.length > 0) {
    say.addError(
      `A workload needs GPUs, but ${without.join(', ')} ${without.length > 1 ? 'have' : 'has'} none: give capacity.instanceTypes of the p and g families only.`,
    );
  }
  if (zones < 2) {
    say.addWarningV2(
      'synkti:zones',
      'The nodes stand in one zone only, where they may all be interrupted at once. Choose subnets in two zones or more.',
    );
  }
  const count = requirements === undefined ? types.length : (requirements.maxTypes ?? DEFAULT_MAX_TYPES);
  if (count * zones > MOST_POOLS) {
    say.addError(
      `${count} instance types in ${zones} zones make ${count * zones} pools, and a launch takes ${MOST_POOLS}: give fewer types or zones.`,
    );
  }
  if (count * zones < BROAD_POOLS) {
    say.addWarningV2(
      'synkti:pools',
      `${count} instance types in ${zones} zones make ${count * zones} spot pools. Give more types or zones, ${BROAD_POOLS} pools at least, so that a replacement can be found.`,
    );
  }
  if (zones < 2 && cluster.loadBalancer !== undefined) {
    say.addError(
      'An Application Load Balancer needs subnets in two zones: choose more subnets, or LoadBalancing.none().',
    );
  }
}

function guardMachine(cluster: SynktiCluster, { props, capacity }: Facts): void {
  const say = Annotations.of(cluster);
  const image = props.machine?.image;
  if (image !== undefined) {
    if (cluster.launchTemplate.osType === ec2.OperatingSystemType.WINDOWS) {
      say.addError('The machine image is a Windows image: choose a Linux image with systemd.');
    }
    say.addWarningV2(
      'synkti:image',
      'Synkti cannot look into the machine image. Check that it has systemd, and Node.js 20.19 or newer or else dnf; then acknowledge this.',
    );
  }
  const size = props.machine?.rootVolumeSize?.toGibibytes();
  if (size !== undefined && image === undefined && capacity.gpu && size < 75) {
    say.addError(
      `The GPU image has a root volume of 75 GiB: give machine.rootVolumeSize at least that, not ${size} GiB.`,
    );
  }
}

/** What an escape hatch may have put into the launch template. */
function guardTemplate(cluster: SynktiCluster): void {
  const say = Annotations.of(cluster);
  const resource = cluster.launchTemplate.node.defaultChild as ec2.CfnLaunchTemplate;
  const rendered = Stack.of(cluster).resolve(resource._toCloudFormation()) as {
    Resources: Record<string, { Properties: { LaunchTemplateData: TemplateData } }>;
  };
  const data = Object.values(rendered.Resources)[0]?.Properties.LaunchTemplateData;
  if (data?.InstanceMarketOptions?.SpotOptions?.MaxPrice !== undefined) {
    say.addWarningV2(
      'synkti:maxPrice',
      'A maximum price gets nodes interrupted more often and saves nothing, since the spot price is paid anyway. Remove it.',
    );
  }
  const keys = (data?.TagSpecifications ?? [])
    .filter((specification) => specification.ResourceType === 'instance')
    .flatMap(({ Tags }) => Tags.map(({ Key }) => Key))
    .filter((key) => /[\s/]/.test(key));
  if (keys.length > 0) {
    say.addError(
      `EC2 rejects nodes with the tag ${keys.map((key) => `"${key}"`).join(', ')}: with tags in the instance metadata, a key may have no space and no slash. Rename it, or exclude AWS::EC2::LaunchTemplate from it.`,
    );
  }
}

interface TemplateData {
  readonly InstanceMarketOptions?: { readonly SpotOptions?: { readonly MaxPrice?: unknown } };
  readonly TagSpecifications?: readonly {
    readonly ResourceType: string;
    readonly Tags: readonly { readonly Key: string }[];
  }[];
}

function guardSpec(cluster: SynktiCluster, { capacity, spec }: Facts): void {
  const chosen = (capacity.requirements?.maxTypes ?? DEFAULT_MAX_TYPES) * TYPE_LENGTH;
  const length = lengthOf(Stack.of(cluster).resolve(spec())) + (capacity.requirements === undefined ? 0 : chosen);
  if (length > SPEC_LIMIT) {
    Annotations.of(cluster).addError(
      `The spec takes about ${length} characters, and SSM holds ${SPEC_LIMIT}: give shorter environments or commands, or fewer instance types.`,
    );
  }
}

/** Of a resolved text: a literal, or pieces and references joined. */
function lengthOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  const join = (value as { readonly 'Fn::Join'?: readonly [string, readonly unknown[]] })['Fn::Join'];
  return join === undefined ? TOKEN_LENGTH : join[1].reduce<number>((sum, part) => sum + lengthOf(part), 0);
}

function guardFailover(cluster: SynktiCluster, { props }: Facts): void {
  const sweep = props.failover?.sweepPeriod;
  if (sweep !== undefined && !isSweepPeriod(sweep)) {
    Annotations.of(cluster).addError(
      `failover.sweepPeriod is ${sweep.toMinutes({ integral: false })} minutes: make it 1 to 5 whole minutes, as EventBridge and the metrics ask for.`,
    );
  }
  const seconds = props.failover?.keepServing?.toSeconds() ?? 0;
  if (seconds > 90) {
    Annotations.of(cluster).addError(
      `failover.keepServing is ${seconds} s, but an interruption gives 120 s for everything: make it 90 s or less.`,
    );
  }
}

const LONGEST_LEASE = Duration.days(30);

function guardLease(cluster: SynktiCluster, { lease, failover, removalPolicy }: SynktiClusterProps): void {
  if (lease === undefined) return;
  const say = Annotations.of(cluster);
  const sweep = sweepPeriod(failover ?? {});
  const ms = lease.toMilliseconds();
  if (ms < 2 * sweep.toMilliseconds() || ms > LONGEST_LEASE.toMilliseconds()) {
    say.addError(
      `lease is ${lease.toHumanString()}, but the sweep looks every ${sweep.toHumanString()}: make it from ${2 * sweep.toMinutes()} minutes to 30 days.`,
    );
  }
  if (Stack.of(cluster).nestedStackParent !== undefined) {
    say.addError(
      'A cluster with a lease deletes its stack, and this one is nested in another: give it a stack of its own.',
    );
  }
  if (removalPolicy === RemovalPolicy.RETAIN) {
    say.addWarningV2(
      'synkti:lease',
      'The bucket stays when the lease ends, as removalPolicy says: each such cluster leaves one behind. Leave removalPolicy out, or acknowledge this.',
    );
  }
}
