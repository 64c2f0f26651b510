import { randomBytes } from 'node:crypto';
import { CreateLaunchTemplateCommand, EC2Client } from '@aws-sdk/client-ec2';
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  ElasticLoadBalancingV2Client,
  ModifyTargetGroupAttributesCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { type ClientConfig, clientOptions } from '../../aws/client.js';
import { hash32 } from '../../core/rng.js';
import { parseSpec } from '../../core/spec/parse.js';
import { type Spec, specParameterName } from '../../core/spec/spec.js';
import type { Settings } from './settings.js';
import type { TaskSettings } from './tasks/settings.js';
import { HEALTH_CHECK } from './timings.js';
import type { WorkloadSettings } from './workload.js';

/** What a deployed cluster consists of, as far as a rehearsal has to know it. */
export interface Deployment {
  readonly spec: Spec;
  /** Null: nothing serves requests. */
  readonly targetGroupArn: string | null;
}

export const CLUSTER = 'rehearsal';
const GOSSIP_PORT = 7946;
/** How long a workload may take to end after SIGTERM. */
const STOP_GRACE_MS = 5_000;

export const subnetOf = (zone: string): string => `subnet-${hash32(zone).toString(16).padStart(17, '0')}`;

/**
 * Does what `cdk deploy` of a SynktiCluster does, by the same AWS calls: bucket, keyring, target group, load balancer,
 * launch template and, last, the spec. Rejects with the SDK's error.
 */
export async function deploy(config: ClientConfig, settings: Settings): Promise<Deployment> {
  const options = clientOptions(config, 3);
  const clients = {
    ec2: new EC2Client(options),
    elb: new ElasticLoadBalancingV2Client(options),
    s3: new S3Client({ ...options, forcePathStyle: true }),
    secrets: new SecretsManagerClient(options),
    ssm: new SSMClient(options),
  };
  try {
    return await deployWith(clients, settings);
  } finally {
    for (const client of Object.values(clients)) client.destroy();
  }
}

interface Clients {
  readonly ec2: EC2Client;
  readonly elb: ElasticLoadBalancingV2Client;
  readonly s3: S3Client;
  readonly secrets: SecretsManagerClient;
  readonly ssm: SSMClient;
}

async function deployWith({ ec2, elb, s3, secrets, ssm }: Clients, settings: Settings): Promise<Deployment> {
  const bucket = `synkti-${CLUSTER}`;
  const secretId = `synkti/${CLUSTER}/gossip`;
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const keyring = JSON.stringify({ primary: randomBytes(32).toString('base64'), older: [] });
  await secrets.send(new CreateSecretCommand({ Name: secretId, SecretString: keyring }));

  const targetGroupArn = settings.serves ? await deployBalancer(elb, settings) : null;
  const template = await ec2.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: `synkti-${CLUSTER}`,
      LaunchTemplateData: {
        ImageId: 'ami-00000000000000001',
        IamInstanceProfile: { Name: `synkti-${CLUSTER}` },
        MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2, InstanceMetadataTags: 'enabled' },
      },
    }),
  );
  const templateId = known(template.LaunchTemplate?.LaunchTemplateId, 'launch template');
  const spec = specOf(settings, { templateId, bucket, secretId, targetGroupArn });
  await ssm.send(
    new PutParameterCommand({ Name: specParameterName(CLUSTER), Type: 'String', Value: JSON.stringify(spec) }),
  );
  return { spec, targetGroupArn };
}

