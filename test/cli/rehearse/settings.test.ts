import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type RehearseFlags, readSettings } from '../../../cli/rehearse/settings.js';
import { limitsOf, timings } from '../../../cli/rehearse/timings.js';
import { flags } from './flags.js';

const folder = mkdtempSync(join(tmpdir(), 'settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (change: Partial<RehearseFlags>) =>
  readSettings(
    { ...flags(), ...change },
    { exampleService: '/example/service.mjs', exampleTask: '/example/chain.mjs' },
  );

describe('settings', () => {
  it('are a market of 20 s notices by default, the same for the same seed', async () => {
    const [one, same, other] = [await read({}), await read({}), await read({ seed: 'other' })];
    expect(one).toMatchObject({ nodes: 6, rate: 50, timings: { noticeMs: 20_000 }, endpointPort: 0, keep: false });
    expect(one.scenario).toEqual(same.scenario);
    expect(one.scenario.acts).not.toEqual(other.scenario.acts);
    expect((await read({ seed: undefined })).seed).toMatch(/^\d+$/);
  });

  it('take times, notices, unkindness and the workload from the flags', async () => {
    expect((await read({ realTime: true })).timings).toMatchObject({ noticeMs: 120_000, balancerScale: 1 });
    expect((await read({ realTime: true, notice: '1m' })).timings.noticeMs).toBe(60_000);
    const silent = await read({ notice: false, interrupt: ['1@2s'] });
    expect(silent.scenario.acts).toEqual([{ atMs: 2_000, act: { type: 'interrupt', slots: [1], announced: false } }]);
    const unkind = await read({
      packetLoss: '10%',
      throttle: '3',
      describeLag: '2s',
      imdsErrors: '5%',
      noCapacity: ['b'],
    });
    expect(unkind.unkind).toMatchObject({
      network: { lossRate: 0.1 },
      throttles: [{ burst: 3, perSecond: 3 }],
      describeLagMs: 2_000,
      imds: { burstRate: 0.05 },
      shortages: [{ zone: 'us-east-1b', market: 'spot' }],
    });
    const own = await read({ workload: 'node server.js', port: '3000', health: '/up' });
    expect(own.workload).toMatchObject({ port: 3_000, healthPath: '/up', workingDirectory: process.cwd() });
    expect(own.workload.command).toEqual([expect.stringMatching(/^\/.*node$/), 'server.js']);
  });

  it('give the traced zones and a calm one to a trace', async () => {
    const file = join(folder, 'us-west-2b_v100_1.json');
    writeFileSync(file, JSON.stringify({ metadata: { gap_seconds: 60 }, data: [2, 2, 2, 2, 2, 2, 2, 2, 1, 0, 2] }));
    const { ground, scenario } = await read({ trace: [file], speed: '60', for: '10m' });
    expect(ground.region).toBe('us-west-2');
    expect(ground.zones).toEqual(['us-west-2b', 'us-west-2a', 'us-west-2c']);
    expect(ground.pools[0]).toMatchObject({ instanceType: 'p3.2xlarge', zone: 'us-west-2b' });
    expect(scenario.acts.map(({ atMs }) => atMs)).toEqual([3_000, 4_000, 5_000]);
  });

  it('expect less of a cluster whose cloud is unkind', () => {
    const kind = limitsOf(timings(false, null), {});
    const unkind = limitsOf(timings(false, null), { describeLagMs: 5_000, imds: { burstRate: 0.1, burstMs: 1_000 } });
    expect(kind.firstActMs).toBe(2_000);
    expect(unkind.firstActMs).toBeGreaterThan(kind.firstActMs);
    expect(unkind.silentMs).toBe(kind.silentMs + 5_000);
  });
});
