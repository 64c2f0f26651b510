import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEc2, type Ec2, ec2Client } from '../../../aws/ec2.js';
import { kindOfCode } from '../../../aws/errors.js';
import type { LaunchRequest } from '../../../core/cloud.js';
import { TAG } from '../../../core/seats/tags.js';
import { fleetRequestOf, launchAnswerOf, nodeViewOf } from '../../../local/ec2/model/core-view.js';
import { createFleet } from '../../../local/ec2/model/fleet.js';
import { advance } from '../../../local/ec2/model/life.js';
import { setCapacity } from '../../../local/ec2/model/pools.js';
import { ec2Service } from '../../../local/ec2/service.js';
import { type Endpoint, startEndpoint } from '../../../local/wire/server.js';
import { world } from './world.js';

const at = world();
let endpoint: Endpoint;
let ec2: Ec2;
const { signal } = new AbortController();
const kind = (code: string) => kindOfCode(code) ?? 'unknown';

beforeAll(async () => {
  endpoint = await startEndpoint({
    host: '127.0.0.1',
    port: 0,
    services: [ec2Service({ model: at.model, context: at.ctx, changed: () => {} })],
    principalOf: (accessKeyId) => ({ kind: 'user', accessKeyId }),
  });
  const credentials = async () => ({ accessKeyId: 'a', secretAccessKey: 'b' });
  ec2 = createEc2(ec2Client({ region: 'us-east-1', endpoint: endpoint.url, credentials }));
});

afterAll(async () => {
  ec2.close();
  await endpoint.close();
});

const request = (generation: number, market: LaunchRequest['market']): LaunchRequest => ({
  token: `synkti.demo.e1.1.${generation}.0`,
  seat: { slot: 1, generation, rung: 0 },
  market,
  templateId: at.templateId,
  templateVersion: 1,
  overrides: at.model.options.zones.map(({ name, subnetId }) => ({ instanceType: 'm5.large', subnetId, zone: name })),
  tags: [
    [TAG.cluster, 'demo'],
    [TAG.epoch, 'e1'],
    [TAG.generation, String(generation)],
    [TAG.rung, '0'],
    [TAG.slot, '1'],
    [TAG.token, `synkti.demo.e1.1.${generation}.0`],
  ],
});

test.each(['spot', 'on-demand'] as const)('a %s launch is the same request with and without a wire', async (market) => {
  const launch = request(market === 'spot' ? 1 : 2, market);
  const { instanceIds } = await ec2.launch(launch, signal);
  expect(instanceIds).toHaveLength(1);
  const direct = launchAnswerOf(launch, createFleet(at.model, fleetRequestOf(launch), at.ctx()), kind);
  expect(direct.instanceIds).toEqual(instanceIds);

  at.now += 16_000;
  advance(at.model, at.ctx());
  const record = at.model.instances.get(instanceIds[0] ?? '')?.record;
  const view = await ec2.describeNode(instanceIds[0] ?? '', signal);
  expect(record && nodeViewOf(record, true)).toEqual(view);
  expect(view).toMatchObject({ state: 'running', seat: launch.seat, token: launch.token, lifecycle: market });
  expect(await ec2.findNodes('demo', 'e1', 1, signal)).toContainEqual({ ...view, statusOk: null });
});

test('a launch without capacity says so of every pool', async () => {
  setCapacity(at.model, { market: 'spot' }, 0, 'MaxSpotInstanceCountExceeded');
  const { instanceIds, errors } = await ec2.launch(request(3, 'spot'), signal);
  expect(instanceIds).toEqual([]);
  expect(errors).toHaveLength(3);
  expect(new Set(errors.map(({ kind }) => kind))).toEqual(new Set(['quota']));
  const direct = launchAnswerOf(
    request(3, 'spot'),
    createFleet(at.model, fleetRequestOf(request(3, 'spot')), at.ctx()),
    kind,
  );
  expect(direct.errors).toEqual(errors);
});
