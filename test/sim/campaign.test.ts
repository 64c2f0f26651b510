import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { estimate, pairedDifference, tQuantile95 } from '../../sim/campaign/stats.js';
import {
  memoryStore,
  parseGrid,
  parseTrace,
  reportJson,
  type SimulateOptions,
  simulate,
  sweep,
  sweepCsv,
  VERSION,
} from '../../sim/index.js';
import { scenariosOf } from '../../sim/sweep/grid.js';

const folder = mkdtempSync(join(tmpdir(), 'synkti-sim-'));
afterAll(() => rmSync(folder, { recursive: true }));

const small: Partial<SimulateOptions> = { tasks: 40, duration: 24, runs: 4, preemptionRate: 0.3, seed: 7 };
const bytes = async (options: Partial<SimulateOptions>, jobs: number): Promise<string> =>
  reportJson(await simulate(options, { jobs }));

function trace(name: string, gap = 600) {
  const data = Array.from({ length: 1000 }, (_, i) => (Math.floor(i / 37) % 3 === 0 ? 0 : 1));
  return parseTrace(name, JSON.stringify({ metadata: { gap_seconds: gap }, data }));
}

describe('a simulation', () => {
  it('starts a job once in each equal part of a trace', async () => {
    const data = Array.from({ length: 2000 }, (_, i) => (i < 1000 ? 1 : 0));
    const half = parseTrace('half', JSON.stringify({ metadata: { gap_seconds: 600 }, data }));
    for (const seed of [1, 2, 3, 4]) {
      const job = { workload: 'job', traces: [half], policies: ['ondemand', 'greedy'], runs: 4, seed } as const;
      const greedy = (await simulate(job)).policies[1]?.costs ?? [];
      // All spot in the first part, none in the last.
      expect(greedy[0]).toBeCloseTo(48.2 * 0.3);
      expect(greedy[3]).toBeCloseTo(48.2);
    }
  });

  it('gives the same bytes for the same seed and any number of jobs', async () => {
    const alone = await bytes(small, 1);
    expect(await bytes(small, 3)).toBe(alone);
    expect(await bytes({ ...small, seed: 8 }, 1)).not.toBe(alone);
    const job: Partial<SimulateOptions> = {
      workload: 'job',
      traces: [trace('a'), trace('b')],
      runs: 2,
      workHours: 8,
      deadlineHours: 10,
    };
    expect(await bytes(job, 2)).toBe(await bytes(job, 1));
    const service: Partial<SimulateOptions> = { workload: 'service', zones: 3, runs: 2, duration: 12 };
    expect(await bytes(service, 2)).toBe(await bytes(service, 1));
  });

  it('gives bytes that are known, on this machine as on any', async () => {
    const hash = createHash('sha256')
      .update(await bytes(small, 1))
      .digest('hex');
    expect(hash).toBe('e249545634bc613d7fac25b3ea41faeeb4eafc1b1c0acf012fcd16aad2549bb5');
  });

  it('pairs: a policy meets the same runs whatever runs beside it', async () => {
    const both = await simulate({ ...small, policies: ['greedy-optimal', 'ondemand', 'fallback-naive'] });
    const one = await simulate({ ...small, policies: ['greedy-optimal'] });
    expect(both.policies[0]?.costs).toEqual(one.policies[0]?.costs);
    expect(both.baseline).toBe('ondemand');
  });

  it.each<[string, Partial<SimulateOptions>, RegExp]>([
    ['a negative price', { spotPrice: -1 }, /--spot-price must be a number from 0/],
    ['not a number', { tasks: Number.NaN }, /--tasks must be a whole number/],
    ['half a run', { runs: 1.5 }, /--runs must be a whole number/],
    ['spot dearer than on-demand', { spotPrice: 2 }, /never charges more/],
    ['lengths the wrong way round', { minHours: 5, maxHours: 2 }, /exceeds --max-hours/],
    ['shares the wrong way round', { fullShare: 0.2 }, /exceeds --full-share/],
    ['tasks that fit nowhere', { gpuMemoryGiB: 1 }, /nothing could run/],
    ['an unknown policy', { policies: ['gredy'] }, /unknown policy gredy; known are/],
    ['a policy twice', { policies: ['greedy', 'greedy'] }, /listed twice/],
    ['a baseline that does not run', { policies: ['greedy'], baseline: 'ondemand' }, /not among the policies/],
    ['a job without traces', { workload: 'job' }, /--trace FILE/],
    ['a deadline that cannot be kept', { workload: 'job', traces: [trace('a')], deadlineHours: 48 }, /leaves no room/],
    ['a trace shorter than the job', { workload: 'job', traces: [trace('a')], deadlineHours: 900 }, /shorter than/],
    ['zones to move between without a job', { allZones: true }, /--all-zones is about one job/],
    ['traces of two gaps', { traces: [trace('a'), trace('b', 60)] }, /differ in gap_seconds/],
  ])('refuses %s', async (_, options, message) => {
    await expect(simulate(options)).rejects.toThrow(message);
    await expect(simulate(options)).rejects.toMatchObject({ name: 'SimInputError' });
  });

  it('runs a policy from a TypeScript file, in worker threads too', async () => {
    const file = join(folder, 'mine.ts');
    writeFileSync(
      file,
      `interface View { readonly interruptions: number }
       export default { name: 'mine', choose: (view: View) => ({ kind: view.interruptions > 1 ? 'on-demand' : 'spot' }) };`,
    );
    const options = { ...small, policies: ['ondemand', 'fallback'], policyFile: file };
    const report = await simulate(options, { jobs: 2 });
    expect(report.policies[2]?.policy).toBe('mine');
    expect(report.policies[2]?.costs).toEqual(report.policies[1]?.costs);
  });

  it.each([
    ['throws when loaded', "throw new Error('not today');", /not today/],
    ['exports nothing', 'export const x = 1;', /no default export/],
    ['does not parse', 'export default {', /--policy/],
    ['lacks the function', "export default { name: 'p' };", /no function "choose"/],
    [
      'throws when asked',
      "export default { name: 'p', choose() { throw new Error('boom'); } };",
      /policy p threw: boom/,
    ],
    ['returns nonsense', "export default { name: 'p', choose: () => 42 };", /policy p returned 42/],
    ['has a wild name', "export default { name: '<b>', choose: () => 42 };", /its name must be/],
  ])('refuses a policy file that %s', async (name, text, message) => {
    const file = join(folder, `${name.replaceAll(' ', '-')}.mjs`);
    writeFileSync(file, text);
    for (const jobs of [1, 2]) {
      await expect(simulate({ ...small, policyFile: file }, { jobs })).rejects.toThrow(message);
    }
  });

  it('states the version of the package', () => {
    expect(JSON.parse(readFileSync('package.json', 'utf8')).version).toBe(VERSION);
  });
});

