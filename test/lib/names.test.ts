import { expect, it } from 'vitest';
import { TAG } from '../../core/seats/tags.js';
import * as parse from '../../core/spec/parse.js';
import * as spec from '../../core/spec/spec.js';
import * as names from '../../lib/names.js';

it('names things as core/ does', () => {
  expect(names.TAG_CLUSTER).toBe(TAG.cluster);
  expect(names.TAG_EPOCH).toBe(TAG.epoch);
  expect(names.TAG_STATE).toBe(TAG.state);
  expect(names.CLUSTER_NAME).toEqual(parse.CLUSTER_NAME);
  expect(names.specParameterName('web')).toBe(spec.specParameterName('web'));
});
