import { CreateFleetCommand, CreateLaunchTemplateCommand, CreateTagsCommand, EC2Client } from '@aws-sdk/client-ec2';
import {
  CreateTargetGroupCommand,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { createFallbackCloud } from '../../aws/fallback/cloud.js';
import type { AnyCall } from '../../core/fallback/port.js';
import { seededRng } from '../../core/rng.js';
import { seatFromTags, TAG } from '../../core/seats/tags.js';
import type { Spec } from '../../core/spec/spec.js';
import { specParameterName } from '../../core/spec/spec.js';
import { monoMs, wallMs } from '../../core/time.js';
import type { LambdaContext, Parts } from '../../lambda/parts.js';
import { limited } from '../../lambda/run.js';
import type { MetricName, Telemetry } from '../../lambda/telemetry.js';
import { type InstanceView, type LocalCloud, type LocalCloudOptions, startLocalCloud } from '../../local/cloud.js';
import { specOf } from '../core/fixtures.js';

const zones = ['a', 'b'].map((letter) => ({ name: `us-east-1${letter}`, subnetId: `subnet-${letter}` }));
const pools = zones.map(({ name }) => ({
  instanceType: 'm7g.large',
  zone: name,
  spotPrice: 0.03,
  onDemandPrice: 0.1,
  capacity: null,
}));
const BUCKET = 'synkti-web';
/** Real time passes this much faster for the Lambdas, so that pauses are short. */
const SPEED = 40;

export const CONTEXT: LambdaContext = { getRemainingTimeInMillis: () => 120_000 };

/** The local cloud without agents, and what the Lambdas' handlers are made of. */
export interface World {
  readonly cloud: LocalCloud;
  readonly spec: Spec;
  readonly targetGroupArn: string;
  readonly parts: Parts;
  readonly calls: AnyCall[];
  readonly counted: Map<MetricName, number>;
  readonly logged: { readonly code: string; readonly fields: Readonly<Record<string, unknown>> }[];
  /** Moves the Lambdas' wall clock. */
  skewMs: number;
  publish(change: Partial<Spec>): Promise<void>;
  /** Launches a node of any tags, as somebody else would. */
  launch(tags: Readonly<Record<string, string>>): Promise<string>;
  tag(instanceId: string, state: string): Promise<void>;
  register(instanceId: string): Promise<void>;
  targets(): Promise<string[]>;
  /** Live nodes with their seats, `slot.generation`. */
  seats(): string[];
  live(): InstanceView[];
  stop(): Promise<void>;
}

export async function startWorld(options: Partial<LocalCloudOptions> = {}, change: Partial<Spec> = {}): Promise<World> {
  const cloud = await startLocalCloud({
    seed: 1,
    zones,
    pools,
    launchDelayMs: 0,
    shutdownMs: 50,
    machine: null,
    ...options,
  });
  const keys = { accessKeyId: 'lambda', secretAccessKey: 'x' };
  const config = { endpoint: cloud.endpoint, region: cloud.region, credentials: keys };
  const [ec2, elb, ssm] = [new EC2Client(config), new ElasticLoadBalancingV2Client(config), new SSMClient(config)];
  const fallback = createFallbackCloud({ ...config, credentials: async () => keys });
  const { LaunchTemplate } = await ec2.send(
    new CreateLaunchTemplateCommand({ LaunchTemplateName: 'nodes', LaunchTemplateData: { ImageId: 'ami-1' } }),
  );
  const { TargetGroups } = await elb.send(
    new CreateTargetGroupCommand({ Name: 'web', Protocol: 'HTTP', Port: 8080, VpcId: 'vpc-1', TargetType: 'instance' }),
  );
  const targetGroupArn = TargetGroups?.[0]?.TargetGroupArn ?? '';
  cloud.createBucket(BUCKET);
  const base = specOf();
  const first = base.workloads[0];
  if (first === undefined) throw new Error('The spec has no workload.');
  let spec: Spec = {
    ...base,
    launch: {
      ...base.launch,
      templateId: LaunchTemplate?.LaunchTemplateId ?? '',
      templateVersion: 1,
      pools: zones.map(({ name, subnetId }) => ({ instanceType: 'm7g.large', zone: name, subnetId })),
    },
    workloads: [{ ...first, targetGroupArns: [targetGroupArn] }],
    bucket: BUCKET,
    ...change,
  };
  const calls: AnyCall[] = [];
  const counted = new Map<MetricName, number>();
  const logged: World['logged'] = [];
  const telemetry: Telemetry = {
    log: (_level, code, fields) => logged.push({ code, fields }),
    count: (metric, value = 1) => counted.set(metric, (counted.get(metric) ?? 0) + value),
  };
  const rng = seededRng(1);
  const startedMs = performance.now();
  const world: World = {
    cloud,
    get spec() {
      return spec;
    },
    targetGroupArn,
    skewMs: 0,
    calls,
    counted,
    logged,
    parts: {
      settings: {
        cluster: 'web',
        specParameter: specParameterName('web'),
        drainDocument: null,
        region: cloud.region,
        lease: null,
      },
      carry: limited((call, timeoutMs) => {
        calls.push(call);
        return fallback.call(call, timeoutMs);
      }),
      clock: () => ({
        nowMs: monoMs((performance.now() - startedMs) * SPEED),
        wallMs: wallMs(Date.now() + world.skewMs),
        rng,
      }),
      pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms / SPEED)),
      telemetry,
    },
    publish: async (next) => {
      spec = { ...spec, ...next, version: spec.version + 1 };
      const Value = JSON.stringify(spec);
      await ssm.send(
        new PutParameterCommand({ Name: specParameterName('web'), Value, Type: 'String', Overwrite: true }),
      );
    },
    launch: async (tags) => {
      const { Instances } = await ec2.send(
        new CreateFleetCommand({
          Type: 'instant',
          TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'on-demand' },
          LaunchTemplateConfigs: [
            {
              LaunchTemplateSpecification: { LaunchTemplateId: spec.launch.templateId, Version: '1' },
              Overrides: [{ InstanceType: 'm7g.large', SubnetId: 'subnet-a' }],
            },
          ],
          TagSpecifications: [
            { ResourceType: 'instance', Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) },
          ],
        }),
      );
      return Instances?.[0]?.InstanceIds?.[0] ?? '';
    },
    tag: async (instanceId, state) => {
      await ec2.send(new CreateTagsCommand({ Resources: [instanceId], Tags: [{ Key: TAG.state, Value: state }] }));
    },
    register: async (instanceId) => {
      await elb.send(
        new RegisterTargetsCommand({ TargetGroupArn: targetGroupArn, Targets: [{ Id: instanceId, Port: 8080 }] }),
      );
    },
    targets: async () => {
      const answer = await elb.send(new DescribeTargetHealthCommand({ TargetGroupArn: targetGroupArn }));
      return (answer.TargetHealthDescriptions ?? [])
        .filter(({ TargetHealth }) => TargetHealth?.State !== 'draining')
        .map(({ Target }) => Target?.Id ?? '');
    },
    live: () => cloud.instances().filter(({ state }) => state === 'pending' || state === 'running'),
    seats: () =>
      world
        .live()
        .map(({ tags }) => seatFromTags(tags))
        .map((seat) => (seat === null ? 'none' : `${seat.slot}.${seat.generation}`))
        .sort(),
    stop: async () => {
      for (const client of [ec2, elb, ssm]) client.destroy();
      fallback.close();
      await cloud.stop();
    },
  };
  await world.publish({});
  return world;
}

/** An event of EC2, as a message of the queue. */
export function message(detailType: string, detail: object, messageId = 'm1') {
  const event = {
    version: '0',
    id: messageId,
    source: 'aws.ec2',
    'detail-type': detailType,
    time: '2026-01-17T10:00:00Z',
    resources: [],
    detail,
  };
  return { messageId, body: JSON.stringify(event) };
}

export const warning = (instanceId: string, messageId = 'm1') =>
  message(
    'EC2 Spot Instance Interruption Warning',
    { 'instance-id': instanceId, 'instance-action': 'terminate' },
    messageId,
  );

export const ending = (instanceId: string, state = 'terminated', messageId = 'm1') =>
  message('EC2 Instance State-change Notification', { 'instance-id': instanceId, state }, messageId);
