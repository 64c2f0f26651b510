/** A cluster that is lent, on the local cloud from its creation by CloudFormation's API to its own end. */
import { join } from 'node:path';
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { ListBucketsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Duration, aws_ec2 as ec2, Stack } from 'aws-cdk-lib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SynktiCluster, Workload } from '../../lib/index.js';
import { type CloudEvent, type LocalCloud, startLocalCloud } from '../../local/cloud.js';
import { publishAssets, readAssets } from '../../local/cloudformation/assets.js';
import { openClients } from '../../local/cloudformation/clients.js';
import { newApp } from './synth.js';

const REGION = 'us-east-1';
const ACCOUNT = '123456789012';
const ZONES = ['a', 'b', 'c'].map((letter) => ({ name: `${REGION}${letter}`, subnetId: `subnet-${letter}` }));
/** Shorter than the construct allows, in the place of its hours. */
const LEASE_MS = 2_500;

let cloud: LocalCloud;
const events: CloudEvent[] = [];

beforeAll(async () => {
  cloud = await startLocalCloud({
    seed: 'lease',
    region: REGION,
    zones: ZONES,
    pools: [],
    // A minute's sweep comes every 600 ms.
    timeScale: 0.01,
    machine: null,
    onEvent: (event) => events.push(event),
  });
});

afterAll(() => cloud.stop());

it('deletes itself by its own rights when nobody renews its lease, and leaves nothing', async () => {
  const app = newApp({ context: { 'synkti:bundles': join(import.meta.dirname, '../../dist') } });
  const stack = new Stack(app, 'Lent', { env: { region: REGION, account: ACCOUNT } });
  new SynktiCluster(stack, 'Web', {
    vpc: ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
      vpcId: 'vpc-00000000000000001',
      availabilityZones: ZONES.map(({ name }) => name),
      privateSubnetIds: ZONES.map(({ subnetId }) => subnetId),
    }),
    clusterName: 'lent',
    workload: Workload.process({ command: ['node', 'server.js'] }),
    capacity: { desired: 0, instanceTypes: [new ec2.InstanceType('m7g.large')] },
    failover: { sweepPeriod: Duration.minutes(1) },
    lease: Duration.minutes(2),
  });
  const { directory, stacks } = app.synth();
  const template = stacks[0]?.template;
  for (const [id, { Type, Properties }] of Object.entries<{ Type: string; Properties: never }>(template.Resources)) {
    // Its end waits out real time for stragglers; test/integ plays it.
    if (Type === 'Custom::SynktiSeats') delete template.Resources[id];
    const { Variables } = (Properties as { Environment?: { Variables: Record<string, string> } }).Environment ?? {};
    if (Variables?.SYNKTI_LEASE_MS !== undefined) Variables.SYNKTI_LEASE_MS = String(LEASE_MS);
  }
  const own = openClients(cloud);
  await publishAssets(own, readAssets(directory, { name: 'Lent', id: '', region: REGION, accountId: ACCOUNT }).files);
  const before = cloud.objects().length;
  own.close();

  const config = { region: REGION, endpoint: cloud.endpoint, credentials: { accessKeyId: 'a', secretAccessKey: 'b' } };
  const cloudformation = new CloudFormationClient(config);
  const s3 = new S3Client({ ...config, forcePathStyle: true });
  await s3.send(new PutObjectCommand({ Bucket: bootstrap(), Key: 'lent.json', Body: JSON.stringify(template) }));
  const { StackId = '' } = await cloudformation.send(
    new CreateStackCommand({
      StackName: 'Lent',
      TemplateURL: `${cloud.endpoint}/${bootstrap()}/lent.json`,
      Capabilities: ['CAPABILITY_IAM'],
      RoleARN: `arn:aws:iam::${ACCOUNT}:role/exec`,
    }),
  );
  const status = async () =>
    (await cloudformation.send(new DescribeStacksCommand({ StackName: StackId }))).Stacks?.[0]?.StackStatus;
  await expect.poll(status, { timeout: 10_000 }).toBe('CREATE_COMPLETE');
  const createdMs = Date.now();
  await expect.poll(status, { timeout: 15_000, interval: 100 }).toBe('DELETE_COMPLETE');
  expect(Date.now() - createdMs).toBeGreaterThan(LEASE_MS - 1_000);

  const { StackEvents = [] } = await cloudformation.send(new DescribeStackEventsCommand({ StackName: StackId }));
  expect(StackEvents.filter(({ ResourceStatus }) => ResourceStatus?.endsWith('_FAILED'))).toEqual([]);
  expect(events.filter(({ type }) => type === 'denied')).toEqual([]);
  const left = [cloud.functions.list(), cloud.iam.roles(), cloud.queues.list(), cloud.bus.allRules()];
  expect(left).toEqual([[], [], [], []]);
  expect(cloud.objects()).toHaveLength(before + 1);
  const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
  expect(Buckets.map(({ Name }) => Name)).toEqual([bootstrap()]);
  cloudformation.destroy();
  s3.destroy();
}, 40_000);

const bootstrap = (): string => `cdk-hnb659fds-assets-${ACCOUNT}-${REGION}`;
