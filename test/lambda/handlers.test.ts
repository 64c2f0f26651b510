import { afterEach, describe, expect, test } from 'vitest';
import { endStep, openLedger } from '../../core/drain/ledger.js';
import { specParameterName } from '../../core/spec/spec.js';
import { wallMs } from '../../core/time.js';
import { createEndedHandler } from '../../lambda/ended.js';
import { createInterruptionHandler } from '../../lambda/interruption.js';
import { createSeederHandler } from '../../lambda/seeder.js';
import { createSweepHandler } from '../../lambda/sweep.js';
import { policyOf } from '../core/fixtures.js';
import { CONTEXT, ending, startWorld, type World, warning } from './world.js';

let world: World;
afterEach(() => world.stop());

const stack = (type: string, more: object = {}) => ({
  RequestType: type,
  ResponseURL: 'http://127.0.0.1/answer',
  StackId: 'arn:aws:cloudformation:us-east-1:123456789012:stack/s/0',
  RequestId: 'r1',
  LogicalResourceId: 'Seats',
  ResourceProperties: { Epoch: 'e1' },
  ...more,
});

/** Answers that CloudFormation got. */
async function ask(request: object): Promise<Record<string, unknown>> {
  const answers: string[] = [];
  await createSeederHandler(world.parts, async (_url, body) => {
    answers.push(body);
  })(request, CONTEXT);
  expect(answers).toHaveLength(1);
  return JSON.parse(answers[0] ?? '');
}

const idOf = (seat: string): string => {
  const [slot, generation] = seat.split('.');
  const found = world
    .live()
    .find(({ tags }) => tags['synkti:slot'] === slot && tags['synkti:generation'] === generation);
  if (found === undefined) throw new Error(`nobody holds ${seat}`);
  return found.instanceId;
};

describe('seeder', () => {
  test('a deployment fills every seat, once; its repetition and an update that grows launch only what is missing', async () => {
    world = await startWorld();
    expect(await ask(stack('Create'))).toMatchObject({
      Status: 'SUCCESS',
      PhysicalResourceId: 'synkti/web/e1',
      RequestId: 'r1',
    });
    expect(world.seats()).toEqual(['0.1', '1.1', '2.1']);
    await ask(stack('Create'));
    expect(world.seats()).toEqual(['0.1', '1.1', '2.1']);
    await world.publish({ desired: 5 });
    const update = await ask(stack('Update', { PhysicalResourceId: 'synkti/web/e1' }));
    expect(update).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'synkti/web/e1' });
    expect(world.seats()).toEqual(['0.1', '1.1', '2.1', '3.1', '4.1']);
  });

  test('without capacity the deployment goes on, and the metric tells', async () => {
    world = await startWorld({ unkind: { shortages: [{ code: 'InsufficientInstanceCapacity' }] } });
    const answer = await ask(stack('Create'));
    expect(answer.Status).toBe('SUCCESS');
    expect(answer.Reason).toMatch(/3 still missing \(InsufficientInstanceCapacity\)/);
    expect(world.counted.get('CapacityMissing')).toBe(3);
  });

  test('what must be mended fails the deployment, with its reason', async () => {
    world = await startWorld();
    await world.publish({ launch: { ...world.spec.launch, templateVersion: 9 } });
    const answer = await ask(stack('Create'));
    expect(answer.Status).toBe('FAILED');
    expect(answer.Reason).toMatch(/EC2 can't launch the nodes: InvalidLaunchTemplateId/);
    expect(await ask(stack('Create', { ResourceProperties: {} }))).toMatchObject({ Status: 'FAILED' });
  });

  test('a deletion takes the wish back and ends every node; again, and without a spec, it succeeds', async () => {
    world = await startWorld();
    await ask(stack('Create'));
    const foreign = await world.launch({ 'synkti:cluster': 'other', 'synkti:epoch': 'e1' });
    const remove = stack('Delete', { PhysicalResourceId: 'synkti/web/e1' });
    expect(await ask(remove)).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'synkti/web/e1' });
    expect(world.live().map(({ instanceId }) => instanceId)).toEqual([foreign]);
    const wish = await world.parts.carry({ op: 'readWish', parameter: specParameterName('web') }, 5_000);
    expect(wish).toMatchObject({ ok: true, value: { text: expect.stringContaining('"desired":0') } });
    expect(await ask(remove)).toMatchObject({ Status: 'SUCCESS' });
  });
});

