/** CloudFormation's API, by the real SDK client. */
import { createRequire } from 'node:module';
import {
  CloudFormationClient,
  CreateStackCommand,
  type CreateStackCommandInput,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  ListStacksCommand,
  UpdateStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
  waitUntilStackUpdateComplete,
} from '@aws-sdk/client-cloudformation';
import {
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LocalCloud, startLocalCloud } from '../../../local/cloud.js';
import { placeIn } from '../../../local/cloudformation/stack-input.js';
import { zip } from '../../../local/cloudformation/zip.js';
import { clientConfig } from '../endpoint.js';

let cloud: LocalCloud;
let client: CloudFormationClient;
let ssm: SSMClient;
let ec2: EC2Client;
let s3: S3Client;

beforeAll(async () => {
  cloud = await startLocalCloud({
    seed: 'cloudformation',
    zones: ['a', 'b'].map((letter) => ({ name: `us-east-1${letter}`, subnetId: `subnet-${letter}` })),
    pools: [],
    launchDelayMs: 0,
    machine: null,
  });
  client = new CloudFormationClient(clientConfig(cloud.endpoint));
  ssm = new SSMClient(clientConfig(cloud.endpoint));
  ec2 = new EC2Client(clientConfig(cloud.endpoint));
  s3 = new S3Client({ ...clientConfig(cloud.endpoint), forcePathStyle: true });
});

afterAll(async () => {
  for (const one of [client, ssm, ec2, s3]) one.destroy();
  await cloud.stop();
});

/** For waiters, in s. */
const patience = () => ({ client, maxWaitTime: 10, minDelay: 0.02, maxDelay: 0.1 });

const parameter = (name: string, value: unknown, more: object = {}) => ({
  Type: 'AWS::SSM::Parameter',
  Properties: { Name: name, Type: 'String', Value: value },
  ...more,
});

const create = async (
  StackName: string,
  resources: object,
  more: Partial<CreateStackCommandInput> & { readonly rest?: object } = {},
): Promise<string> => {
  const { rest, ...input } = more;
  const TemplateBody = JSON.stringify({ Resources: resources, ...rest });
  const { StackId } = await client.send(new CreateStackCommand({ StackName, TemplateBody, ...input }));
  return StackId ?? '';
};

const describeStack = async (StackName: string) =>
  (await client.send(new DescribeStacksCommand({ StackName }))).Stacks?.[0];

/** `logical id status`, the oldest first. */
const eventsOf = async (StackName: string): Promise<string[]> => {
  const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName }));
  return StackEvents.map(({ LogicalResourceId, ResourceStatus }) => `${LogicalResourceId} ${ResourceStatus}`).reverse();
};

const failure = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error) => `${error.name}: ${error.message}`,
  );

const read = (Name: string): Promise<string | undefined> =>
  ssm.send(new GetParameterCommand({ Name })).then(
    ({ Parameter }) => Parameter?.Value,
    (error) => error.name,
  );

