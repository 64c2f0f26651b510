import fc from 'fast-check';
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { poolsIn, ratePerHour } from '../../../cli/ops/forecast/asked.js';
import { type ForecastOptions, forecast } from '../../../cli/ops/forecast/forecast.js';
import { historyMarket, type PoolHistory } from '../../../cli/ops/forecast/market.js';
import { type Forecast, forecastText } from '../../../cli/ops/forecast/text.js';
import type { PoolMarket } from '../../../sim/market/market.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const FROM = Date.parse('2026-01-17T00:00:00Z');

const pool = (name: string, onDemandUsdPerHour: number, ...prices: [number, number][]): PoolHistory => ({
  name,
  zone: 'us-east-1a',
  onDemandUsdPerHour,
  points: prices.map(([hour, usdPerHour]) => ({ fromMs: FROM + hour * HOUR, usdPerHour })),
});

/** Cheap for six hours, dear for eighteen. */
const SWING = pool('m7g.large us-east-1a', 0.1, [-5, 0.9], [-1, 0.02], [6, 0.04]);
const FLAT = pool('m6g.large us-east-1a', 0.12, [0, 0.03]);

const marketOf = (change: Partial<Parameters<typeof historyMarket>[0]> = {}): PoolMarket => {
  const market = historyMarket({
    seed: '1',
    pools: [SWING],
    fromMs: FROM,
    toMs: FROM + DAY,
    startShare: 0,
    interruptionsPerHour: 0,
    ...change,
  });
  const [first] = market.pools;
  if (first === undefined) throw new Error('no pool');
  return first;
};

describe('a market of recorded prices', () => {
  it('has the prices of the past, and begins anew at their end', () => {
    const market = marketOf();
    expect([0, 5.99, 6, 23.9, 24, 30].map((hour) => market.priceAt(hour * HOUR))).toEqual([
      0.02, 0.02, 0.04, 0.04, 0.02, 0.04,
    ]);
    expect(market.spend(0, DAY)).toBeCloseTo(6 * 0.02 + 18 * 0.04, 9);
    expect(market.spend(5 * HOUR, 7 * HOUR)).toBeCloseTo(0.06, 9);
    expect(market.spend(23 * HOUR, 25 * HOUR)).toBeCloseTo(0.06, 9);
  });

  it('may begin in the middle', () => {
    const market = marketOf({ startShare: 0.5 });
    expect(market.priceAt(0)).toBe(0.04);
    expect(market.priceAt(12 * HOUR)).toBe(0.02);
    expect(market.spend(0, DAY)).toBeCloseTo(0.84, 9);
  });

  it('costs what its prices add up to', () => {
    const points = fc.array(
      fc.tuple(fc.integer({ min: -30, max: 30 }), fc.double({ min: 0.001, max: 5, noNaN: true })),
      {
        minLength: 1,
        maxLength: 10,
      },
    );
    fc.assert(
      fc.property(
        points,
        fc.integer({ min: 0, max: 60 }),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        (drawn, h, at) => {
          const sorted = [...drawn].sort((a, b) => a[0] - b[0]);
          const market = marketOf({ pools: [pool('x', 1, ...sorted)], startShare: at });
          const start = h * HOUR;
          const seconds = 3_600;
          let sum = 0;
          for (let second = 0; second < seconds; second++)
            sum += market.priceAt(start + second * 1_000 + 500) / seconds;
          // At most three steps of the price in an hour, each found to half a second, of prices up to 5.
          expect(Math.abs(sum - market.spend(start, start + HOUR))).toBeLessThanOrEqual((3 * 5 * 0.5) / seconds + 1e-9);
        },
      ),
      { seed: 5, numRuns: 60 },
    );
  });

  it('interrupts at the rate that is assumed, and never without one', () => {
    const market = marketOf({ interruptionsPerHour: 0.5 });
    let count = 0;
    for (let lane = 0; lane < 200; lane++) {
      const fate = market.lane(lane);
      for (let at = fate.interruptionAfter(0); at < 20 * HOUR; at = fate.interruptionAfter(at)) count += 1;
    }
    // 2,000 are to be expected; five standard deviations.
    expect(Math.abs(count - 2_000)).toBeLessThan(225);
    expect(marketOf().lane(0).interruptionAfter(0)).toBe(Number.POSITIVE_INFINITY);
  });
});

const OPTIONS: ForecastOptions = {
  nodes: 4,
  onDemandBase: 0,
  pools: [SWING, FLAT],
  fromMs: FROM,
  toMs: FROM + DAY,
  durationMs: 2 * DAY,
  interruptionsPerHour: 0,
  bootMs: 120_000,
  runs: 3,
  seed: 1,
};

const costOf = async (change: Partial<ForecastOptions>, policy: string): Promise<number> =>
  (await forecast({ ...OPTIONS, ...change })).find((one) => one.policy === policy)?.costUsd.mean ?? Number.NaN;

