/** The seeder as the finder of instance types, with real calls to the local cloud's EC2. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSeederHandler } from '../../lambda/seeder.js';
import { CATALOGUE } from '../../local/ec2/model/catalogue.js';
import { CONTEXT, startWorld, type World } from './world.js';

const zones = ['a', 'b'].map((letter) => ({ name: `us-east-1${letter}`, subnetId: `subnet-${letter}` }));
/** Types of the seventh generation are in the second zone only. */
const pools = [...CATALOGUE.keys()].map((instanceType) => ({
  instanceType,
  zone: instanceType.includes('7') ? 'us-east-1b' : 'us-east-1a',
  spotPrice: 0.03,
  onDemandPrice: 0.1,
  capacity: null,
}));

let world: World;
beforeEach(async () => {
  world = await startWorld({ zones, pools });
});
afterEach(() => world.stop());

const WISH = {
  architecture: 'x86_64',
  vCpus: { min: 2, max: 4 },
  memoryMiB: { min: 8192 },
  accelerators: { max: 0 },
  generations: ['current'],
  zones: ['us-east-1a', 'us-east-1b'],
  most: 5,
};

async function ask(type: string, wish: object, physicalId?: string) {
  let answer = '';
  await createSeederHandler(world.parts, async (_url, body) => {
    answer = body;
  })(
    {
      RequestType: type,
      ResponseURL: 'http://127.0.0.1/answer',
      StackId: 'arn:aws:cloudformation:us-east-1:123456789012:stack/s/0',
      RequestId: 'r1',
      LogicalResourceId: 'InstanceTypes',
      ResourceProperties: { Requirements: JSON.stringify(wish) },
      ...(physicalId === undefined ? {} : { PhysicalResourceId: physicalId }),
    },
    CONTEXT,
  );
  return JSON.parse(answer);
}

test('finds the smallest, the same ones each time, and launches nothing', async () => {
  const answer = await ask('Create', WISH);
  expect(answer).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'instance types of web' });
  const types = ['m5.large', 'm5a.large', 'm5ad.large', 'm5d.large', 'm5n.large'];
  expect(JSON.parse(answer.Data.InstanceTypes)).toEqual(types);
  expect(await ask('Update', WISH, 'instance types of web')).toEqual(answer);
  expect(world.live()).toEqual([]);
});

test('keeps to the zones of the cluster, and its id to a change of the requirements', async () => {
  const answer = await ask('Update', { ...WISH, zones: ['us-east-1b'], most: 20 }, 'instance types of web');
  const types: string[] = JSON.parse(answer.Data.InstanceTypes);
  expect(types).toContain('m7i.large');
  expect(types.every((type) => type.includes('7'))).toBe(true);
  expect(answer.PhysicalResourceId).toBe('instance types of web');
});

test('fails where no type has what is required, or the requirements are none', async () => {
  const none = await ask('Create', { ...WISH, vCpus: { min: 3, max: 3 } });
  expect(none).toMatchObject({ Status: 'FAILED', Reason: expect.stringMatching(/No instance type of the Region/) });
  expect(none.Data).toBeUndefined();
  const elsewhere = await ask('Create', { ...WISH, zones: ['us-east-1f'] });
  expect(elsewhere.Reason).toMatch(/none is to be had on spot in the cluster's zones/);
  const wrong = await ask('Create', { ...WISH, most: 0 });
  expect(wrong).toMatchObject({ Status: 'FAILED', Reason: expect.stringMatching(/most must be a whole number/) });
});

test('goes without a word, whatever it asked for', async () => {
  expect(await ask('Delete', { nonsense: true }, 'instance types of web')).toMatchObject({ Status: 'SUCCESS' });
});