describe('a stack by its API', () => {
  test('is created, described, changed and deleted', async () => {
    const rest = {
      Description: 'For a test',
      Parameters: { Size: { Type: 'String', Default: 'small' }, Color: { Type: 'String' } },
      Outputs: { Made: { Value: { 'Fn::Sub': `\${Size} \${Color}` }, Description: 'What was made' } },
    };
    const resources = { One: parameter('/api/one', { Ref: 'Color' }), Two: parameter('/api/two', { Ref: 'One' }) };
    const id = await create('Whole', resources, {
      rest,
      Parameters: [{ ParameterKey: 'Color', ParameterValue: 'red' }],
      Tags: [{ Key: 'team', Value: 'a' }],
      ClientRequestToken: 'token-1',
    });
    expect(id).toMatch(/^arn:aws:cloudformation:us-east-1:123456789012:stack\/Whole\/[0-9a-f-]{36}$/);
    await waitUntilStackCreateComplete(patience(), { StackName: 'Whole' });
    expect(await describeStack('Whole')).toMatchObject({
      StackId: id,
      Description: 'For a test',
      StackStatus: 'CREATE_COMPLETE',
      Parameters: [{ ParameterKey: 'Color', ParameterValue: 'red' }],
      Tags: [{ Key: 'team', Value: 'a' }],
      Outputs: [{ OutputKey: 'Made', OutputValue: 'small red', Description: 'What was made' }],
      CreationTime: expect.any(Date),
    });
    expect(await eventsOf('Whole')).toEqual([
      'Whole CREATE_IN_PROGRESS',
      'One CREATE_IN_PROGRESS',
      'One CREATE_COMPLETE',
      'Two CREATE_IN_PROGRESS',
      'Two CREATE_COMPLETE',
      'Whole CREATE_COMPLETE',
    ]);
    const { StackResources } = await client.send(new DescribeStackResourcesCommand({ StackName: id }));
    expect(StackResources?.map(({ PhysicalResourceId }) => PhysicalResourceId)).toEqual(['/api/one', '/api/two']);

    const change = { StackName: 'Whole', UsePreviousTemplate: true, Tags: [{ Key: 'team', Value: 'a' }] };
    const kept = { ParameterKey: 'Color', UsePreviousValue: true };
    expect(await failure(client.send(new UpdateStackCommand({ ...change, Parameters: [kept] })))).toBe(
      'ValidationError: No updates are to be performed.',
    );
    const blue = { ParameterKey: 'Color', ParameterValue: 'blue' };
    await client.send(new UpdateStackCommand({ ...change, Parameters: [blue] }));
    await waitUntilStackUpdateComplete(patience(), { StackName: id });
    expect(await read('/api/one')).toBe('blue');

    await client.send(new DeleteStackCommand({ StackName: 'Whole' }));
    await waitUntilStackDeleteComplete(patience(), { StackName: id });
    expect(await read('/api/two')).toBe('ParameterNotFound');
    expect(await describeStack(id)).toMatchObject({ StackStatus: 'DELETE_COMPLETE', DeletionTime: expect.any(Date) });
    expect(await failure(describeStack('Whole'))).toBe('ValidationError: Stack with id Whole does not exist');
    const { StackSummaries } = await client.send(new ListStacksCommand({ StackStatusFilter: ['DELETE_COMPLETE'] }));
    expect(StackSummaries?.map(({ StackId }) => StackId)).toContain(id);
    // Twice, by a name that nobody has, and by the id of one that is gone.
    for (const StackName of ['Whole', id, 'Never']) await client.send(new DeleteStackCommand({ StackName }));
  });

  test('that fails is taken back, and says why', async () => {
    const bad = { Type: 'AWS::EC2::Subnet', Properties: { AvailabilityZone: 'us-east-1z', VpcId: 'vpc-1' } };
    const id = await create('Failing', { One: parameter('/api/failing', 'x'), Bad: { ...bad, DependsOn: 'One' } });
    expect(await failure(waitUntilStackCreateComplete(patience(), { StackName: id }))).toContain('ROLLBACK');
    await expect.poll(async () => (await describeStack(id))?.StackStatus).toBe('ROLLBACK_COMPLETE');
    expect((await describeStack(id))?.StackStatusReason).toBe(
      'The following resource(s) failed to create: [Bad]. Rollback requested by user.',
    );
    const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName: id }));
    expect(StackEvents.find(({ ResourceStatus }) => ResourceStatus === 'CREATE_FAILED')).toMatchObject({
      LogicalResourceId: 'Bad',
      ResourceStatusReason: expect.stringMatching(/^Bad is in the zone us-east-1z/),
    });
    expect(await read('/api/failing')).toBe('ParameterNotFound');
    await client.send(new DeleteStackCommand({ StackName: 'Failing' }));
    await waitUntilStackDeleteComplete(patience(), { StackName: id });
  });

  test('that fails with OnFailure=DELETE is gone', async () => {
    const id = await create('Gone', { Bad: { Type: 'AWS::Braket::Thing' } }, { OnFailure: 'DELETE' });
    await expect.poll(async () => (await describeStack(id))?.StackStatus).toBe('DELETE_COMPLETE');
    expect(await failure(describeStack('Gone'))).toBe('ValidationError: Stack with id Gone does not exist');
  });

  test('that is being made when the cloud stops is let go of', async () => {
    const short = await startLocalCloud({
      seed: 'short',
      zones: [{ name: 'us-east-1a', subnetId: 'subnet-a' }],
      pools: [],
      machine: null,
    });
    const own = new CloudFormationClient(clientConfig(short.endpoint));
    const Resources = Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [`P${i}`, parameter(`/short/${i}`, 'x')]),
    );
    await own.send(new CreateStackCommand({ StackName: 'Short', TemplateBody: JSON.stringify({ Resources }) }));
    await short.stop();
    own.destroy();
  });

  test('that fails an update is as it was', async () => {
    const id = await create('Updated', { One: parameter('/api/updated', 'x') });
    await waitUntilStackCreateComplete(patience(), { StackName: id });
    const Resources = { One: parameter('/api/updated', 'y'), Bad: { Type: 'AWS::Braket::Thing' } };
    await client.send(new UpdateStackCommand({ StackName: id, TemplateBody: JSON.stringify({ Resources }) }));
    await expect.poll(async () => (await describeStack(id))?.StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(await read('/api/updated')).toBe('x');
    const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName: id }));
    expect(StackEvents.map(({ ResourceStatusReason }) => ResourceStatusReason).join()).toMatch(/AWS::Braket::Thing/);
  });

  test('is deleted while it is being created, and several are made at once', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`P${i}`, parameter(`/api/many/${i}`, 'x')] as const),
    );
    const id = await create('Early', many);
    const others = await Promise.all(['A', 'B'].map((name) => create(name, { P: parameter(`/api/${name}`, name) })));
    await client.send(new DeleteStackCommand({ StackName: 'Early' }));
    await waitUntilStackDeleteComplete(patience(), { StackName: id });
    for (const StackName of others) await waitUntilStackCreateComplete(patience(), { StackName });
    expect(await read('/api/many/0')).toBe('ParameterNotFound');
    expect(await read('/api/B')).toBe('B');
  });

  test('is made once for a repeated request', async () => {
    const input = { ClientRequestToken: 'same' };
    const id = await create('Once', { P: parameter('/api/once', 'x') }, input);
    expect(await create('Once', { P: parameter('/api/once', 'x') }, input)).toBe(id);
    expect(await failure(create('Once', {}, { ClientRequestToken: 'other' }))).toBe(
      'AlreadyExistsException: Stack [Once] already exists',
    );
  });

  test.each<[string, object, Partial<CreateStackCommandInput>, RegExp]>([
    ['1x', {}, {}, /^ValidationError: .*'1x' at 'stackName'/],
    ['Big', { P: parameter('/x', 'x'.repeat(52_000)) }, {}, /less than or equal to 51200/],
    ['Yaml', {}, { TemplateBody: 'Resources:' }, /^ValidationError: Template format error: JSON/],
    ['Odd', { P: { Typ: 'x' } }, {}, /^ValidationError: Template format error: .*Resources\.P/],
    ['Role', { R: { Type: 'AWS::IAM::Role', Properties: {} } }, {}, /Requires capabilities : \[CAPABILITY_IAM\]/],
    [
      'Named',
      { R: { Type: 'AWS::IAM::Role', Properties: { RoleName: 'x' } } },
      { Capabilities: ['CAPABILITY_IAM'] },
      /^InsufficientCapabilitiesException: .*\[CAPABILITY_NAMED_IAM\]/,
    ],
    ['Wild', {}, { Parameters: [{ ParameterKey: 'X', ParameterValue: '1' }] }, /\[X\] do not exist in the template/],
    ['Both', {}, { TemplateURL: 'https://b.s3.amazonaws.com/k' }, /Either Template URL or Template Body/],
    ['Nothing', {}, { OnFailure: 'DO_NOTHING' }, /takes back whatever fails/],
    ['Sns', {}, { NotificationARNs: ['arn:aws:sns:us-east-1:1:x'] }, /NotificationARNs.* not supported/],
  ])('%s is refused before anything begins', async (name, resources, more, message) => {
    expect(await failure(create(name, resources, more))).toMatch(message);
    expect(await failure(describeStack(name))).toMatch(/does not exist/);
  });

  test('unknown ones are told of in the words of AWS', async () => {
    const StackName = 'Nobody';
    expect(await failure(client.send(new DescribeStackEventsCommand({ StackName })))).toBe(
      'ValidationError: Stack [Nobody] does not exist',
    );
    expect(await failure(client.send(new UpdateStackCommand({ StackName, TemplateBody: '{}' })))).toBe(
      'ValidationError: Stack [Nobody] does not exist',
    );
  });

  test('reads its template and the code of its functions from S3, and may delete itself by its role', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'assets' }));
    const code = `exports.handler = async (event) => {
      const { CloudFormationClient, DeleteStackCommand } = require(${JSON.stringify(createRequire(import.meta.url).resolve('@aws-sdk/client-cloudformation'))});
      const client = new CloudFormationClient({ maxAttempts: 1 });
      return client.send(new DeleteStackCommand({ StackName: event.other ?? process.env.OWN })).then(() => 'ok', (error) => error.name);
    };`;
    await s3.send(
      new PutObjectCommand({
        Bucket: 'assets',
        Key: 'code.zip',
        Body: zip([{ path: 'index.js', bytes: Buffer.from(code) }]),
      }),
    );
    const template = {
      Resources: {
        Role: {
          Type: 'AWS::IAM::Role',
          Properties: {
            AssumeRolePolicyDocument: {},
            Policies: [
              {
                PolicyName: 'own',
                PolicyDocument: {
                  Version: '2012-10-17',
                  Statement: {
                    Effect: 'Allow',
                    Action: 'cloudformation:DeleteStack',
                    Resource: { Ref: 'AWS::StackId' },
                  },
                },
              },
            ],
          },
        },
        Function: {
          Type: 'AWS::Lambda::Function',
          Properties: {
            FunctionName: { Ref: 'AWS::StackName' },
            Code: { S3Bucket: 'assets', S3Key: 'code.zip' },
            Handler: 'index.handler',
            Runtime: 'nodejs24.x',
            Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
            Timeout: 20,
            Environment: { Variables: { OWN: { Ref: 'AWS::StackId' } } },
          },
        },
      },
    };
    await s3.send(new PutObjectCommand({ Bucket: 'assets', Key: 'template.json', Body: JSON.stringify(template) }));
    const TemplateURL = 'https://assets.s3.us-east-1.amazonaws.com/template.json';
    const input = { TemplateURL, Capabilities: ['CAPABILITY_IAM' as const] };
    const make = async (StackName: string, RoleARN?: string) => {
      const { StackId } = await client.send(
        new CreateStackCommand({ StackName, ...input, ...(RoleARN === undefined ? {} : { RoleARN }) }),
      );
      await waitUntilStackCreateComplete(patience(), { StackName });
      return StackId ?? '';
    };
    const bare = await make('Bare');
    const served = await make('Served', 'arn:aws:iam::123456789012:role/exec');
    // Another stack isn't its own, whoever made it.
    const other = JSON.stringify({ other: bare });
    expect(await cloud.functions.invoke('Served', other)).toMatchObject({ ok: true, payload: '"AccessDenied"' });
    expect((await describeStack(bare))?.StackStatus).toBe('CREATE_COMPLETE');
    // Its deletion cuts it off.
    await cloud.functions.invoke('Served', '{}');
    await waitUntilStackDeleteComplete(patience(), { StackName: served });
    // Without a service role it takes the rights to delete everything in it.
    expect(await cloud.functions.invoke('Bare', '{}')).toMatchObject({ ok: true });
    await expect.poll(async () => (await describeStack(bare))?.StackStatus).toBe('DELETE_FAILED');
    expect((await describeStack(bare))?.StackStatusReason).toMatch(/has no service role/);
    await client.send(new DeleteStackCommand({ StackName: bare }));
    await waitUntilStackDeleteComplete(patience(), { StackName: bare });
  });
});

