/**
 * The template of a borrowed cluster: one stack with one SynktiCluster, synthesized in this process. So everything that
 * holds for a deployed cluster - its rights, its functions, how it is deleted - holds for a borrowed one.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Annotations, App, CfnOutput, DefaultStackSynthesizer, Duration, aws_ec2 as ec2, Stack } from 'aws-cdk-lib';
import { SynktiCluster, type SynktiClusterProps } from '../lib/index.js';
import type { SynthContext } from './context.js';
import { BorrowError, messageOf } from './error.js';
import { stackName } from './names.js';
import type { Wish } from './options.js';
import type { Place } from './places.js';

/** Names of the stack's outputs. */
export const OUTPUT = {
  bucket: 'Bucket',
  spec: 'SpecParameter',
  balancer: 'BalancerDns',
  listener: 'Listener',
  targets: 'Targets',
} as const;

export interface Synthesized {
  readonly stackName: string;
  /** As JSON, without spaces: CloudFormation counts bytes. */
  readonly template: string;
  /** Holds the assets. */
  readonly folder: string;
  /** The asset manifest, as JSON. */
  readonly manifest: unknown;
  readonly warnings: readonly string[];
  remove(): Promise<void>;
}

/** The shortest that there is: a lease that has run out is seen this soon. */
const SWEEP_PERIOD = Duration.minutes(1);

/** @throws BorrowError TEMPLATE, with what the construct complains of */
export async function synthesize(
  wish: Wish,
  place: Place,
  env: { readonly account: string; readonly region: string },
  { context = {} }: SynthContext = {},
): Promise<Synthesized> {
  const folder = await mkdtemp(join(tmpdir(), 'synkti-borrow-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const app = new App({
      outdir: folder,
      analyticsReporting: false,
      treeMetadata: false,
      stackTraces: false,
      builtinCloudFormationValidation: false,
      context: { ...context },
    });
    const name = stackName(wish.name);
    const stack = new Stack(app, name, {
      env,
      description: `Synkti cluster ${wish.name}, borrowed by a program and deleted by it`,
      synthesizer: new DefaultStackSynthesizer({ qualifier: wish.qualifier, generateBootstrapVersionRule: false }),
    });
    describe(stack, new SynktiCluster(stack, 'Cluster', propsOf(stack, wish, place)));
    const artifact = app.synth().getStackArtifact(stack.artifactId);
    const told = (level: string): string[] =>
      artifact.messages.filter((message) => message.level === level).map(({ entry }) => String(entry.data));
    const [error] = told('error');
    if (error !== undefined) throw new BorrowError('TEMPLATE', error);
    return {
      stackName: name,
      template: JSON.stringify(JSON.parse(await readFile(artifact.templateFullPath, 'utf8'))),
      folder,
      manifest: JSON.parse(await readFile(join(folder, `${stack.artifactId}.assets.json`), 'utf8')),
      warnings: told('warning').map((text) => text.replace(/ \[ack: [^\]]*\]$/, '')),
      remove,
    };
  } catch (error) {
    await remove();
    if (error instanceof BorrowError) throw error;
    throw new BorrowError('TEMPLATE', `The cluster can't be described: ${messageOf(error)}`, error);
  }
}

function propsOf(stack: Stack, wish: Wish, { vpcId, cidr, subnets }: Place): SynktiClusterProps {
  const isPublic = subnets.every((subnet) => subnet.isPublic);
  const ids = subnets.map(({ id }) => id);
  const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
    vpcId,
    vpcCidrBlock: cidr,
    availabilityZones: subnets.map(({ zone }) => zone),
    ...(isPublic ? { publicSubnetIds: ids } : { privateSubnetIds: ids }),
  });
  // Nobody adds a route.
  Annotations.of(vpc).acknowledgeWarning('@aws-cdk/aws-ec2:noSubnetRouteTableId');
  const types = wish.instanceTypes.map((name) => new ec2.InstanceType(name));
  return {
    vpc,
    subnets: { subnetType: isPublic ? ec2.SubnetType.PUBLIC : ec2.SubnetType.PRIVATE_WITH_EGRESS },
    clusterName: wish.name,
    workload: wish.workload,
    capacity: { ...wish.capacity, desired: wish.nodes, ...(types.length === 0 ? {} : { instanceTypes: types }) },
    machine: wish.machine,
    lease: Duration.seconds(wish.leaseMs / 1_000),
    // The sweep looks at the lease, too.
    failover: { sweepPeriod: SWEEP_PERIOD, ...wish.failover },
    ...(wish.loadBalancing === null ? {} : { loadBalancing: wish.loadBalancing }),
  };
}

/** What the borrower needs to know of what was made. */
function describe(stack: Stack, cluster: SynktiCluster): void {
  const outputs: Readonly<Record<string, string | undefined>> = {
    [OUTPUT.bucket]: cluster.bucket.bucketName,
    [OUTPUT.spec]: cluster.specParameter.parameterName,
    [OUTPUT.balancer]: cluster.loadBalancer?.loadBalancerDnsName,
    [OUTPUT.listener]: cluster.listener?.listenerArn,
    [OUTPUT.targets]: cluster.targetGroups[0]?.targetGroupArn,
  };
  for (const [id, value] of Object.entries(outputs)) if (value !== undefined) new CfnOutput(stack, id, { value });
}
