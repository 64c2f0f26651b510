/** The example app, synthesized by the CDK itself, deployed, changed and deleted on a local cloud. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateFleetCommand, EC2Client, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseSpec } from '../../../core/spec/parse.js';
import { type CloudEvent, type LocalCloud, startLocalCloud } from '../../../local/cloud.js';
import { deploy } from '../../../local/cloudformation/deploy.js';
import type { ResourceEvent } from '../../../local/cloudformation/engine.js';
import { planFromUserData } from '../../../local/cloudformation/node-boot.js';
import { placesOf } from '../../../local/cloudformation/places.js';
import { clientConfig } from '../endpoint.js';
import { eventually } from '../eventually.js';

const ROOT = join(import.meta.dirname, '../../..');
const REGION = 'us-east-1';
/** Stands for the agent, once its bundle was fetched and checked: says how it was called, and stays. */
const NODE =
  "process.stdout.write('node ' + JSON.stringify([process.argv.slice(1), process.env]) + '\\n'); setInterval(() => {}, 1000);";

let out: string;
let template: string;
let cloud: LocalCloud;
const events: CloudEvent[] = [];

beforeAll(async () => {
  out = mkdtempSync(join(tmpdir(), 'synkti-example-'));
  await promisify(execFile)(process.execPath, ['--import', 'tsx', 'bin/app.ts'], {
    cwd: ROOT,
    env: { ...process.env, CDK_OUTDIR: out, CDK_DEFAULT_REGION: REGION },
  });
  const whole = JSON.parse(readFileSync(join(out, 'SynktiExample.template.json'), 'utf8'));
  // Its function waits out real time for stragglers; test/integ rehearses the stack with it.
  for (const [id, { Type }] of Object.entries<{ Type: string }>(whole.Resources)) {
    if (Type === 'Custom::SynktiSeats') delete whole.Resources[id];
  }
  template = JSON.stringify(whole);
  const places = placesOf(JSON.parse(template), { region: REGION });
  const boot = planFromUserData();
  cloud = await startLocalCloud({
    seed: 'example',
    region: REGION,
    zones: places.zones.map((name) => ({ name, subnetId: `subnet-default-${name}` })),
    pools: places.pools.map((pool) => ({ ...pool, spotPrice: 0.03, onDemandPrice: 0.1, capacity: null })),
    launchDelayMs: 0,
    shutdownMs: 500,
    timeScale: 0.02,
    machine: {
      command: [],
      plan: async (node) => {
        const { command, environment } = await boot(node);
        return { environment, command: [command[0] ?? '', '-e', NODE, ...command.slice(1)] };
      },
    },
    onEvent: (event) => events.push(event),
  });
}, 120_000);

afterAll(async () => {
  await cloud?.stop();
  rmSync(out, { recursive: true, force: true });
});

test('what the template asks for is known before', () => {
  const places = placesOf(JSON.parse(template), { region: REGION });
  expect(places.zones).toEqual(['us-east-1a', 'us-east-1b', 'us-east-1c']);
  expect(places.clusters).toEqual([
    {
      cluster: 'web',
      desired: 6,
      workloads: [
        { name: 'main', kind: 'container', port: 80, healthPath: '/', image: 'public.ecr.aws/nginx/nginx:1.29' },
      ],
    },
  ]);
  expect(places.pools.length).toBeGreaterThanOrEqual(30);
  expect(places.subnets).toEqual([]);
});

test('a container without Docker and without a stand-in is a clear error, and nothing stays', async () => {
  const input = { template: JSON.parse(template), assetsDir: out, stackName: 'Bare' };
  await expect(deploy(input, cloud)).rejects.toThrow(/--stand-in main=/);
  expect(cloud.objects()).toEqual([]);
  expect(cloud.targetGroups()).toEqual([]);
  expect(cloud.iam.roles()).toEqual([]);
});

