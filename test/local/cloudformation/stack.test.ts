/** Stacks on a real local cloud: creation, change, failure and end, with functions that run. */
import { DescribeLaunchTemplateVersionsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type LocalCloud, startLocalCloud } from '../../../local/cloud.js';
import { type DeployInput, deploy, type Stack } from '../../../local/cloudformation/deploy.js';
import type { ResourceEvent } from '../../../local/cloudformation/engine.js';
import { clientConfig } from '../endpoint.js';

let cloud: LocalCloud;
let ssm: SSMClient;
let events: string[] = [];
const stacks: Stack[] = [];

beforeAll(async () => {
  cloud = await startLocalCloud({
    seed: 'stacks',
    zones: ['a', 'b'].map((letter) => ({ name: `us-east-1${letter}`, subnetId: `subnet-${letter}` })),
    pools: [],
    launchDelayMs: 0,
    machine: null,
  });
  ssm = new SSMClient(clientConfig(cloud.endpoint));
});

afterEach(async () => {
  for (const stack of stacks.splice(0)) {
    await stack.delete();
    await stack.close();
  }
  events = [];
});

afterAll(async () => {
  ssm.destroy();
  await cloud.stop();
});

const tell = ({ what, logicalId }: ResourceEvent): void => {
  events.push(`${what} ${logicalId}`);
};

async function make(resources: object, more: Partial<DeployInput> & { readonly rest?: object } = {}): Promise<Stack> {
  const { rest = {}, ...input } = more;
  const stack = await deploy(
    { template: { Resources: resources, ...rest }, stackName: 'Test', onEvent: tell, ...input },
    cloud,
  );
  stacks.push(stack);
  return stack;
}

const parameter = (name: string, value: unknown, more: object = {}) => ({
  Type: 'AWS::SSM::Parameter',
  Properties: { Name: name, Type: 'String', Value: value },
  ...more,
});

const read = async (name: string): Promise<string | undefined> =>
  ssm.send(new GetParameterCommand({ Name: name })).then(
    ({ Parameter }) => Parameter?.Value,
    (error) => error.name,
  );

const ROLE = {
  Type: 'AWS::IAM::Role',
  Properties: {
    AssumeRolePolicyDocument: {},
    Policies: [
      {
        PolicyName: 'logs',
        PolicyDocument: { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 'logs:*', Resource: '*' } },
      },
    ],
  },
};

const lambda = (code: string, more: object = {}) => ({
  Type: 'AWS::Lambda::Function',
  Properties: {
    Code: { ZipFile: code },
    Handler: 'index.handler',
    Runtime: 'nodejs24.x',
    Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
    Timeout: 20,
    ...more,
  },
});

/** Answers as a custom resource must, and keeps what it was asked in a parameter's place: the answer's data. */
const ANSWERS = `
const { request } = require('node:http');
exports.handler = async (event) => {
  const { Mode } = event.ResourceProperties;
  if (Mode === 'throw') throw new Error('on purpose');
  const body = JSON.stringify({
    Status: Mode === 'fail' && event.RequestType !== 'Delete' ? 'FAILED' : 'SUCCESS',
    Reason: 'because it was told to',
    PhysicalResourceId: event.PhysicalResourceId ?? 'thing-1',
    Data: { Type: event.RequestType, Size: event.ResourceProperties.Size, Former: event.OldResourceProperties?.Size ?? 'none' },
  });
  await new Promise((resolve, reject) => {
    const put = request(event.ResponseURL, { method: 'PUT', headers: { 'content-length': Buffer.byteLength(body) } }, (answer) => {
      answer.resume();
      answer.on('end', resolve);
    });
    put.on('error', reject);
    put.end(body);
  });
};`;

