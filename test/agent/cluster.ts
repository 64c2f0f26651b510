import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateLaunchTemplateCommand, EC2Client } from '@aws-sdk/client-ec2';
import { CreateTargetGroupCommand, ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { build } from 'esbuild';
import { createCloud } from '../../aws/cloud.js';
import { launchRequest } from '../../core/seats/launch.js';
import { parseSpec } from '../../core/spec/parse.js';
import { type Spec, specParameterName } from '../../core/spec/spec.js';
import { type CloudEvent, type LocalCloud, startLocalCloud } from '../../local/cloud.js';

/** A cluster of real agents, bundled as they ship, on a local cloud. */
export interface TestCluster {
  readonly cloud: LocalCloud;
  readonly spec: Spec;
  readonly events: readonly CloudEvent[];
  stop(): Promise<void>;
}

const CREDENTIALS = { accessKeyId: 'AKIATESTER', secretAccessKey: 'tester' };
const BANNER = "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);";

export async function bundle(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    mainFields: ['module', 'main'],
    banner: { js: BANNER },
    logLevel: 'error',
  });
}

export async function startTestCluster(options: {
  readonly nodes: number;
  /** Fields of the first workload, over a service that gets healthy at once. */
  readonly workload?: Readonly<Record<string, unknown>>;
  /** Instead of that service. */
  readonly workloads?: readonly Readonly<Record<string, unknown>>[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Default: bundled from the sources. */
  readonly agent?: string;
  readonly preset?: 'lan' | 'local';
  readonly keepFiles?: boolean;
}): Promise<TestCluster> {
  const dir = await mkdtemp(join(tmpdir(), 'synkti-test-'));
  const agent = options.agent ?? join(dir, 'agent.mjs');
  const service = join(dir, 'service.mjs');
  if (options.agent === undefined) await bundle('agent/main.ts', agent);
  await bundle('local/service/server.ts', service);
  const zones = ['a', 'b', 'c'].map((zone) => ({ name: `us-east-1${zone}`, subnetId: `subnet-${zone}` }));
  const types = ['c7g.large', 'm7g.large'];
  const events: CloudEvent[] = [];
  const cloud = await startLocalCloud({
    seed: 7,
    zones,
    pools: zones.flatMap(({ name }) =>
      types.map((instanceType) => ({ instanceType, zone: name, spotPrice: 0.03, onDemandPrice: 0.08, capacity: null })),
    ),
    launchDelayMs: 300,
    shutdownMs: 2_000,
    machine: { command: [process.execPath, agent], environment: { ...options.environment } },
    keepFiles: options.keepFiles ?? false,
    onEvent: (event) => events.push(event),
  });
  const stop = async () => {
    await cloud.stop();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const spec = await furnish(cloud, zones, types, options, service);
    return { cloud, spec, events, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function furnish(
  cloud: LocalCloud,
  zones: readonly { readonly name: string; readonly subnetId: string }[],
  types: readonly string[],
  options: Parameters<typeof startTestCluster>[0],
  service: string,
): Promise<Spec> {
  const client = { region: cloud.region, endpoint: cloud.endpoint, credentials: CREDENTIALS };
  const template = await new EC2Client(client).send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: 'synkti-test',
      LaunchTemplateData: {
        ImageId: 'ami-0123456789abcdef0',
        IamInstanceProfile: { Name: 'synkti-node' },
        MetadataOptions: { InstanceMetadataTags: 'enabled' },
      },
    }),
  );
  const group = await new ElasticLoadBalancingV2Client(client).send(
    new CreateTargetGroupCommand({
      Name: 'test',
      Protocol: 'HTTP',
      Port: 8080,
      VpcId: 'vpc-1',
      TargetType: 'instance',
    }),
  );
  const key = randomBytes(32).toString('base64');
  await new SecretsManagerClient(client).send(
    new CreateSecretCommand({ Name: 'keyring', SecretString: JSON.stringify({ primary: key, older: [] }) }),
  );
  cloud.createBucket('synkti-test');
  const text = JSON.stringify({
    format: 1,
    version: 1,
    cluster: 'test',
    epoch: 'e1',
    desired: options.nodes,
    launch: {
      templateId: template.LaunchTemplate?.LaunchTemplateId,
      templateVersion: 1,
      pools: zones.flatMap(({ name, subnetId }) =>
        types.map((instanceType) => ({ instanceType, zone: name, subnetId })),
      ),
      onDemandAfter: 3,
    },
    workloads: options.workloads ?? [
      {
        name: 'web',
        kind: 'process',
        command: [process.execPath, service],
        port: 8080,
        environment: {},
        health: { path: '/health', intervalMs: 500, timeoutMs: 1_000, healthyAfter: 1, unhealthyAfter: 3 },
        inFlightPath: '/in-flight',
        targetGroupArns: [group.TargetGroups?.[0]?.TargetGroupArn],
        stopGraceMs: 2_000,
        ...options.workload,
      },
    ],
    policy: { keepServingMs: 500, drainMs: 8_000 },
    gossip: { preset: options.preset ?? 'local', port: 7946, secretId: 'keyring' },
    bucket: 'synkti-test',
  });
  const parsed = parseSpec(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  await new SSMClient(client).send(
    new PutParameterCommand({ Name: specParameterName('test'), Value: text, Type: 'String' }),
  );
  const seeder = createCloud({ region: cloud.region, endpoint: cloud.endpoint, credentials: async () => CREDENTIALS });
  for (let slot = 0; slot < options.nodes; slot++) {
    const request = launchRequest(parsed.value, { slot, generation: 1, rung: 0 });
    const outcome = await seeder.call({ op: 'launch', request }, 5_000);
    if (!outcome.ok) throw new Error(outcome.error.message);
  }
  seeder.close();
  return parsed.value;
}

/** One of the agent's pages, as JSON; null while it doesn't answer. */
export async function page(insideIp: string, path: string): Promise<Record<string, unknown> | null> {
  try {
    const answer = await fetch(`http://${insideIp}:7947${path}`);
    return (await answer.json()) as Record<string, unknown>;
  } catch {
    return null;
  }
}