describe('interruption', () => {
  test('a silent node: out of its target group, its seat filled, once', async () => {
    world = await startWorld();
    await ask(stack('Create'));
    const doomed = idOf('1.1');
    await world.register(doomed);
    const handler = createInterruptionHandler(world.parts);
    expect(await handler({ Records: [warning(doomed), warning(doomed, 'm2')] }, CONTEXT)).toEqual({
      batchItemFailures: [],
    });
    expect(world.seats()).toEqual(['0.1', '1.1', '1.2', '2.1']);
    expect(await world.targets()).toEqual([]);
    expect(world.counted.get('FallbackActed')).toBe(2);
    expect(world.counted.get('Notices')).toBe(2);
    await handler({ Records: [warning(doomed)] }, CONTEXT);
    expect(world.seats()).toEqual(['0.1', '1.1', '1.2', '2.1']);
  });

  test('a node that acted is left alone', async () => {
    world = await startWorld();
    await ask(stack('Create'));
    const node = idOf('1.1');
    await world.tag(node, 'draining');
    const before = world.calls.length;
    await createInterruptionHandler(world.parts)({ Records: [warning(node)] }, CONTEXT);
    expect(world.calls.slice(before).map(({ op }) => op)).toEqual(['readWish', 'findNodes']);
    expect(world.counted.get('FallbackNotNeeded')).toBe(1);
    expect(world.counted.get('FallbackActed')).toBeUndefined();
  });

  test('foreign instances cost one look, poison is recorded and dropped, the rest of the batch goes on', async () => {
    world = await startWorld();
    await ask(stack('Create'));
    const foreign = await world.launch({ name: 'x' });
    const handler = createInterruptionHandler(world.parts);
    const poison = { messageId: 'bad', body: '{"source":"aws.ec2"' };
    const records = [poison, warning(foreign, 'm2'), warning(idOf('2.1'), 'm3')];
    expect(await handler({ Records: records }, CONTEXT)).toEqual({ batchItemFailures: [] });
    expect(world.seats()).toEqual(['0.1', '1.1', '2.1', '2.2', 'none']);
    expect(world.counted.get('PoisonMessage')).toBe(1);
    expect(world.logged).toContainEqual({
      code: 'poison-message',
      fields: expect.objectContaining({ messageId: 'bad', body: poison.body }),
    });
    const before = world.calls.length;
    await handler({ Records: [warning(foreign)] }, CONTEXT);
    expect(world.calls).toHaveLength(before);
  });

  test('what may pass comes again, and only that', async () => {
    world = await startWorld({
      unkind: { throttles: [{ service: 'ec2', action: 'DescribeInstances', burst: 1, perSecond: 0 }] },
    });
    const handler = createInterruptionHandler(world.parts);
    const records = [warning('i-0aaaaaaaaaaaaaaaa', 'm1'), { messageId: 'bad', body: 'x' }];
    await world.parts.carry({ op: 'findNodes', cluster: 'web', epoch: 'e1', slot: null }, 5_000);
    expect(await handler({ Records: records }, CONTEXT)).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
  });
});

describe('ended', () => {
  test('fills the seat of a node that nobody replaced, and writes its incident, once', async () => {
    world = await startWorld();
    await ask(stack('Create'));
    const gone = idOf('0.1');
    await world.tag(gone, 'serving');
    await world.register(gone);
    world.cloud.fail(gone, { seenAfterMs: 0 });
    await expect.poll(() => world.seats()).toEqual(['1.1', '2.1']);
    const handler = createEndedHandler(world.parts);
    const records = [ending(gone, 'shutting-down'), ending(gone, 'terminated', 'm2')];
    expect(await handler({ Records: records }, CONTEXT)).toEqual({ batchItemFailures: [] });
    expect(world.seats()).toEqual(['0.2', '1.1', '2.1']);
    expect(await world.targets()).toEqual([]);
    const reports = () => world.cloud.objects().filter(({ key }) => key.startsWith('incidents/'));
    expect(reports().map(({ key }) => key)).toEqual([`incidents/${gone}-ended.json`]);
    expect(world.counted.get('SilentDeaths')).toBe(1);
    await handler({ Records: records }, CONTEXT);
    expect(world.seats()).toEqual(['0.2', '1.1', '2.1']);
    expect(reports()).toHaveLength(1);
  });

  test("tells how an end went, from the node's own report, at the last of its events", async () => {
    world = await startWorld();
    await ask(stack('Create'));
    const gone = idOf('0.1');
    await world.tag(gone, 'drained');
    await world.launch({ 'synkti:cluster': 'web', 'synkti:epoch': 'e1', 'synkti:slot': '0', 'synkti:generation': '2' });
    world.cloud.fail(gone, { seenAfterMs: 0 });
    const empty = openLedger(gone, { slot: 0, generation: 1, rung: 0 }, 'stop', wallMs(1_000), null);
    const ledger = endStep(endStep(empty, 'deregister', wallMs(1_250), 'done'), 'stop', wallMs(31_000), 'out-of-time');
    for (const [key, body] of [
      [`${gone}-1000`, JSON.stringify({ ...ledger, requestsLost: 3 })],
      [`${gone}-ended`, '{}'],
    ]) {
      await world.parts.carry(
        { op: 'putObject', bucket: world.spec.bucket, key: `incidents/${key}.json`, body: body ?? '' },
        5_000,
      );
    }
    const handler = createEndedHandler(world.parts);
    await handler({ Records: [ending(gone, 'shutting-down')] }, CONTEXT);
    expect(world.counted.has('FailoverTime')).toBe(false);
    await handler({ Records: [ending(gone, 'terminated', 'm2')] }, CONTEXT);
    expect(world.counted.get('FailoverTime')).toBe(250);
    expect(world.counted.get('DrainsCut')).toBe(1);
    expect(world.counted.get('RequestsLost')).toBe(3);
    expect(world.counted.has('DrainTime')).toBe(false);
    expect(world.counted.has('SilentDeaths')).toBe(false);
    expect(world.logged).toContainEqual({
      code: 'incident',
      fields: expect.objectContaining({ instanceId: gone, cause: 'stop', cut: true, failoverMs: 250 }),
    });
  });
});

