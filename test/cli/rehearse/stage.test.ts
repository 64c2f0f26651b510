import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCloud } from '../../../aws/cloud.js';
import { deploy, subnetOf } from '../../../cli/rehearse/deploy.js';
import { readSettings, type Settings } from '../../../cli/rehearse/settings.js';
import { clientConfig, LastWords, seedSeats } from '../../../cli/rehearse/stage.js';
import { seatFromTags, TAG } from '../../../core/seats/tags.js';
import { parseSpec } from '../../../core/spec/parse.js';
import { specParameterName } from '../../../core/spec/spec.js';
import { type CloudEvent, type LocalCloud, startLocalCloud } from '../../../local/cloud.js';
import { flags } from './flags.js';
import { ledgerOf } from './story.js';

let cloud: LocalCloud;
let settings: Settings;
let words: LastWords | null = null;
const events: CloudEvent[] = [];

beforeAll(async () => {
  settings = await readSettings(
    { ...flags(), nodes: '4' },
    { exampleService: '/example/service.mjs', exampleTask: '/example/chain.mjs' },
  );
  cloud = await startLocalCloud({
    seed: 1,
    zones: settings.ground.zones.map((name) => ({ name, subnetId: subnetOf(name) })),
    pools: settings.ground.pools.map((pool) => ({ ...pool, capacity: null })),
    launchDelayMs: 10,
    machine: null,
    onEvent: (event) => {
      events.push(event);
      words?.take(event);
    },
  });
});
afterAll(() => cloud.stop());

describe('the stage of a rehearsal', () => {
  it('is deployed by AWS calls: a spec that agents accept, a target group, a load balancer that listens', async () => {
    const { spec, targetGroupArn } = await deploy(clientConfig(cloud), settings);
    expect(spec.desired).toBe(4);
    const aws = createCloud(clientConfig(cloud));
    const read = await aws.call({ op: 'readSpec', parameter: specParameterName(spec.cluster) }, 5_000);
    expect(read.ok && parseSpec(read.value)).toEqual({ ok: true, value: spec });
    expect(cloud.targetGroups().map(({ arn }) => arn)).toEqual([targetGroupArn]);
    expect(cloud.balancers()[0]?.listeners).toHaveLength(1);
    const secret = await aws.readSecret(spec.gossip.secretId, 5_000);
    expect(secret.ok && JSON.parse(secret.value)).toMatchObject({ older: [] });

    const never = new AbortController().signal;
    await seedSeats(cloud, spec, never);
    await seedSeats(cloud, spec, never);
    const instances = cloud.instances();
    expect(instances.map(({ tags }) => seatFromTags(tags)?.slot).sort()).toEqual([0, 1, 2, 3]);
    expect(new Set(instances.map(({ tags }) => tags[TAG.token])).size).toBe(4);
    // Spread over the zones, since the pools cost the same.
    expect(new Set(instances.map(({ zone }) => zone)).size).toBe(3);

    const ledgers: string[] = [];
    words = new LastWords(cloud, ({ id }) => ledgers.push(id));
    const good = ledgerOf('i-a', 0, 1_000, 2_000);
    const put = (key: string, body: string) => aws.call({ op: 'putObject', bucket: spec.bucket, key, body }, 5_000);
    await put(`incidents/${good.id}.json`, JSON.stringify(good));
    await put('incidents/bad.json', '{"half": ');
    await put('incidents/other.json', '{}');
    await put('seats/1.json', '{}');
    await words.end();
    expect(ledgers).toEqual([good.id]);
    expect(words.problems).toHaveLength(2);
    aws.close();
    expect(events.some(({ type }) => type === 'call')).toBe(true);
  });
});