/** Target group, load balancer and listener; the ARN of the first. */
async function deployBalancer(elb: ElasticLoadBalancingV2Client, settings: Settings): Promise<string> {
  const { workload, timings, ground } = settings;
  const group = await elb.send(
    new CreateTargetGroupCommand({
      Name: `synkti-${CLUSTER}`,
      Protocol: 'HTTP',
      Port: workload.port,
      VpcId: 'vpc-00000000000000001',
      TargetType: 'instance',
      HealthCheckPath: workload.healthPath,
      HealthCheckIntervalSeconds: HEALTH_CHECK.intervalS,
      HealthCheckTimeoutSeconds: HEALTH_CHECK.timeoutS,
      HealthyThresholdCount: HEALTH_CHECK.healthy,
      UnhealthyThresholdCount: HEALTH_CHECK.unhealthy,
      Matcher: { HttpCode: '200-399' },
    }),
  );
  const targetGroupArn = known(group.TargetGroups?.[0]?.TargetGroupArn, 'target group');
  const delay = Math.ceil(timings.deregistrationDelayMs / 1_000 / timings.balancerScale);
  await elb.send(
    new ModifyTargetGroupAttributesCommand({
      TargetGroupArn: targetGroupArn,
      Attributes: [{ Key: 'deregistration_delay.timeout_seconds', Value: String(delay) }],
    }),
  );
  const balancer = await elb.send(
    new CreateLoadBalancerCommand({
      Name: `synkti-${CLUSTER}`,
      Scheme: 'internal',
      Subnets: ground.zones.map(subnetOf),
    }),
  );
  await elb.send(
    new CreateListenerCommand({
      LoadBalancerArn: known(balancer.LoadBalancers?.[0]?.LoadBalancerArn, 'load balancer'),
      Protocol: 'HTTP',
      Port: 80,
      DefaultActions: [{ Type: 'forward', TargetGroupArn: targetGroupArn }],
    }),
  );
  return targetGroupArn;
}

interface Parts {
  readonly templateId: string;
  readonly bucket: string;
  readonly secretId: string;
  readonly targetGroupArn: string | null;
}

/** The spec of a rehearsal's cluster. */
export function specOf(settings: Settings, parts: Parts): Spec {
  const { ground, nodes, timings, workload, tasks } = settings;
  const parsed = parseSpec(
    JSON.stringify({
      format: 1,
      version: 1,
      cluster: CLUSTER,
      epoch: 'r1',
      desired: nodes,
      launch: {
        templateId: parts.templateId,
        templateVersion: 1,
        pools: ground.pools.map(({ instanceType, zone }) => ({ instanceType, zone, subnetId: subnetOf(zone) })),
        onDemandAfter: 2,
      },
      workloads: [
        ...(parts.targetGroupArn === null ? [] : [workloadSpec(workload, parts.targetGroupArn)]),
        ...(tasks === null ? [] : [tasksSpec(tasks)]),
      ],
      policy: {
        rebalance: 'pre-warm',
        atRiskMs: timings.atRiskMs,
        keepServingMs: timings.keepServingMs,
        drainMs: timings.drainMs,
        silentPatienceMs: timings.silentPatienceMs,
        bootPatienceMs: timings.bootPatienceMs,
      },
      gossip: { preset: timings.gossip, port: GOSSIP_PORT, secretId: parts.secretId },
      bucket: parts.bucket,
    }),
  );
  if (!parsed.ok) throw new Error(`The rehearsal's own spec is refused: ${parsed.problem}`);
  return parsed.value;
}

function workloadSpec(workload: WorkloadSettings, targetGroupArn: string) {
  return {
    kind: 'process',
    name: workload.name,
    command: workload.command,
    workingDirectory: workload.workingDirectory,
    port: workload.port,
    environment: {},
    health: { path: workload.healthPath, intervalMs: 1_000, timeoutMs: 1_000, healthyAfter: 1, unhealthyAfter: 3 },
    inFlightPath: workload.inFlightPath,
    targetGroupArns: [targetGroupArn],
    stopGraceMs: STOP_GRACE_MS,
  };
}

function tasksSpec({ memoryMiB, perNode, leaseMs }: TaskSettings) {
  return {
    kind: 'tasks',
    name: 'tasks',
    port: null,
    environment: {},
    health: null,
    inFlightPath: null,
    targetGroupArns: [],
    stopGraceMs: STOP_GRACE_MS,
    memoryMiB,
    gpuMemoryMiB: 0,
    maxTasks: perNode,
    leaseMs,
  };
}

function known(value: string | undefined, what: string): string {
  if (value === undefined) throw new Error(`The local cloud gave no ARN or id of the ${what}.`);
  return value;
}
