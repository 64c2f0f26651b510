import { afterEach, describe, expect, it } from 'vitest';
import { createCloud } from '../../aws/cloud.js';
import type { LaunchRequest } from '../../core/cloud.js';
import {
  ec2Error,
  jsonError,
  queryError,
  type Reply,
  type ScriptedAws,
  s3Error,
  startScriptedAws,
} from './scripted-aws.js';

let aws: ScriptedAws | null = null;
afterEach(async () => {
  await aws?.close();
  aws = null;
});

async function cloudWith(script: Parameters<typeof startScriptedAws>[0]) {
  aws = await startScriptedAws(script);
  const credentials = async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' });
  return createCloud({ region: 'eu-west-1', endpoint: aws.endpoint, credentials });
}
const calls = () => aws?.calls ?? [];
const kindOf = (outcome: { ok: boolean; error?: { kind: string } }) => (outcome.ok ? 'ok' : outcome.error?.kind);

const REQUEST: LaunchRequest = {
  token: 'tok-3-18-0',
  seat: { slot: 3, generation: 18, rung: 0 },
  market: 'spot',
  templateId: 'lt-0123456789abcdef0',
  templateVersion: 7,
  overrides: [
    { instanceType: 'c7g.large', subnetId: 'subnet-a', zone: 'eu-west-1a' },
    { instanceType: 'm7g.large', subnetId: 'subnet-b', zone: 'eu-west-1b' },
  ],
  tags: [
    ['synkti:cluster', 'web'],
    ['synkti:slot', '3'],
  ],
};

const instance = (id: string, extra = '') =>
  `<item><instanceId>${id}</instanceId><instanceState><name>running</name></instanceState><instanceType>c7g.large</instanceType>
   <launchTime>2026-01-17T10:30:00.000Z</launchTime><placement><availabilityZone>eu-west-1a</availabilityZone></placement>
   <privateIpAddress>10.0.0.7</privateIpAddress><instanceLifecycle>spot</instanceLifecycle><tagSet>
   <item><key>synkti:slot</key><value>3</value></item><item><key>synkti:generation</key><value>17</value></item>
   <item><key>synkti:rung</key><value>0</value></item><item><key>synkti:token</key><value>t17</value></item></tagSet>${extra}</item>`;
const reservations = (items: string, next = ''): Reply => ({
  body: `<DescribeInstancesResponse><reservationSet><item><instancesSet>${items}</instancesSet></item></reservationSet>${next}</DescribeInstancesResponse>`,
});

