import { expect, it } from 'vitest';
import { LEASE_KEY } from '../../core/fallback/lease.js';
import { launchRequest } from '../../core/seats/launch.js';
import { TAG } from '../../core/seats/tags.js';
import * as parse from '../../core/spec/parse.js';
import * as spec from '../../core/spec/spec.js';
import * as names from '../../lib/names.js';

it('names things as core/ does', () => {
  expect(names.TAG_CLUSTER).toBe(TAG.cluster);
  expect(names.TAG_EPOCH).toBe(TAG.epoch);
  expect(names.TAG_STATE).toBe(TAG.state);
  expect(names.TAG_WAITING).toBe(TAG.waiting);
  expect(names.TAG_HEARS).toBe(TAG.hears);
  expect(names.CLUSTER_NAME).toEqual(parse.CLUSTER_NAME);
  expect(names.LEASE_KEY).toBe(LEASE_KEY);
  expect(names.specParameterName('web')).toBe(spec.specParameterName('web'));
});

it('knows which tags a launch request gives', () => {
  const wish = parse.parseSpec(
    JSON.stringify({
      format: 1,
      version: 1,
      cluster: 'web',
      epoch: 'e1',
      desired: 1,
      launch: {
        templateId: 'lt-0123456789abcdef0',
        templateVersion: 1,
        pools: [{ instanceType: 'm7g.large', zone: 'eu-west-1a', subnetId: 'subnet-0123456789abcdef0' }],
      },
      gossip: { preset: 'lan', port: 7946, secretId: 's' },
      bucket: 'bucket',
    }),
  );
  if (!wish.ok) throw new Error(wish.problem);
  const keys = launchRequest(wish.value, { slot: 0, generation: 1, rung: 0 }).tags.map(([key]) => key);
  expect(keys).toEqual(expect.arrayContaining([...names.REQUEST_TAGS]));
});