describe('a stack', () => {
  test('is created in the order of needs, changed where it differs, and leaves nothing', async () => {
    const resources = (value: string, extra: object = {}) => ({
      Second: parameter('/t/second', { 'Fn::Sub': `\${First}=\${First.Value}` }),
      First: parameter('/t/first', value),
      Never: parameter('/t/never', 'x', { Condition: 'No' }),
      ...extra,
    });
    const rest = {
      Conditions: { No: { 'Fn::Equals': ['a', 'b'] } },
      Outputs: { Both: { Value: { 'Fn::Join': [' ', [{ Ref: 'First' }, { 'Fn::GetAtt': ['Second', 'Value'] }]] } } },
    };
    const stack = await make(resources('1', { Third: parameter('/t/third', 'x') }), { rest });
    expect(events).toEqual(['created First', 'created Second', 'created Third']);
    expect(stack.outputs()).toEqual({ Both: '/t/first /t/first=1' });
    expect(await read('/t/never')).toBe('ParameterNotFound');

    events = [];
    await stack.update({ template: { Resources: resources('2', { Fourth: parameter('/t/fourth', 'x') }), ...rest } });
    expect(events).toEqual(['updated First', 'updated Second', 'created Fourth', 'deleted Third']);
    expect(await read('/t/second')).toBe('/t/first=2');

    events = [];
    await stack.update({ template: { Resources: resources('2', { Fourth: parameter('/t/fourth', 'x') }), ...rest } });
    expect(events).toEqual([]);
    await stack.delete();
    expect(events).toEqual(['deleted Fourth', 'deleted Second', 'deleted First']);
    expect(await read('/t/first')).toBe('ParameterNotFound');
  });

  test('replaces what can’t be changed: the new one first, the old one at the end', async () => {
    const stack = await make({ A: parameter('/t/old', '1'), B: parameter('/t/b', { Ref: 'A' }) });
    events = [];
    await stack.update({
      template: { Resources: { A: parameter('/t/new', '1'), B: parameter('/t/b', { Ref: 'A' }) } },
    });
    expect(events).toEqual(['replaced A', 'updated B', 'deleted A']);
    expect([await read('/t/old'), await read('/t/b')]).toEqual(['ParameterNotFound', '/t/new']);
  });

  test('a launch template gets a version, and what names it follows', async () => {
    const resources = (type: string) => ({
      Template: { Type: 'AWS::EC2::LaunchTemplate', Properties: { LaunchTemplateData: { InstanceType: type } } },
      Version: parameter('/t/version', { 'Fn::GetAtt': ['Template', 'LatestVersionNumber'] }),
    });
    const stack = await make(resources('m5.large'));
    await stack.update({ template: { Resources: resources('m6i.large') } });
    expect(await read('/t/version')).toBe('2');
    const ec2 = new EC2Client(clientConfig(cloud.endpoint));
    const { LaunchTemplateVersions } = await ec2.send(
      new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateId: stack.resources().Template }),
    );
    ec2.destroy();
    expect(LaunchTemplateVersions?.map((one) => one.LaunchTemplateData?.InstanceType)).toEqual([
      'm6i.large',
      'm5.large',
    ]);
  });

  test('takes everything back when something fails', async () => {
    const taken = await make({ Taken: parameter('/t/taken', 'x') }, { stackName: 'Other' });
    events = [];
    const clash = { First: parameter('/t/one', 'x'), Taken: parameter('/t/taken', { Ref: 'First' }) };
    await expect(make(clash)).rejects.toThrow(
      /Taken \(AWS::SSM::Parameter\) couldn't be deployed: ParameterAlreadyExists/,
    );
    expect(events).toEqual(['created First', 'failed Taken', 'deleted First']);

    await expect(
      taken.update({ template: { Resources: { Taken: parameter('/t/taken', 'y'), Odd: parameter('/t/odd', '') } } }),
    ).rejects.toThrow(/Odd/);
    expect([await read('/t/taken'), await read('/t/odd')]).toEqual(['x', 'ParameterNotFound']);
  });

  test('keeps what is to be retained, and can’t delete a bucket that holds something', async () => {
    const bucket = (DeletionPolicy: string) => ({ Type: 'AWS::S3::Bucket', DeletionPolicy });
    const stack = await make({ Kept: bucket('Retain'), Full: bucket('Delete') });
    const { Full = '', Kept = '' } = stack.resources();
    expect(Full).toMatch(/^test-full-[0-9a-f]{12}$/);
    const s3 = new S3Client({ ...clientConfig(cloud.endpoint), forcePathStyle: true });
    await s3.send(new PutObjectCommand({ Bucket: Full, Key: 'x', Body: 'x' }));
    await expect(stack.delete()).rejects.toThrow(/Full \(AWS::S3::Bucket\) couldn't be deleted: BucketNotEmpty/);
    expect(Object.keys(stack.resources())).toEqual(['Full']);
    await s3.send(new PutObjectCommand({ Bucket: Kept, Key: 'still', Body: 'here' }));
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: Kept, Key: 'still' }));
    expect(await Body?.transformToString()).toBe('here');
    await s3.send(new DeleteObjectCommand({ Bucket: Full, Key: 'x' }));
    s3.destroy();
  });

  test.each<[string, object, RegExp]>([
    ['a type', { Fleet: { Type: 'AWS::EC2::EC2Fleet' } }, /doesn't emulate AWS::EC2::EC2Fleet, which Fleet is/],
    [
      'a property',
      { B: { Type: 'AWS::S3::Bucket', Properties: { NotificationConfiguration: {} } } },
      /B \(AWS::S3::Bucket\): NotificationConfiguration isn't emulated/,
    ],
    [
      'an attribute',
      { A: parameter('/t/a', { 'Fn::GetAtt': ['B', 'Odd'] }), B: parameter('/t/b', 'x') },
      /attribute Odd of B/,
    ],
    ['a runtime', { Role: ROLE, F: lambda('x', { Runtime: 'python3.13' }) }, /Runtime python3.13 isn't emulated/],
  ])('%s that isn’t emulated is named, and nothing stays', async (_what, resources, why) => {
    await expect(make(resources)).rejects.toThrow(why);
    expect(await read('/t/b')).toBe('ParameterNotFound');
  });

  test('dynamic references are read when a resource is made', async () => {
    const stack = await make({
      Secret: { Type: 'AWS::SecretsManager::Secret', Properties: { SecretString: '{"user":"ada"}' } },
      Plain: parameter('/t/plain', 'lovelace'),
      Name: parameter(
        '/t/name',
        {
          'Fn::Join': [
            '',
            ['{{resolve:secretsmanager:', { Ref: 'Secret' }, ':SecretString:user::}} {{resolve:ssm:/t/plain}}'],
          ],
        },
        { DependsOn: 'Plain' },
      ),
    });
    expect(await read('/t/name')).toBe('ada lovelace');
    expect(stack.standing().find(({ logicalId }) => logicalId === 'Name')?.attributes.Value).toBe('ada lovelace');
  });
});