describe('sweep', () => {
  test('fills what is empty after a total loss, from EC2 alone', async () => {
    world = await startWorld();
    await ask(stack('Create'));
    for (const { instanceId } of world.live()) world.cloud.fail(instanceId, { seenAfterMs: 0 });
    await expect.poll(() => world.seats()).toEqual([]);
    await createSweepHandler(world.parts)({}, CONTEXT);
    expect(world.seats()).toEqual(['0.2', '1.2', '2.2']);
    expect(world.counted.get('EmptySlots')).toBe(3);
  });

  test('tells what the cluster costs, and of nodes beyond one a slot', async () => {
    world = await startWorld();
    await ask(stack('Create'));
    const sweep = createSweepHandler(world.parts);
    await sweep({}, CONTEXT);
    expect(world.counted.get('SpotCostPerHour')).toBeCloseTo(0.09);
    expect(world.counted.get('SurplusNodes')).toBe(0);
    expect(world.counted.get('GossipApart')).toBe(0);
    await world.launch({ 'synkti:cluster': 'web', 'synkti:epoch': 'e1', 'synkti:slot': '0', 'synkti:generation': '2' });
    await sweep({}, CONTEXT);
    expect(world.counted.get('SurplusNodes')).toBe(1);
  });

  test('ends what never came to serve, few at once, and what the spec wants no more', async () => {
    world = await startWorld();
    await ask(stack('Create'));
    for (const seat of ['0.1', '1.1']) await world.tag(idOf(seat), 'serving');
    // An hour later.
    world.skewMs = 3_600_000;
    const sweep = createSweepHandler(world.parts);
    await sweep({}, CONTEXT);
    expect(world.seats()).toEqual(['0.1', '1.1', '2.2']);
    world.skewMs = 0;
    await world.publish({ desired: 2 });
    await sweep({}, CONTEXT);
    expect(world.seats()).toEqual(['0.1', '1.1', '2.2']);
    world.skewMs = 3_600_000;
    await sweep({}, CONTEXT);
    expect(world.seats()).toEqual(['0.1', '1.1']);
  });

  test('removes volumes and interfaces that nodes of the cluster left, once they are old', async () => {
    world = await startWorld();
    await ask(stack('Create'));
    for (const { instanceId } of world.live()) await world.tag(instanceId, 'serving');
    const tags = (cluster: string) => ({ 'synkti:cluster': cluster, 'synkti:epoch': 'e1' });
    const left = ['volume', 'network-interface'].flatMap((kind) =>
      ['web', 'other'].map((cluster) => world.cloud.leaveBehind(kind as 'volume' | 'network-interface', tags(cluster))),
    );
    const orphans = async (cluster: string) => {
      const found = await world.parts.carry({ op: 'findOrphans', cluster, epoch: 'e1' }, 5_000);
      return found.ok ? (found.value as { id: string }[]).map(({ id }) => id).sort() : [];
    };
    const sweep = createSweepHandler(world.parts);
    await sweep({}, CONTEXT);
    expect(await orphans('web')).toEqual([left[0], left[2]].sort());
    world.skewMs = 900_000;
    await sweep({}, CONTEXT);
    expect(await orphans('web')).toEqual([]);
    expect(await orphans('other')).toEqual([left[1], left[3]].sort());
    expect(world.seats()).toEqual(['0.1', '1.1', '2.1']);
  });

  test('returns from on-demand to spot, one at a time', async () => {
    world = await startWorld({}, { desired: 2, policy: policyOf({ bootPatienceMs: 7_200_000 }) });
    await ask(stack('Create'));
    for (const { instanceId } of world.live()) await world.tag(instanceId, 'serving');
    world.cloud.setCapacity({ market: 'spot' }, 0);
    for (const seat of ['0.1', '1.1']) world.cloud.fail(idOf(seat), { seenAfterMs: 0 });
    await expect.poll(() => world.seats()).toEqual([]);
    const sweep = createSweepHandler(world.parts);
    await sweep({}, CONTEXT);
    expect(world.live().map(({ lifecycle }) => lifecycle)).toEqual(['on-demand', 'on-demand']);
    for (const { instanceId } of world.live()) await world.tag(instanceId, 'serving');
    world.skewMs = 3_600_000;
    await sweep({}, CONTEXT);
    expect(world.live()).toHaveLength(2);
    world.cloud.setCapacity({ market: 'spot' }, null);
    await sweep({}, CONTEXT);
    const spot = () => world.live().filter(({ lifecycle }) => lifecycle === 'spot');
    expect(spot()).toHaveLength(1);
    // The agent of the old one hasn't gone yet: no second is begun.
    await sweep({}, CONTEXT);
    expect(spot()).toHaveLength(1);
  });
});
