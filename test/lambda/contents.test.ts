/** The seeder as the keeper of the bucket's contents, with real calls, and of what must not be lost. */
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSeederHandler } from '../../lambda/seeder.js';
import { CONTEXT, startWorld, type World } from './world.js';

let world: World;
let s3: S3Client;
beforeEach(async () => {
  world = await startWorld();
  s3 = new S3Client({
    endpoint: world.cloud.endpoint,
    region: world.cloud.region,
    forcePathStyle: true,
    credentials: { accessKeyId: 'somebody', secretAccessKey: 'x' },
  });
});
afterEach(async () => {
  s3.destroy();
  await world.stop();
});

async function ask(type: string, properties: object, physicalId?: string): Promise<Record<string, unknown>> {
  let answer = '';
  await createSeederHandler(world.parts, async (_url, body) => {
    answer = body;
  })(
    {
      RequestType: type,
      ResponseURL: 'http://127.0.0.1/answer',
      StackId: 'arn:aws:cloudformation:us-east-1:123456789012:stack/s/0',
      RequestId: 'r1',
      LogicalResourceId: 'Contents',
      ResourceProperties: properties,
      ...(physicalId === undefined ? {} : { PhysicalResourceId: physicalId }),
    },
    CONTEXT,
  );
  return JSON.parse(answer);
}

const left = () => world.cloud.objects().map(({ key }) => key);
const OWN = { Bucket: 'synkti-web', Empty: 'true' };

async function fill(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await s3.send(new PutObjectCommand({ Bucket: 'synkti-web', Key: `last-words/ä ${i}&<>.log`, Body: 'x' }));
  }
}

test('goes with the bucket, whatever the names of objects, and seats and nodes are left alone', async () => {
  await fill(7);
  expect(await ask('Create', OWN)).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'synkti-web' });
  expect(left()).toHaveLength(7);
  expect(await ask('Delete', OWN, 'synkti-web')).toMatchObject({
    Status: 'SUCCESS',
    PhysicalResourceId: 'synkti-web',
    Reason: '7 versions of objects deleted.',
  });
  expect(left()).toEqual([]);
  expect(world.live()).toEqual([]);
  expect(await ask('Delete', OWN, 'synkti-web')).toMatchObject({ Status: 'SUCCESS' });
});

test('stays where the bucket does, and a bucket that is gone holds nothing up', async () => {
  await fill(1);
  expect(await ask('Delete', { ...OWN, Empty: 'false' }, 'synkti-web')).toMatchObject({ Status: 'SUCCESS' });
  expect(left()).toHaveLength(1);
  expect(await ask('Delete', { ...OWN, Bucket: 'gone' }, 'gone')).toMatchObject({ Status: 'SUCCESS' });
});

test('of another bucket makes the resource another one', async () => {
  expect(await ask('Update', { ...OWN, Bucket: 'new' }, 'synkti-web')).toMatchObject({ PhysicalResourceId: 'new' });
});

test('a change of name is refused, so that no node of the old name is left', async () => {
  const answer = await ask('Update', { Epoch: 'e1' }, 'synkti/shop/e1');
  expect(answer).toMatchObject({ Status: 'FAILED', PhysicalResourceId: 'synkti/shop/e1' });
  expect(answer.Reason).toMatch(/can't be renamed: deploy web beside shop, then remove shop/);
  expect(world.live()).toEqual([]);
});
