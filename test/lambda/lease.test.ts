/** The sweep of a cluster that is lent, on the local cloud. */
import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, expect, test } from 'vitest';
import { LEASE_KEY } from '../../core/fallback/lease.js';
import { createSweepHandler } from '../../lambda/sweep.js';
import { CONTEXT, startWorld, type World } from './world.js';

const HOUR = 3_600_000;
const BUCKET = 'synkti-web';
let world: World;
let stackId = '';
const closers: (() => void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await world.stop();
});

async function start(options: Parameters<typeof startWorld>[0] = {}) {
  world = await startWorld(options);
  const keys = { accessKeyId: 'owner', secretAccessKey: 'x' };
  const config = { endpoint: world.cloud.endpoint, region: world.cloud.region, credentials: keys };
  const s3 = new S3Client({ ...config, forcePathStyle: true });
  const cloudformation = new CloudFormationClient(config);
  closers.push(
    () => s3.destroy(),
    () => cloudformation.destroy(),
  );
  const template = { Resources: { P: { Type: 'AWS::SSM::Parameter', Properties: { Type: 'String', Value: 'x' } } } };
  const created = await cloudformation.send(
    new CreateStackCommand({ StackName: 'Lent', TemplateBody: JSON.stringify(template) }),
  );
  stackId = created.StackId ?? '';
  const status = async () =>
    (await cloudformation.send(new DescribeStacksCommand({ StackName: stackId }))).Stacks?.[0]?.StackStatus;
  await expect.poll(status).toBe('CREATE_COMPLETE');
  const sweep = () =>
    createSweepHandler({
      ...world.parts,
      settings: { ...world.parts.settings, lease: { bucket: BUCKET, stackId, lengthMs: HOUR } },
    })({}, CONTEXT);
  return { s3, sweep, status };
}

test('a lease counts from the first sweep, is renewed by its owner, and ends with the stack and without another act', async () => {
  const { s3, sweep, status } = await start();
  await sweep();
  expect(world.seats()).toEqual(['0.1', '1.1', '2.1']);
  await s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key: LEASE_KEY }));

  world.skewMs = HOUR - 60_000;
  await sweep();
  expect(await status()).toBe('CREATE_COMPLETE');
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: LEASE_KEY, Body: '{"by":"owner"}' }));

  world.skewMs = HOUR + 60_000;
  const before = world.calls.length;
  await sweep();
  expect(world.calls.slice(before).map(({ op }) => op)).toEqual(['beginLease', 'readLease', 'deleteStack']);
  await expect.poll(status).toBe('DELETE_COMPLETE');
  expect(world.counted.get('LeaseEnded')).toBe(1);
  expect(world.logged.at(-1)).toMatchObject({ code: 'lease-ended', fields: { stackId, lengthMs: HOUR, error: null } });
  // Again, while it goes and afterwards.
  await sweep();
  expect(world.logged.at(-1)?.code).toBe('lease-ended');
});

test('a lease that S3 does not tell of lives, and the sweep goes on', async () => {
  const { sweep, status } = await start();
  const { carry } = world.parts;
  Object.assign(world.parts, {
    carry: async (call: Parameters<typeof carry>[0], timeoutMs: number) =>
      call.op === 'beginLease'
        ? { ok: false, error: { kind: 'throttle', code: 'SlowDown', message: 'Please reduce your request rate.' } }
        : carry(call, timeoutMs),
  });
  world.skewMs = 100 * HOUR;
  await sweep();
  expect(world.seats()).toEqual(['0.1', '1.1', '2.1']);
  expect(world.counted.get('Throttled')).toBe(1);
  expect(await status()).toBe('CREATE_COMPLETE');
});

test('a stack that may not be deleted fails the sweep with the reason, and nothing is filled', async () => {
  const { s3, sweep } = await start();
  const { carry } = world.parts;
  const denied = { kind: 'configuration', code: 'AccessDenied', message: 'not authorized' } as const;
  Object.assign(world.parts, {
    carry: async (call: Parameters<typeof carry>[0], timeoutMs: number) =>
      call.op === 'deleteStack' ? { ok: false, error: denied } : carry(call, timeoutMs),
  });
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: LEASE_KEY, Body: '{}' }));
  world.skewMs = 2 * HOUR;
  await expect(sweep()).rejects.toThrow("The stack can't be deleted: AccessDenied: not authorized");
  expect(world.seats()).toEqual([]);
  expect(world.counted.get('ConfigurationError')).toBe(1);
  expect(world.counted.has('LeaseEnded')).toBe(false);
});
