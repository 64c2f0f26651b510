import { afterEach, describe, expect, it } from 'vitest';
import { createFallbackCloud } from '../../aws/fallback/cloud.js';
import { ec2Error, jsonError, type Reply, type ScriptedAws, startScriptedAws } from './scripted-aws.js';

let aws: ScriptedAws | null = null;
afterEach(async () => {
  await aws?.close();
  aws = null;
});

async function cloudWith(script: Parameters<typeof startScriptedAws>[0]) {
  aws = await startScriptedAws(script);
  const credentials = async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' });
  return createFallbackCloud({ region: 'eu-west-1', endpoint: aws.endpoint, credentials });
}
const calls = () => aws?.calls ?? [];
const json = (body: object): Reply => ({
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/x-amz-json-1.1' },
});

describe('the wish', () => {
  it('is read with its version and the moment of its change', async () => {
    const cloud = await cloudWith(() =>
      json({ Parameter: { Value: '{}', Version: 7, LastModifiedDate: 1768645800.5 } }),
    );
    expect(await cloud.call({ op: 'readWish', parameter: '/synkti/web/spec' }, 5_000)).toEqual({
      ok: true,
      value: { text: '{}', version: 7, changedMs: 1_768_645_800_500 },
    });
  });

  it('that is gone is not-found', async () => {
    const cloud = await cloudWith(() => jsonError(400, 'ParameterNotFound'));
    expect(await cloud.call({ op: 'readWish', parameter: '/x' }, 5_000)).toMatchObject({
      error: { kind: 'not-found' },
    });
  });

  it('is written over', async () => {
    const cloud = await cloudWith(() => json({ Version: 8 }));
    expect(await cloud.call({ op: 'writeWish', parameter: '/x', text: '{"a":1}' }, 5_000)).toMatchObject({ ok: true });
    expect(JSON.parse(calls()[0]?.body ?? '')).toEqual({
      Name: '/x',
      Value: '{"a":1}',
      Overwrite: true,
      Tier: 'Intelligent-Tiering',
    });
  });
});

describe('drain', () => {
  it("runs the cluster's document on one node", async () => {
    const cloud = await cloudWith(() => json({ Command: { CommandId: 'c' } }));
    await cloud.call({ op: 'sendDrain', document: 'web-drain', instanceId: 'i-0aaaaaaaaaaaaaaaa' }, 5_000);
    expect(JSON.parse(calls()[0]?.body ?? '')).toMatchObject({
      DocumentName: 'web-drain',
      InstanceIds: ['i-0aaaaaaaaaaaaaaaa'],
      TimeoutSeconds: 60,
    });
  });

  it('of a node that SSM does not manage is not-found', async () => {
    const cloud = await cloudWith(() => jsonError(400, 'InvalidInstanceId'));
    const outcome = await cloud.call({ op: 'sendDrain', document: 'd', instanceId: 'i-0aaaaaaaaaaaaaaaa' }, 5_000);
    expect(outcome).toMatchObject({ error: { kind: 'not-found' } });
  });
});

describe('impaired nodes', () => {
  const status = (id: string, own: string, system: string, since = '') =>
    `<item><instanceId>${id}</instanceId><instanceStatus><status>${own}</status><details><item><name>reachability</name>${since}</item></details></instanceStatus><systemStatus><status>${system}</status></systemStatus></item>`;

  it('are those of which a check fails, with the time where EC2 tells; a hundred ids a call', async () => {
    const since = '<impairedSince>2026-01-17T10:30:00.000Z</impairedSince>';
    const cloud = await cloudWith((_, index) => ({
      body: `<DescribeInstanceStatusResponse><instanceStatusSet>${
        index > 0
          ? ''
          : status('i-1', 'impaired', 'ok', since) +
            status('i-2', 'ok', 'impaired') +
            status('i-3', 'ok', 'initializing')
      }</instanceStatusSet></DescribeInstanceStatusResponse>`,
    }));
    const instanceIds = Array.from({ length: 101 }, (_, i) => `i-${i}`);
    expect(await cloud.call({ op: 'findImpaired', instanceIds }, 5_000)).toEqual({
      ok: true,
      value: [
        { instanceId: 'i-1', sinceMs: Date.UTC(2026, 0, 17, 10, 30) },
        { instanceId: 'i-2', sinceMs: null },
      ],
    });
    expect(calls()).toHaveLength(2);
  });
});