describe('launch', () => {
  it('sends the token, the pinned version, every pool in order and both sets of tags, and no max price', async () => {
    const cloud = await cloudWith(() => ({
      body: '<CreateFleetResponse><fleetId>fleet-1</fleetId><fleetInstanceSet><item><instanceIds><item>i-0aaaaaaaaaaaaaaaa</item></instanceIds></item></fleetInstanceSet><errorSet/></CreateFleetResponse>',
    }));
    const outcome = await cloud.call({ op: 'launch', request: REQUEST }, 5_000);
    expect(outcome).toEqual({ ok: true, value: { instanceIds: ['i-0aaaaaaaaaaaaaaaa'], errors: [] } });
    const { Version: _apiVersion, ...params } = calls()[0]?.params ?? {};
    expect(params).toEqual({
      Action: 'CreateFleet',
      ClientToken: 'tok-3-18-0',
      Type: 'instant',
      'LaunchTemplateConfigs.1.LaunchTemplateSpecification.LaunchTemplateId': 'lt-0123456789abcdef0',
      'LaunchTemplateConfigs.1.LaunchTemplateSpecification.Version': '7',
      'LaunchTemplateConfigs.1.Overrides.1.InstanceType': 'c7g.large',
      'LaunchTemplateConfigs.1.Overrides.1.SubnetId': 'subnet-a',
      'LaunchTemplateConfigs.1.Overrides.2.InstanceType': 'm7g.large',
      'LaunchTemplateConfigs.1.Overrides.2.SubnetId': 'subnet-b',
      'TargetCapacitySpecification.TotalTargetCapacity': '1',
      'TargetCapacitySpecification.DefaultTargetCapacityType': 'spot',
      'SpotOptions.AllocationStrategy': 'price-capacity-optimized',
      'TagSpecification.1.ResourceType': 'instance',
      'TagSpecification.1.Tag.1.Key': 'synkti:cluster',
      'TagSpecification.1.Tag.1.Value': 'web',
      'TagSpecification.1.Tag.2.Key': 'synkti:slot',
      'TagSpecification.1.Tag.2.Value': '3',
      'TagSpecification.2.ResourceType': 'fleet',
      'TagSpecification.2.Tag.1.Key': 'synkti:cluster',
      'TagSpecification.2.Tag.1.Value': 'web',
      'TagSpecification.2.Tag.2.Key': 'synkti:slot',
      'TagSpecification.2.Tag.2.Value': '3',
    });
  });

  it('sends the same bytes whoever asks', async () => {
    const cloud = await cloudWith(() => ({ body: '<CreateFleetResponse/>' }));
    await cloud.call({ op: 'launch', request: REQUEST }, 5_000);
    const other = createCloud({
      region: 'eu-west-1',
      endpoint: aws?.endpoint ?? '',
      credentials: async () => ({ accessKeyId: 'AKIDOTHER', secretAccessKey: 'other' }),
    });
    await other.call({ op: 'launch', request: REQUEST }, 5_000);
    expect(calls()[0]?.body).toBe(calls()[1]?.body);
  });

  it('reads instances and errors of a partial answer, and names the pools', async () => {
    const cloud = await cloudWith(() => ({
      body: `<CreateFleetResponse><fleetInstanceSet/><errorSet>
        <item><launchTemplateAndOverrides><overrides><instanceType>c7g.large</instanceType><subnetId>subnet-a</subnetId></overrides></launchTemplateAndOverrides>
          <lifecycle>spot</lifecycle><errorCode>InsufficientInstanceCapacity</errorCode><errorMessage>none left</errorMessage></item>
        <item><launchTemplateAndOverrides><overrides><instanceType>m7g.large</instanceType><availabilityZone>eu-west-1b</availabilityZone></overrides></launchTemplateAndOverrides>
          <errorCode>VcpuLimitExceeded</errorCode><errorMessage>quota</errorMessage></item>
        <item><errorCode>SomethingNew</errorCode></item></errorSet></CreateFleetResponse>`,
    }));
    const outcome = await cloud.call({ op: 'launch', request: REQUEST }, 5_000);
    expect(outcome).toEqual({
      ok: true,
      value: {
        instanceIds: [],
        errors: [
          {
            kind: 'capacity',
            code: 'InsufficientInstanceCapacity',
            message: 'none left',
            instanceType: 'c7g.large',
            zone: 'eu-west-1a',
          },
          { kind: 'quota', code: 'VcpuLimitExceeded', message: 'quota', instanceType: 'm7g.large', zone: 'eu-west-1b' },
          { kind: 'configuration', code: 'SomethingNew', message: '', instanceType: null, zone: null },
        ],
      },
    });
  });

  it.each([
    [ec2Error(500, 'InsufficientInstanceCapacity'), 'capacity'],
    [ec2Error(400, 'MaxSpotInstanceCountExceeded'), 'quota'],
    [ec2Error(503, 'RequestLimitExceeded'), 'throttle'],
    [ec2Error(400, 'IdempotentParameterMismatch'), 'mismatch'],
    [ec2Error(400, 'IdempotentInstanceTerminated'), 'ended'],
    [ec2Error(403, 'UnauthorizedOperation'), 'configuration'],
    [ec2Error(400, 'NeverSeenBefore'), 'configuration'],
    [ec2Error(500, 'InternalError'), 'unknown'],
    [ec2Error(503, 'Unavailable'), 'unknown'],
    ['cut' as const, 'unknown'],
    ['silence' as const, 'unknown'],
  ])('one attempt, and %j is %s', async (reply, kind) => {
    const cloud = await cloudWith(() => reply);
    const outcome = await cloud.call({ op: 'launch', request: REQUEST }, 300);
    expect(kindOf(outcome)).toBe(kind);
    expect(calls()).toHaveLength(1);
  });

  it('an on-demand rung asks for on-demand', async () => {
    const cloud = await cloudWith(() => ({ body: '<CreateFleetResponse/>' }));
    await cloud.call({ op: 'launch', request: { ...REQUEST, market: 'on-demand' } }, 5_000);
    const params = calls()[0]?.params ?? {};
    expect(params['TargetCapacitySpecification.DefaultTargetCapacityType']).toBe('on-demand');
    expect(Object.keys(params).some((key) => key.startsWith('SpotOptions'))).toBe(false);
  });
});