describe('a forecast', () => {
  it('without interruptions is the sum of the prices', async () => {
    const flat = { pools: [{ ...FLAT, onDemandUsdPerHour: 0.12 }] };
    // Pending seconds aren't charged.
    const hours = 4 * (48 - 16 / 3_600);
    expect(await costOf(flat, 'on-demand')).toBeCloseTo(hours * 0.12, 4);
    expect(await costOf(flat, 'spec')).toBeCloseTo(hours * 0.03, 4);
    expect(await costOf({ ...flat, onDemandBase: 1 }, 'spec')).toBeCloseTo((hours / 4) * (0.12 + 3 * 0.03), 4);
  });

  it('is the same for the same seed, and shows what interruptions do', async () => {
    const rough = { ...OPTIONS, interruptionsPerHour: 0.2 };
    const [first, second] = [await forecast(rough), await forecast(rough)];
    expect(first).toEqual(second);
    const spec = first.find(({ policy }) => policy === 'spec');
    // 4 nodes over 48 h at 0.2 an hour.
    expect(spec?.interruptions.mean).toBeGreaterThan(20);
    expect(spec?.interruptions.mean).toBeLessThan(60);
    expect(spec?.savedPercent?.mean).toBeGreaterThan(50);
  });

  it('is no other for pools that are never the cheapest', async () => {
    const dear = pool('m7a.large us-east-1c', 0.2, [0, 0.05], [10, 0.06]);
    const rough = { interruptionsPerHour: 0.2 };
    expect(await costOf({ ...rough, pools: [SWING, FLAT, dear] }, 'spec')).toBe(await costOf(rough, 'spec'));
  });

  it('goes where it is cheapest at the moment of the launch', async () => {
    // From noon on FLAT is the cheaper one, and stays so for those that it has.
    const noon = { runs: 1, durationMs: 12 * HOUR, pools: [SWING, FLAT] };
    expect(await costOf(noon, 'spec')).toBeCloseTo(4 * (12 - 16 / 3_600) * 0.03, 4);
  });

  it('without an on-demand price leaves out what needs one', async () => {
    const pools = [SWING, FLAT].map((one) => ({ ...one, onDemandUsdPerHour: 0 }));
    const found = await forecast({ ...OPTIONS, pools });
    expect(found.map(({ policy }) => policy)).toEqual(['spec', 'one-pool', 'even']);
    expect(found.every(({ savedPercent }) => savedPercent === null)).toBe(true);
  });
});

describe('as text', () => {
  const TEXT: Forecast = {
    nodes: 4,
    onDemandBase: 0,
    days: 2,
    runs: 3,
    seed: 1,
    interruptionsPerHour: ratePerHour('20%'),
    bootMs: 120_000,
    pools: ['a', 'b'],
    onDemandType: 'm7g.large',
    onDemandUsdPerHour: 0.1,
    historyFromMs: FROM,
    historyToMs: FROM + 60 * DAY,
    policies: [
      {
        policy: 'on-demand',
        costUsd: { mean: 19.2, ci95: 0 },
        savedPercent: { mean: 0, ci95: 0 },
        interruptions: { mean: 0, ci95: 0 },
        availablePercent: { mean: 100, ci95: 0 },
      },
      {
        policy: 'spec',
        costUsd: { mean: 6.1, ci95: 0.25 },
        savedPercent: { mean: 68.2, ci95: 1.1 },
        interruptions: { mean: 0.3, ci95: 0.6 },
        availablePercent: { mean: 99.99, ci95: 0.01 },
      },
    ],
    unpriced: [],
    withoutOnDemandPrice: [],
    problems: [],
  };
  const textOf = (change: Partial<Forecast> = {}): string =>
    forecastText({ ...TEXT, ...change }, 'web', 80, pc.createColors(false));

  it('tells each policy with its interval, and what is assumed', () => {
    const text = textOf();
    expect(text).toMatch(/on-demand +\$19\.20 +baseline +0\.0 +100\.000/);
    expect(text).toMatch(/spec +\$6\.10 ±0\.25 +68\.2 ±1\.1 +0\.3 ±0\.6 +99\.990 ±0\.010/);
    expect(text.replaceAll('\n', ' ')).toContain(
      'Interruptions are assumed, 0.00031 an hour and node (20% of nodes in a month)',
    );
    expect(text).not.toContain('history is short');
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('says what it lacks', () => {
    const text = textOf({
      onDemandUsdPerHour: null,
      unpriced: ['x y'],
      historyToMs: FROM + HOUR,
      problems: ['Not seen: on-demand prices. Denied.'],
    }).replaceAll('\n', ' ');
    expect(text).toContain('Not seen: on-demand prices. Denied.');
    expect(text).toContain('policies that use on-demand are left out');
    expect(text).toContain('no spot price of them: x y');
    expect(text).toContain('The history is short (1h)');
  });
});

describe('what is asked', () => {
  it('a share in a month is a rate', () => {
    expect(1 - Math.exp(-ratePerHour('20%') * 730)).toBeCloseTo(0.2, 9);
    expect(ratePerHour('0%')).toBeCloseTo(0, 12);
    expect(ratePerHour('0.05/h')).toBe(0.05);
    for (const text of ['', '20', '100%', '-1%', '61/h', 'x/h'])
      expect(() => ratePerHour(text)).toThrow('--interruptions');
  });

  it('pools are type/zone', () => {
    expect(poolsIn('m7g.large/us-east-1a, c7g.xlarge/us-east-1b')).toEqual([
      { instanceType: 'm7g.large', zone: 'us-east-1a' },
      { instanceType: 'c7g.xlarge', zone: 'us-east-1b' },
    ]);
    for (const text of ['', 'm7g.large', 'm7g/us-east-1a', 'a.b/c,']) expect(() => poolsIn(text)).toThrow('--pools');
    expect(() => poolsIn(Array(101).fill('a.b/us-east-1a').join(','))).toThrow('101 pools');
  });
});
