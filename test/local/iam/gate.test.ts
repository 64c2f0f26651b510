import { CloudWatchClient, GetMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import {
  CreateFleetCommand,
  CreateLaunchTemplateCommand,
  CreateTagsCommand,
  DescribeInstancesCommand,
  EC2Client,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CloudEvent, type LocalCloud, startLocalCloud } from '../../../local/cloud.js';
import { unneeded } from '../../../local/iam/needed.js';
import { eventually } from '../eventually.js';

/** Calls of a node's role at the real endpoint, allowed and denied by the policies of its role. */
const ZONE = 'us-east-1a';
const ARN = 'arn:aws:ec2:us-east-1:123456789012';
const CLUSTER = { Key: 'synkti:cluster', Value: 'web' };
/** A policy's variable. */
const of = (key: string): string => `\${${key}}`;

let cloud: LocalCloud;
let events: CloudEvent[];
let ids: string[];
let templateId: string;
let admin: Clients;
let node: Clients;

interface Clients {
  readonly cloudwatch: CloudWatchClient;
  readonly ec2: EC2Client;
  readonly s3: S3Client;
  readonly ssm: SSMClient;
  readonly secrets: SecretsManagerClient;
}

function clientsOf(credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }): Clients {
  const config = { endpoint: cloud.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 };
  return {
    cloudwatch: new CloudWatchClient(config),
    ec2: new EC2Client(config),
    s3: new S3Client({ ...config, forcePathStyle: true }),
    ssm: new SSMClient(config),
    secrets: new SecretsManagerClient(config),
  };
}

const fleet = (token: string, tags = [CLUSTER]) =>
  new CreateFleetCommand({
    Type: 'instant',
    ClientToken: token,
    TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'spot' },
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: { LaunchTemplateId: templateId, Version: '1' },
        Overrides: [{ InstanceType: 'm5.large', SubnetId: 'subnet-a' }],
      },
    ],
    TagSpecifications: (['fleet', 'instance'] as const).map((ResourceType) => ({ ResourceType, Tags: tags })),
  });

const allow = (Action: string | string[], Resource: string | string[], Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition === undefined ? {} : { Condition }),
});

/** The role may do just this. */
function grant(...Statement: object[]): void {
  cloud.iam.putRolePolicy('node', 'Default', { Version: '2012-10-17', Statement });
}

const denied = (name: string) => ({ name });

beforeAll(async () => {
  events = [];
  cloud = await startLocalCloud({
    seed: 1,
    zones: [{ name: ZONE, subnetId: 'subnet-a' }],
    pools: [{ instanceType: 'm5.large', zone: ZONE, spotPrice: 0.03, onDemandPrice: 0.1, capacity: null }],
    launchDelayMs: 0,
    machine: null,
    onEvent: (event) => events.push(event),
  });
  admin = clientsOf({ accessKeyId: 'user', secretAccessKey: 'x' });
  cloud.iam.createRole('node');
  const profile = cloud.iam.createInstanceProfile('profile', 'node');
  const { LaunchTemplate } = await admin.ec2.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: 'nodes',
      LaunchTemplateData: {
        ImageId: 'ami-1',
        IamInstanceProfile: { Arn: profile },
        SecurityGroupIds: ['sg-1'],
        TagSpecifications: [
          { ResourceType: 'volume', Tags: [CLUSTER] },
          { ResourceType: 'network-interface', Tags: [CLUSTER] },
        ],
      },
    }),
  );
  templateId = LaunchTemplate?.LaunchTemplateId ?? '';
  for (const token of ['a', 'b']) await admin.ec2.send(fleet(token));
  ids = cloud.instances().map(({ instanceId }) => instanceId);
  const base = `http://${cloud.instances()[0]?.privateIp}:1338/latest/`;
  const imds = async (path: string): Promise<string> => {
    const put = { method: 'PUT', headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' } };
    const token = await (await fetch(`${base}api/token`, put)).text();
    return (await fetch(base + path, { headers: { 'x-aws-ec2-metadata-token': token } })).text();
  };
  const text = await eventually('IMDS answers', () =>
    imds('meta-data/iam/security-credentials/node').catch(() => null),
  );
  const { AccessKeyId, SecretAccessKey, Token } = JSON.parse(text);
  node = clientsOf({ accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token });
});

afterAll(async () => {
  for (const clients of [admin, node]) for (const client of Object.values(clients)) client.destroy();
  await cloud.stop();
});