test.each([
  ['https://b.s3.eu-west-1.amazonaws.com/a/b.json', { bucket: 'b', key: 'a/b.json' }],
  ['https://b.s3.amazonaws.com/k', { bucket: 'b', key: 'k' }],
  ['https://s3.eu-west-1.amazonaws.com/b/a%20b.json', { bucket: 'b', key: 'a b.json' }],
  ['http://127.0.0.1:4566/b/k', { bucket: 'b', key: 'k' }],
  ['http://127.0.0.1:4566/b', null],
  ['k.json', null],
])('the template at %s', (url, place) => {
  expect(placeIn(url)).toEqual(place);
});

test('there is one default VPC, with a subnet in each zone and a way out', async () => {
  const { Vpcs } = await ec2.send(new DescribeVpcsCommand({ Filters: [{ Name: 'isDefault', Values: ['true'] }] }));
  const VpcId = Vpcs?.[0]?.VpcId ?? '';
  expect(Vpcs).toMatchObject([{ VpcId: expect.stringMatching(/^vpc-[0-9a-f]{17}$/), IsDefault: true }]);
  const filters = [
    { Name: 'vpc-id', Values: [VpcId] },
    { Name: 'default-for-az', Values: ['true'] },
  ];
  cloud.addSubnet('subnet-extra', 'us-east-1a');
  const { Subnets } = await ec2.send(new DescribeSubnetsCommand({ Filters: filters }));
  expect(Subnets?.map(({ SubnetId, DefaultForAz }) => [SubnetId, DefaultForAz])).toEqual([
    ['subnet-a', true],
    ['subnet-b', true],
  ]);
  const { RouteTables } = await ec2.send(new DescribeRouteTablesCommand({ Filters: filters.slice(0, 1) }));
  expect(RouteTables?.[0]?.Routes?.map(({ GatewayId }) => GatewayId)).toEqual(['local', 'igw-00000000000000001']);
  expect(await failure(ec2.send(new DescribeVpcsCommand({ VpcIds: ['vpc-2'] })))).toMatch(/^InvalidVpcID.NotFound/);
});