test('the example is deployed, boots nodes with its agent, is changed, and leaves only what it retains', async () => {
  const resourceEvents: ResourceEvent[] = [];
  const stack = await deploy(
    {
      template: JSON.parse(template),
      assetsDir: out,
      stackName: 'SynktiExample',
      rehearsal: { standIns: { main: [process.execPath, 'server.js'] } },
      onEvent: (event) => resourceEvents.push(event),
    },
    cloud,
  );
  const specOf = () => {
    const value = stack.standing().find(({ logicalId }) => logicalId.startsWith('WebSpec'))?.attributes.Value;
    const parsed = parseSpec(String(value));
    if (!parsed.ok) throw new Error(parsed.problem);
    return parsed.value;
  };
  const spec = specOf();
  expect(spec.desired).toBe(6);
  expect(spec.workloads[0]).toMatchObject({ kind: 'process', port: 8080, command: [process.execPath, 'server.js'] });
  expect(spec.epoch).toMatch(/^[0-9a-f]{12}$/);
  const notes = stack.notes().map(({ text }) => text);
  expect(notes).toContain('Load balancers write no access logs.');
  expect(notes.find((text) => text.includes('here it is ami-'))).toMatch(/^\/aws\/service\/.* is read from SSM by AWS/);
  expect(cloud.balancers()[0]?.listeners[0]?.url).toMatch(/:8080$/);

  // A node from its launch template runs the agent that the template names, fetched with the node's own rights.
  const ec2 = new EC2Client(clientConfig(cloud.endpoint));
  const { Instances, Errors } = await ec2.send(
    new CreateFleetCommand({
      Type: 'instant',
      TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'spot' },
      LaunchTemplateConfigs: [
        {
          LaunchTemplateSpecification: {
            LaunchTemplateId: spec.launch.templateId,
            Version: String(spec.launch.templateVersion),
          },
          Overrides: [
            {
              InstanceType: spec.launch.pools[0]?.instanceType as 'm5.large',
              SubnetId: spec.launch.pools[0]?.subnetId,
            },
          ],
        },
      ],
    }),
  );
  const instanceId = Instances?.[0]?.InstanceIds?.[0] ?? Errors?.[0]?.ErrorCode ?? '';
  const log = await eventually('the node starts', () => {
    const path = join(cloud.runDir, instanceId, 'agent.log');
    try {
      return /^node (.*)$/m.exec(readFileSync(path, 'utf8'))?.[1];
    } catch {
      return null;
    }
  });
  const [args, environment] = JSON.parse(log);
  expect(args).toEqual([expect.stringMatching(/\/node-files\/[0-9a-f]{16}\/agent\.mjs$/)]);
  expect(readFileSync(args[0], 'utf8')).toBe(readFileSync(join(ROOT, 'dist/agent.mjs'), 'utf8'));
  expect(environment.AWS_ENDPOINT_URL).toBe(cloud.endpoint);
  expect(events.filter(({ type }) => type === 'denied')).toEqual([]);

  // More seats and another user data: a version of the launch template, and a spec that names it.
  resourceEvents.length = 0;
  const changed = template
    .replace('\\"desired\\":6', '\\"desired\\":9')
    .replace('LimitNOFILE=65536', 'LimitNOFILE=32768');
  await stack.update({ template: JSON.parse(changed), assetsDir: out });
  expect(specOf()).toMatchObject({ desired: 9, launch: { templateVersion: 2 } });
  const updated = resourceEvents.filter(({ what }) => what === 'updated').map(({ type }) => type);
  expect(updated).toEqual(expect.arrayContaining(['AWS::EC2::LaunchTemplate', 'AWS::SSM::Parameter']));

  await ec2.send(new TerminateInstancesCommand({ InstanceIds: cloud.instances().map((one) => one.instanceId) }));
  ec2.destroy();
  const retained = await stack.delete();
  await stack.close();
  // Only what its policy keeps.
  expect(retained.every(({ type }) => type === 'AWS::S3::Bucket')).toBe(true);
  expect(stack.resources()).toEqual({});
  expect([cloud.balancers(), cloud.targetGroups(), cloud.iam.roles(), cloud.functions.list()]).toEqual([
    [],
    [],
    [],
    [],
  ]);
  const s3 = new S3Client({ ...clientConfig(cloud.endpoint), forcePathStyle: true });
  const { Buckets } = await s3.send(new ListBucketsCommand({}));
  s3.destroy();
  expect(Buckets?.map(({ Name }) => Name)).toEqual(retained.map(({ physicalId }) => physicalId));
}, 60_000);