describe('a node acts on itself only', () => {
  const state = (id: string | undefined, key = 'synkti:state') =>
    node.ec2.send(new CreateTagsCommand({ Resources: [id ?? ''], Tags: [{ Key: key, Value: 'serving' }] }));

  test.each([
    ['the documented keys', { ArnEquals: { 'ec2:SourceInstanceARN': `${ARN}:instance/${of('ec2:InstanceID')}` } }],
    ['the key seen in the wild', { StringEquals: { 'aws:ARN': of('ec2:SourceInstanceARN') } }],
    ['its session', { StringLike: { 'aws:userid': `*:${of('ec2:InstanceID')}` } }],
  ])('by %s', async (_, itself) => {
    grant(
      allow('ec2:CreateTags', `${ARN}:instance/*`, {
        ...itself,
        'ForAllValues:StringEquals': { 'aws:TagKeys': ['synkti:state'] },
      }),
      allow('ec2:TerminateInstances', `${ARN}:instance/*`, itself),
    );
    await state(ids[0]);
    await expect(state(ids[1])).rejects.toMatchObject(denied('UnauthorizedOperation'));
    await expect(state(ids[0], 'synkti:cluster')).rejects.toMatchObject(denied('UnauthorizedOperation'));
    await expect(node.ec2.send(new TerminateInstancesCommand({ InstanceIds: [ids[1] ?? ''] }))).rejects.toMatchObject(
      denied('UnauthorizedOperation'),
    );
    expect(cloud.instances().map((one) => one.state)).toEqual(['running', 'running']);
  });
});

describe('a launch', () => {
  const made = ['fleet', 'instance', 'volume', 'network-interface'].map((kind) => `${ARN}:${kind}/*`);
  const tagged = { 'aws:RequestTag/synkti:cluster': 'web' };
  const launchInto = allow(['ec2:CreateFleet', 'ec2:RunInstances'], made, { StringEquals: tagged });
  const launchWith = () =>
    allow(
      ['ec2:CreateFleet', 'ec2:RunInstances'],
      [
        `${ARN}:launch-template/${templateId}`,
        `${ARN}:subnet/subnet-a`,
        `${ARN}:security-group/sg-1`,
        `${ARN}:spot-instances-request/*`,
        'arn:aws:ec2:us-east-1::image/*',
      ],
    );
  const tagAtLaunch = allow('ec2:CreateTags', made, {
    StringEquals: { 'ec2:CreateAction': ['CreateFleet', 'RunInstances'], ...tagged },
  });
  const passRole = allow('iam:PassRole', 'arn:aws:iam::123456789012:role/node', {
    StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' },
  });

  test('needs each of its statements, and names the one that is missing', async () => {
    const all = () => [launchInto, launchWith(), tagAtLaunch, passRole];
    const wanted = ['ec2:CreateFleet', 'ec2:CreateFleet', 'ec2:CreateTags', 'iam:PassRole'];
    for (const [missing, action] of wanted.entries()) {
      grant(...all().filter((_, i) => i !== missing));
      await expect(node.ec2.send(fleet(`without-${missing}`))).rejects.toMatchObject(denied('UnauthorizedOperation'));
      expect(cloud.iam.ledger.denials().at(-1)).toMatchObject({
        action,
        roleArn: 'arn:aws:iam::123456789012:role/node',
      });
    }
    expect(cloud.instances()).toHaveLength(2);
    grant(...all());
    await node.ec2.send(fleet('with-all'));
    expect(cloud.instances()).toHaveLength(3);
  });

  test('of another cluster is denied, and the near miss says why', async () => {
    grant(launchInto, launchWith(), tagAtLaunch, passRole);
    const other = [{ Key: 'synkti:cluster', Value: 'other' }];
    await expect(node.ec2.send(fleet('other', other))).rejects.toMatchObject(denied('UnauthorizedOperation'));
    const told = events.flatMap((event) => (event.type === 'denied' ? [event.denial.why] : []));
    expect(told.some((why) => why.includes('aws:RequestTag/synkti:cluster web'))).toBe(true);
  });
});

test('CloudWatch is signed as monitoring and allowed as cloudwatch', async () => {
  const Metric = { Namespace: 'AWS/ApplicationELB', MetricName: 'RequestCount', Dimensions: [] };
  const ask = () =>
    node.cloudwatch.send(
      new GetMetricDataCommand({
        MetricDataQueries: [{ Id: 'a', MetricStat: { Metric, Period: 60, Stat: 'Sum' } }],
        StartTime: new Date(0),
        EndTime: new Date(60_000),
      }),
    );
  grant(allow('monitoring:GetMetricData', '*'));
  await expect(ask()).rejects.toMatchObject({
    ...denied('AccessDenied'),
    message: expect.stringContaining('is not authorized to perform: cloudwatch:GetMetricData'),
  });
  grant(allow('cloudwatch:GetMetricData', '*'));
  expect((await ask()).MetricDataResults).toMatchObject([{ Id: 'a', Values: [], StatusCode: 'Complete' }]);
});