describe('statistics', () => {
  it('know Student t', () => {
    expect(tQuantile95(1)).toBe(12.706);
    expect(tQuantile95(29)).toBe(2.045);
    expect(tQuantile95(60)).toBeCloseTo(2.0003, 3);
    expect(tQuantile95(1e6)).toBeCloseTo(1.96, 3);
  });

  it('estimate means and pair differences', () => {
    expect(estimate([1, 2, 3])).toEqual({ mean: 2, ci95: 4.303 * Math.sqrt(1 / 3) });
    expect(estimate([5])).toEqual({ mean: 5, ci95: null });
    expect(pairedDifference([10, 20, 30], [9, 19, 29])).toEqual({ mean: 1, ci95: 0 });
  });
});

describe('a sweep', () => {
  const grid = parseGrid(
    JSON.stringify({
      base: { tasks: 20, duration: 12, runs: 2 },
      axes: [
        {
          name: 'rate',
          values: [
            { label: 'low', set: { preemptionRate: 0.01 } },
            { label: 'high', set: { preemptionRate: 0.5 } },
          ],
        },
        {
          name: 'net',
          values: [
            { label: 'slow', set: { bandwidthGbps: 1 } },
            { label: 'fast', set: { bandwidthGbps: 10 } },
          ],
        },
      ],
    }),
    'g',
  );

  it('runs every combination, goes on where it stopped, and is the same with threads', async () => {
    const whole = await sweep(grid, memoryStore(), { jobs: 1 });
    expect(whole.map((result) => result.labels.join())).toEqual(['low,slow', 'low,fast', 'high,slow', 'high,fast']);
    const store = memoryStore();
    const controller = new AbortController();
    const part = await sweep(grid, store, {
      jobs: 1,
      signal: controller.signal,
      onProgress: (done) => {
        if (done === 2) controller.abort();
      },
    });
    expect(part).toHaveLength(2);
    expect(await sweep(grid, store, { jobs: 2 })).toEqual(whole);
    expect(sweepCsv(grid, whole).split('\n')[0]).toMatch(/^rate,net,policy,savedPercent,savedPercent_ci95,costUsd/);
  });

  it.each([
    ['nothing', '', /not JSON/],
    ['an unknown key', '{"axes":[],"axs":1}', /unknown key "axs"/],
    ['no axes', '{"axes":[]}', /at least one axis/],
    ['an unknown option', '{"axes":[{"name":"a","values":[{"label":"x","set":{"taks":1}}]}]}', /unknown key "taks"/],
    [
      'a text for a number',
      '{"base":{"tasks":"9"},"axes":[{"name":"a","values":[{"label":"x","set":{}}]}]}',
      /of type number/,
    ],
    [
      'a file of traces',
      '{"base":{"traces":[]},"axes":[{"name":"a","values":[{"label":"x","set":{}}]}]}',
      /unknown key "traces"/,
    ],
  ])('refuses %s in a grid', (_, text, message) => {
    expect(() => parseGrid(text, 'g')).toThrow(message);
  });

  it('checks all scenarios before it runs one', () => {
    const bad = parseGrid(
      '{"axes":[{"name":"a","values":[{"label":"ok","set":{}},{"label":"bad","set":{"tasks":-1}}]}]}',
      'g',
    );
    expect(() => scenariosOf(bad)).toThrow(/scenario bad: --tasks/);
  });

  it('has an example of 243 scenarios', () => {
    expect(scenariosOf(parseGrid(readFileSync('examples/grid.json', 'utf8'), 'grid.json'))).toHaveLength(243);
  });
});