describe('orphans', () => {
  it('are available volumes and interfaces with the tags of the cluster', async () => {
    const cloud = await cloudWith(({ action }) =>
      action === 'DescribeVolumes'
        ? {
            body: '<DescribeVolumesResponse><volumeSet><item><volumeId>vol-1</volumeId><createTime>2026-01-17T10:30:00.000Z</createTime></item></volumeSet></DescribeVolumesResponse>',
          }
        : {
            body: '<DescribeNetworkInterfacesResponse><networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId></item></networkInterfaceSet></DescribeNetworkInterfacesResponse>',
          },
    );
    expect(await cloud.call({ op: 'findOrphans', cluster: 'web', epoch: 'e1' }, 5_000)).toEqual({
      ok: true,
      value: [
        { kind: 'volume', id: 'vol-1', createdMs: Date.UTC(2026, 0, 17, 10, 30) },
        { kind: 'network-interface', id: 'eni-1', createdMs: null },
      ],
    });
    for (const { params } of calls()) {
      expect(params).toMatchObject({
        'Filter.1.Name': 'tag:synkti:cluster',
        'Filter.1.Value.1': 'web',
        'Filter.2.Name': 'tag:synkti:epoch',
        'Filter.3.Name': 'status',
        'Filter.3.Value.1': 'available',
      });
    }
  });

  it.each([
    ['volume', 'DeleteVolume', 'VolumeId', 'InvalidVolume.NotFound'],
    ['network-interface', 'DeleteNetworkInterface', 'NetworkInterfaceId', 'InvalidNetworkInterfaceID.NotFound'],
  ] as const)('a %s is deleted, and one that is gone is not-found', async (kind, action, param, code) => {
    const cloud = await cloudWith(() => ec2Error(400, code));
    expect(await cloud.call({ op: 'deleteOrphan', kind, id: 'x-1' }, 5_000)).toMatchObject({
      error: { kind: 'not-found' },
    });
    expect(calls()[0]).toMatchObject({ action, params: { [param]: 'x-1' } });
  });
});

describe('targets and reports', () => {
  it('targets that drain are on their way out', async () => {
    const target = (id: string, state: string) =>
      `<member><Target><Id>${id}</Id><Port>80</Port></Target><TargetHealth><State>${state}</State></TargetHealth></member>`;
    const cloud = await cloudWith(() => ({
      body: `<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions>${
        target('i-1', 'healthy') + target('i-2', 'draining') + target('i-3', 'unused')
      }</TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>`,
    }));
    expect(await cloud.call({ op: 'findTargets', targetGroupArn: 'arn' }, 5_000)).toEqual({
      ok: true,
      value: [
        { instanceId: 'i-1', port: 80, healthy: true },
        { instanceId: 'i-3', port: 80, healthy: false },
      ],
    });
  });

  it.each([
    ['<Contents><Key>incidents/i-1-9.json</Key></Contents>', true],
    ['', false],
  ])('a report is looked for by the name of its node', async (contents, found) => {
    const cloud = await cloudWith(() => ({
      body: `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${contents}</ListBucketResult>`,
    }));
    expect(await cloud.call({ op: 'findReport', bucket: 'b', instanceId: 'i-1' }, 5_000)).toEqual({
      ok: true,
      value: found,
    });
    expect(calls()[0]?.path).toContain('prefix=incidents%2Fi-1-');
  });

  const listed = (...objects: readonly (readonly [key: string, size: number])[]): Reply => ({
    body: `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${objects
      .map(([key, size]) => `<Contents><Key>incidents/${key}.json</Key><Size>${size}</Size></Contents>`)
      .join('')}</ListBucketResult>`,
  });

  it.each([
    [
      'its own first',
      [
        ['i-1-9', 2_000],
        ['i-1-ended', 500],
      ],
      'i-1-9',
    ],
    ["the fallback's when there is no other", [['i-1-ended', 500]], 'i-1-ended'],
    [
      'none that is too long to be one',
      [
        ['i-1-9', 90_000_000],
        ['i-1-ended', 500],
      ],
      'i-1-ended',
    ],
  ] as const)('a report is read: %s', async (_what, objects, read) => {
    const cloud = await cloudWith((_call, index) => (index === 0 ? listed(...objects) : { body: '{"id":1}' }));
    expect(await cloud.call({ op: 'readReport', bucket: 'b', instanceId: 'i-1' }, 5_000)).toEqual({
      ok: true,
      value: '{"id":1}',
    });
    expect(calls()[1]?.path).toContain(`/incidents/${read}.json`);
  });

  it('no report is no error', async () => {
    const cloud = await cloudWith(() => listed());
    expect(await cloud.call({ op: 'readReport', bucket: 'b', instanceId: 'i-1' }, 5_000)).toEqual({
      ok: true,
      value: null,
    });
  });
});