describe('nodes', () => {
  it('are found by tag, over all pages', async () => {
    const cloud = await cloudWith(({ params }) =>
      params.NextToken === 'more'
        ? reservations(instance('i-0bbbbbbbbbbbbbbbb'))
        : reservations(instance('i-0aaaaaaaaaaaaaaaa'), '<nextToken>more</nextToken>'),
    );
    const outcome = await cloud.call({ op: 'findNodes', cluster: 'web', epoch: 'e1', slot: 3 }, 5_000);
    expect(outcome.ok && outcome.value.map((node) => node.instanceId)).toEqual([
      'i-0aaaaaaaaaaaaaaaa',
      'i-0bbbbbbbbbbbbbbbb',
    ]);
    expect(outcome.ok && outcome.value[0]).toEqual({
      instanceId: 'i-0aaaaaaaaaaaaaaaa',
      state: 'running',
      statusOk: null,
      privateIp: '10.0.0.7',
      zone: 'eu-west-1a',
      instanceType: 'c7g.large',
      lifecycle: 'spot',
      launchTimeMs: Date.UTC(2026, 0, 17, 10, 30),
      seat: { slot: 3, generation: 17, rung: 0 },
      token: 't17',
      phase: null,
      waiting: null,
      hears: null,
      endReason: null,
    });
    expect(calls()[0]?.params).toMatchObject({
      'Filter.1.Name': 'tag:synkti:cluster',
      'Filter.1.Value.1': 'web',
      'Filter.2.Name': 'tag:synkti:epoch',
      'Filter.3.Name': 'tag:synkti:slot',
      'Filter.3.Value.1': '3',
    });
  });

  it('an endless list ends', async () => {
    const cloud = await cloudWith(() => reservations('', '<nextToken>again</nextToken>'));
    const outcome = await cloud.call({ op: 'findNodes', cluster: 'web', epoch: 'e1', slot: null }, 20_000);
    expect(kindOf(outcome)).toBe('unknown');
    expect(calls()).toHaveLength(100);
  });

  const status = (system: string, own: string): Reply => ({
    body: `<DescribeInstanceStatusResponse><instanceStatusSet><item><instanceId>i-0aaaaaaaaaaaaaaaa</instanceId><systemStatus><status>${system}</status></systemStatus><instanceStatus><status>${own}</status></instanceStatus></item></instanceStatusSet></DescribeInstanceStatusResponse>`,
  });

  it.each([
    [status('ok', 'ok'), true],
    [status('ok', 'impaired'), false],
    [status('initializing', 'initializing'), null],
    [ec2Error(503, 'RequestLimitExceeded'), null],
  ])('a description with the status checks', async (checks, statusOk) => {
    const cloud = await cloudWith(({ action }) =>
      action === 'DescribeInstanceStatus' ? checks : reservations(instance('i-0aaaaaaaaaaaaaaaa')),
    );
    const outcome = await cloud.call({ op: 'describeNode', instanceId: 'i-0aaaaaaaaaaaaaaaa' }, 5_000);
    expect(outcome.ok && outcome.value?.statusOk).toBe(statusOk);
  });

  it('one that EC2 does not know is null, not an error', async () => {
    const cloud = await cloudWith(() => ec2Error(400, 'InvalidInstanceID.NotFound'));
    expect(await cloud.call({ op: 'describeNode', instanceId: 'i-0aaaaaaaaaaaaaaaa' }, 5_000)).toEqual({
      ok: true,
      value: null,
    });
    expect(kindOf(await cloud.call({ op: 'terminate', instanceId: 'i-0aaaaaaaaaaaaaaaa' }, 5_000))).toBe('not-found');
  });
});

describe('hints', () => {
  const position = { slot: 3, generation: 18, rung: 2 };
  const stored = JSON.stringify(position);

  it('are read with their etag; none is null', async () => {
    const cloud = await cloudWith(({ path }) =>
      path.includes('seats/3.json') ? { body: stored, headers: { etag: '"e1"' } } : s3Error(404, 'NoSuchKey'),
    );
    expect(await cloud.call({ op: 'readHint', bucket: 'hints', slot: 3 }, 5_000)).toEqual({
      ok: true,
      value: { position, etag: '"e1"' },
    });
    expect(await cloud.call({ op: 'readHint', bucket: 'hints', slot: 4 }, 5_000)).toEqual({ ok: true, value: null });
  });

  it.each(['', 'nonsense', '{"slot":4,"generation":1,"rung":0}', '{"slot":3,"generation":0,"rung":0}', '[]', 'null'])(
    'an object that is no hint of the slot (%s) is an error that somebody must mend',
    async (body) => {
      const cloud = await cloudWith(() => ({ body, headers: { etag: '"e1"' } }));
      const outcome = await cloud.call({ op: 'readHint', bucket: 'hints', slot: 3 }, 5_000);
      expect(outcome).toMatchObject({ ok: false, error: { kind: 'configuration', code: 'UnreadableHint' } });
    },
  );

  it('are written on condition, and a lost write is a conflict', async () => {
    const cloud = await cloudWith(({ headers }) =>
      headers['if-none-match'] === '*' ? { headers: { etag: '"e2"' } } : s3Error(412, 'PreconditionFailed'),
    );
    const write = (etag: string | null) =>
      cloud.call({ op: 'writeHint', bucket: 'hints', slot: 3, position, etag }, 5_000);
    expect(await write(null)).toEqual({ ok: true, value: { etag: '"e2"' } });
    expect(kindOf(await write('"e1"'))).toBe('conflict');
    expect(calls()[1]?.headers['if-match']).toBe('"e1"');
    expect(JSON.parse(calls()[0]?.body ?? '')).toEqual(position);
  });

  it('a bucket that is not there must be made', async () => {
    const cloud = await cloudWith(() => s3Error(404, 'NoSuchBucket'));
    expect(kindOf(await cloud.call({ op: 'readHint', bucket: 'hints', slot: 3 }, 5_000))).toBe('configuration');
  });
});