describe('custom resources', () => {
  const custom = (properties: object) => ({
    Role: ROLE,
    Function: lambda(ANSWERS),
    Thing: {
      Type: 'Custom::Thing',
      Properties: { ServiceToken: { 'Fn::GetAtt': ['Function', 'Arn'] }, ServiceTimeout: 20, ...properties },
    },
    Seen: parameter('/t/seen', { 'Fn::Sub': `\${Thing} \${Thing.Type} \${Thing.Size} \${Thing.Former}` }),
  });

  test('are asked at creation, change and end', async () => {
    const stack = await make(custom({ Size: 1 }));
    expect(await read('/t/seen')).toBe('thing-1 Create 1 none');
    await stack.update({ template: { Resources: custom({ Size: 2 }) } });
    expect(await read('/t/seen')).toBe('thing-1 Update 2 1');
    events = [];
    await stack.delete();
    expect(events).toEqual(['deleted Seen', 'deleted Thing', 'deleted Function', 'deleted Role']);
    expect(cloud.functions.list()).toEqual([]);
    expect(cloud.iam.roles()).toEqual([]);
  });

  test.each([
    ['fail', /Thing \(Custom::Thing\): Create by its function failed: because it was told to/],
    ['throw', /Thing \(Custom::Thing\): Create by its function failed without an answer: Error: on purpose/],
  ])('one that doesn’t succeed (%s) fails the stack', async (Mode, why) => {
    await expect(make(custom({ Mode }))).rejects.toThrow(why);
    expect(cloud.functions.list()).toEqual([]);
  });
});