test('S3: prefixes, absence, listing', async () => {
  cloud.createBucket('bucket');
  const read = (Key: string) => node.s3.send(new GetObjectCommand({ Bucket: 'bucket', Key }));
  const put = (Key: string) => node.s3.send(new PutObjectCommand({ Bucket: 'bucket', Key, Body: 'x' }));
  const list = (Prefix: string) => node.s3.send(new ListObjectsV2Command({ Bucket: 'bucket', Prefix }));
  const objects = allow(['s3:GetObject', 's3:PutObject'], 'arn:aws:s3:::bucket/seats/*');
  grant(objects);
  await put('seats/1');
  await read('seats/1');
  await expect(put('incidents/1')).rejects.toMatchObject(denied('AccessDenied'));
  // Who may not list isn't told that an object is absent.
  await expect(read('seats/2')).rejects.toMatchObject(denied('AccessDenied'));
  grant(objects, allow('s3:ListBucket', 'arn:aws:s3:::bucket'));
  await expect(read('seats/2')).rejects.toMatchObject(denied('NoSuchKey'));
  grant(allow('s3:ListBucket', 'arn:aws:s3:::bucket', { StringLike: { 's3:prefix': 'seats/*' } }));
  await list('seats/1');
  await expect(list('incidents/')).rejects.toMatchObject(denied('AccessDenied'));
  cloud.iam.putResourcePolicy('arn:aws:s3:::bucket', {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Deny',
        Principal: '*',
        Action: 's3:*',
        Resource: '*',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
    ],
  });
  await list('seats/1');
  cloud.iam.putResourcePolicy('arn:aws:s3:::bucket', {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Deny', Principal: { AWS: 'arn:aws:iam::123456789012:role/node' }, Action: 's3:*', Resource: '*' },
    ],
  });
  await expect(list('seats/1')).rejects.toMatchObject(denied('AccessDenied'));
});

test('parameters and secrets by name', async () => {
  await admin.ssm.send(new PutParameterCommand({ Name: '/synkti/web/spec', Value: '{}', Type: 'String' }));
  await admin.ssm.send(new PutParameterCommand({ Name: '/synkti/api/spec', Value: '{}', Type: 'String' }));
  const secret = await admin.secrets.send(new CreateSecretCommand({ Name: 'gossip', SecretString: 'k' }));
  grant(
    allow('ssm:GetParameter', 'arn:aws:ssm:us-east-1:123456789012:parameter/synkti/web/spec'),
    allow('secretsmanager:GetSecretValue', secret.ARN ?? ''),
  );
  await node.ssm.send(new GetParameterCommand({ Name: '/synkti/web/spec' }));
  await expect(node.ssm.send(new GetParameterCommand({ Name: '/synkti/api/spec' }))).rejects.toMatchObject(
    denied('AccessDeniedException'),
  );
  await node.secrets.send(new GetSecretValueCommand({ SecretId: 'gossip' }));
  grant();
  await expect(node.secrets.send(new GetSecretValueCommand({ SecretId: 'gossip' }))).rejects.toMatchObject(
    denied('AccessDeniedException'),
  );
});

test('statements that nothing needed are found, after the role is gone, too', async () => {
  cloud.iam.createRole('other');
  const { iam } = cloud;
  const Statement = [
    { Sid: 'Look', ...allow('ec2:DescribeInstances', '*') },
    { Sid: 'Spare', ...allow('ec2:DescribeImages', '*') },
  ];
  iam.putRolePolicy('other', 'Default', { Version: '2012-10-17', Statement });
  const caller = { roleArn: 'arn:aws:iam::123456789012:role/other', session: 's', context: {} };
  const look = { action: 'ec2:DescribeInstances', resource: '*', context: {} };
  expect(iam.missing(caller, [look])).toBeNull();
  iam.deleteRolePolicy('other', 'Default');
  iam.deleteRole('other');
  const past = iam.past().filter(({ role }) => role.name === 'other');
  expect(unneeded(past, iam.ledger.asked(), () => [])).toEqual([
    { roleArn: caller.roleArn, policy: 'Default', sid: 'Spare', index: 1 },
  ]);
  const use = iam.ledger.report(iam).find(({ roleName }) => roleName === 'other');
  expect(use?.statements.map(({ sid, permissions }) => [sid, permissions[0]?.count])).toEqual([
    ['Look', 1],
    ['Spare', 0],
  ]);
});

test('what was used and what never was', async () => {
  grant(allow(['ec2:Describe*', 'ec2:RunInstances'], '*'));
  await node.ec2.send(new DescribeInstancesCommand({}));
  const [role] = cloud.iam.ledger.report(cloud.iam);
  const permissions = role?.statements[0]?.permissions ?? [];
  expect(permissions.map(({ action }) => action)).toEqual(['ec2:Describe*', 'ec2:RunInstances']);
  expect(permissions[0]?.count).toBeGreaterThan(0);
  expect(role?.denials.length).toBeGreaterThan(0);
  expect(cloud.iam.ledger.asked()).toContainEqual(
    expect.objectContaining({ allowed: true, ask: expect.objectContaining({ action: 'ec2:DescribeInstances' }) }),
  );
});