describe('the other services', () => {
  it('registers and deregisters a target', async () => {
    const cloud = await cloudWith(({ action }) =>
      action === 'DeregisterTargets'
        ? queryError(400, 'TargetGroupNotFound')
        : { body: '<RegisterTargetsResponse><RegisterTargetsResult/></RegisterTargetsResponse>' },
    );
    const target = { targetGroupArn: 'arn:tg', instanceId: 'i-0aaaaaaaaaaaaaaaa', port: 8080 };
    expect(await cloud.call({ op: 'registerTarget', ...target }, 5_000)).toEqual({ ok: true, value: null });
    expect(calls()[0]?.params).toMatchObject({
      'Targets.member.1.Id': 'i-0aaaaaaaaaaaaaaaa',
      'Targets.member.1.Port': '8080',
    });
    expect(kindOf(await cloud.call({ op: 'deregisterTarget', ...target }, 5_000))).toBe('not-found');
  });

  it('reads spec and secret', async () => {
    const json = (body: unknown): Reply => ({
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/x-amz-json-1.1' },
    });
    const cloud = await cloudWith(({ action, body }) => {
      if (action === 'GetSecretValue') return json({ SecretString: 'keys' });
      return body.includes('/synkti/web/spec')
        ? json({ Parameter: { Value: '{}' } })
        : jsonError(400, 'ParameterNotFound');
    });
    expect(await cloud.call({ op: 'readSpec', parameter: '/synkti/web/spec' }, 5_000)).toEqual({
      ok: true,
      value: '{}',
    });
    expect(kindOf(await cloud.call({ op: 'readSpec', parameter: '/synkti/other/spec' }, 5_000))).toBe('not-found');
    expect(await cloud.readSecret('keyring', 5_000)).toEqual({ ok: true, value: 'keys' });
  });

  it.each([
    ['{"version":1}', 3, '{"version":3}'],
    ['{"version":4}', 3, '{"version":4}'],
    ['{}', 3, '{}'],
    ['nonsense', 3, 'nonsense'],
  ])('counts the version of the spec %s by its parameter', async (Value, Version, value) => {
    const cloud = await cloudWith(() => ({
      body: JSON.stringify({ Parameter: { Value, Version } }),
      headers: { 'content-type': 'application/x-amz-json-1.1' },
    }));
    const outcome = await cloud.call({ op: 'readSpec', parameter: '/synkti/web/spec' }, 5_000);
    expect(outcome).toEqual({ ok: true, value });
  });

  it('ends within its time-out although the credentials never come', async () => {
    aws = await startScriptedAws(() => ({}));
    const cloud = createCloud({
      region: 'eu-west-1',
      endpoint: aws.endpoint,
      credentials: () => new Promise(() => {}),
    });
    const outcome = await cloud.call({ op: 'terminate', instanceId: 'i-0aaaaaaaaaaaaaaaa' }, 100);
    expect(outcome).toMatchObject({ ok: false, error: { kind: 'unknown', code: 'TimeoutError' } });
  });

  it('no credentials means that nothing was sent', async () => {
    aws = await startScriptedAws(() => ({}));
    const failing = async () => {
      throw Object.assign(new Error('no role'), { name: 'CredentialsProviderError' });
    };
    const cloud = createCloud({ region: 'eu-west-1', endpoint: aws.endpoint, credentials: failing });
    expect(kindOf(await cloud.call({ op: 'terminate', instanceId: 'i-0aaaaaaaaaaaaaaaa' }, 2_000))).toBe('throttle');
    expect(calls()).toHaveLength(0);
  });
});