describe('what functions live on', () => {
  test('queues feed them, rules reach them, and all of it goes', async () => {
    const stack = await make({
      Role: ROLE,
      Function: lambda('exports.handler = async () => ({})'),
      Dead: { Type: 'AWS::SQS::Queue' },
      Queue: {
        Type: 'AWS::SQS::Queue',
        Properties: {
          DelaySeconds: '30',
          RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['Dead', 'Arn'] }, maxReceiveCount: 3 },
        },
      },
      Policy: {
        Type: 'AWS::SQS::QueuePolicy',
        Properties: { Queues: [{ Ref: 'Queue' }], PolicyDocument: { Version: '2012-10-17', Statement: [] } },
      },
      Feed: {
        Type: 'AWS::Lambda::EventSourceMapping',
        Properties: {
          EventSourceArn: { 'Fn::GetAtt': ['Queue', 'Arn'] },
          FunctionName: { Ref: 'Function' },
          BatchSize: 5,
          FunctionResponseTypes: ['ReportBatchItemFailures'],
        },
      },
      Rule: {
        Type: 'AWS::Events::Rule',
        Properties: {
          EventPattern: { source: ['aws.ec2'] },
          Targets: [
            { Id: 'T', Arn: { 'Fn::GetAtt': ['Function', 'Arn'] }, RetryPolicy: { MaximumRetryAttempts: '2' } },
          ],
        },
      },
      Allowed: {
        Type: 'AWS::Lambda::Permission',
        Properties: {
          Action: 'lambda:InvokeFunction',
          FunctionName: { 'Fn::GetAtt': ['Function', 'Arn'] },
          Principal: 'events.amazonaws.com',
          SourceArn: { 'Fn::GetAtt': ['Rule', 'Arn'] },
        },
      },
    });
    const [rule] = cloud.bus.rules('default');
    expect(rule?.targets.get('T')?.retryPolicy?.MaximumRetryAttempts).toBe(2);
    expect(cloud.queues.list()).toHaveLength(2);
    const functionArn = [...(rule?.targets.values() ?? [])][0]?.arn ?? '';
    expect(JSON.stringify(cloud.iam.resourcePolicies(functionArn))).toContain('events.amazonaws.com');
    await stack.delete();
    expect(cloud.bus.rules('default')).toEqual([]);
    expect(cloud.queues.list()).toEqual([]);
    expect(cloud.iam.resourcePolicies(functionArn)).toEqual([]);
  });
});

describe('load balancers', () => {
  const VPC = {
    Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: '10.0.0.0/16' } },
    A: { Type: 'AWS::EC2::Subnet', Properties: { VpcId: { Ref: 'Vpc' }, AvailabilityZone: 'us-east-1a' } },
    B: { Type: 'AWS::EC2::Subnet', Properties: { VpcId: { Ref: 'Vpc' }, AvailabilityZone: 'us-east-1b' } },
  };
  const fixed = (MessageBody: string) => [
    { Type: 'fixed-response', FixedResponseConfig: { StatusCode: 200, MessageBody } },
  ];
  const rule = (listener: unknown, path: string, body: string) => ({
    Type: 'AWS::ElasticLoadBalancingV2::ListenerRule',
    Properties: {
      ListenerArn: listener,
      Priority: 5,
      Conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: [path] } }],
      Actions: fixed(body),
    },
  });
  const said = async (path: string): Promise<string> => {
    const answer = await fetch(`${cloud.balancers()[0]?.listeners[0]?.url}${path}`);
    return `${answer.status} ${await answer.text()}`;
  };

  test('answer by the rules of their listeners, which change', async () => {
    const resources = (body: string) => ({
      ...VPC,
      Balancer: {
        Type: 'AWS::ElasticLoadBalancingV2::LoadBalancer',
        Properties: { Subnets: [{ Ref: 'A' }, { Ref: 'B' }], Scheme: 'internal' },
      },
      Listener: {
        Type: 'AWS::ElasticLoadBalancingV2::Listener',
        Properties: {
          LoadBalancerArn: { Ref: 'Balancer' },
          Port: 80,
          Protocol: 'HTTP',
          DefaultActions: fixed('default'),
        },
      },
      Secure: {
        Type: 'AWS::ElasticLoadBalancingV2::Listener',
        Properties: {
          LoadBalancerArn: { Ref: 'Balancer' },
          Port: 8081,
          Protocol: 'HTTP',
          DefaultActions: [{ Type: 'redirect', RedirectConfig: { Protocol: 'HTTPS', StatusCode: 'HTTP_301' } }],
        },
      },
      Rule: rule({ Ref: 'Listener' }, '/api/*', body),
    });
    const stack = await make(resources('one'));
    expect([await said('/api/x'), await said('/')]).toEqual(['200 one', '200 default']);
    expect(stack.notes().map(({ text }) => text)).toContain("The listener on port 8081 redirects; it isn't opened.");
    await stack.update({ template: { Resources: resources('two') } });
    expect(await said('/api/x')).toBe('200 two');
  });

  test('a listener of another stack has a stand-in, until its last rule goes', async () => {
    const arn =
      'arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/shared/50dc6c495c0c9188/f2f7dc8efc522ab2';
    const stack = await make({ Rule: rule(arn, '/mine', 'mine') });
    expect([await said('/mine'), await said('/other')]).toEqual(['200 mine', '404 ']);
    expect(stack.notes()[0]?.text).toMatch(/is of another stack; the load balancer imported-1 stands for it/);
    await stack.delete();
    expect(cloud.balancers()).toEqual([]);
  });
});