it('spot prices are those of this moment; what is no price is left out', async () => {
  const price = (type: string, usd: string) =>
    `<item><instanceType>${type}</instanceType><availabilityZone>z</availabilityZone><spotPrice>${usd}</spotPrice></item>`;
  const cloud = await cloudWith(() => ({
    body: `<DescribeSpotPriceHistoryResponse><spotPriceHistorySet>${
      price('m7g.large', '0.0312') + price('c7g.large', 'x') + price('c7g.xlarge', '0')
    }</spotPriceHistorySet></DescribeSpotPriceHistoryResponse>`,
  }));
  const pools = [
    { instanceType: 'm7g.large', zone: 'z' },
    { instanceType: 'm7g.large', zone: 'y' },
  ];
  expect(await cloud.call({ op: 'findSpotPrices', pools }, 5_000)).toEqual({
    ok: true,
    value: [{ instanceType: 'm7g.large', zone: 'z', usdPerHour: 0.0312 }],
  });
  const { params = {} } = calls()[0] ?? {};
  expect(params.StartTime).toBe(params.EndTime);
  expect(params['InstanceType.2']).toBeUndefined();
});

describe('the lease', () => {
  const place = { bucket: 'b', key: 'owner/lease.json' };

  it('is begun only where there is none', async () => {
    const cloud = await cloudWith((_call, index) =>
      index === 0
        ? {}
        : { status: 412, body: '<Error><Code>PreconditionFailed</Code><Message>At least one</Message></Error>' },
    );
    expect(await cloud.call({ op: 'beginLease', ...place }, 5_000)).toEqual({ ok: true, value: null });
    expect(calls()[0]?.headers['if-none-match']).toBe('*');
    expect(calls()[0]?.path).toContain('/owner/lease.json');
    expect(await cloud.call({ op: 'beginLease', ...place }, 5_000)).toMatchObject({ error: { kind: 'conflict' } });
  });

  it('has the age that S3 gives it, if any', async () => {
    const headers = { 'last-modified': 'Sat, 17 Jan 2026 10:30:00 GMT' };
    const cloud = await cloudWith((_call, index) => (index === 0 ? { headers } : {}));
    expect(await cloud.call({ op: 'readLease', ...place }, 5_000)).toEqual({
      ok: true,
      value: Date.UTC(2026, 0, 17, 10, 30),
    });
    expect(calls()[0]?.action).toBe('HEAD');
    expect(await cloud.call({ op: 'readLease', ...place }, 5_000)).toEqual({ ok: true, value: null });
  });

  it('ends with the stack; who may not is told so, and a throttle is one', async () => {
    const failed = (code: string): Reply => ({
      status: code === 'Throttling' ? 400 : 403,
      body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>m</Message></Error></ErrorResponse>`,
    });
    const cloud = await cloudWith(({ params }) =>
      params.StackName === 'ok'
        ? {
            body: '<DeleteStackResponse><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DeleteStackResponse>',
          }
        : failed(params.StackName ?? ''),
    );
    expect(await cloud.call({ op: 'deleteStack', stackId: 'ok' }, 5_000)).toEqual({ ok: true, value: null });
    expect(calls()[0]).toMatchObject({ action: 'DeleteStack', params: { StackName: 'ok' } });
    for (const [stackId, kind] of [
      ['AccessDenied', 'configuration'],
      ['Throttling', 'throttle'],
    ] as const) {
      expect(await cloud.call({ op: 'deleteStack', stackId }, 5_000)).toMatchObject({ error: { kind, code: stackId } });
    }
  });
});
