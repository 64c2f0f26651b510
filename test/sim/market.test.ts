import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chargedMs } from '../../sim/billing.js';
import { recordedMarket } from '../../sim/market/recorded.js';
import { type SyntheticMarketOptions, syntheticMarket } from '../../sim/market/synthetic.js';
import { parseTrace, requireOneGap } from '../../sim/market/trace.js';

const HOUR = 3_600_000;
const options: SyntheticMarketOptions = {
  seed: 1,
  zones: 2,
  types: 2,
  onDemandUsdPerHour: 1,
  spotUsdPerHour: 0.3,
  interruptionsPerHour: 0.1,
  kind: 'ou',
  volatility: 0.2,
  hazardVolatility: 0.5,
  reversionPerHour: 0.5,
  dailyAmplitude: 0.1,
  zoneCorrelation: 0.6,
};

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (x: readonly number[]): number => x.reduce((s, v) => s + v, 0) / x.length;
  const [ma, mb] = [mean(a), mean(b)];
  const sum = (f: (i: number) => number): number => a.reduce((s, _, i) => s + f(i), 0);
  const cov = sum((i) => ((a[i] ?? 0) - ma) * ((b[i] ?? 0) - mb));
  return cov / Math.sqrt(sum((i) => ((a[i] ?? 0) - ma) ** 2) * sum((i) => ((b[i] ?? 0) - mb) ** 2));
}

describe('the synthetic market', () => {
  it('keeps its mean price and hazard, and never exceeds on-demand', () => {
    const pool = syntheticMarket(options).pools[0];
    const hours = 20_000;
    expect((pool?.spend(0, hours * HOUR) ?? 0) / hours).toBeCloseTo(0.3, 2);
    for (let h = 0; h < 2000; h++) expect(pool?.priceAt(h * HOUR)).toBeLessThanOrEqual(1);
    const lane = pool?.lane(0);
    let count = 0;
    for (let at = 0; at < hours * HOUR; count++) at = lane?.interruptionAfter(at) ?? Number.POSITIVE_INFINITY;
    expect(count / hours).toBeGreaterThan(0.09);
    expect(count / hours).toBeLessThan(0.11);
  });

  it('moves pools of one zone together, more than those of two', () => {
    const { pools } = syntheticMarket({ ...options, dailyAmplitude: 0 });
    const series = pools.map((pool) => Array.from({ length: 5000 }, (_, h) => pool.priceAt(h * HOUR)));
    expect(correlation(series[0] ?? [], series[1] ?? [])).toBeGreaterThan(0.45);
    expect(Math.abs(correlation(series[0] ?? [], series[2] ?? []))).toBeLessThan(0.15);
  });

  it('has the same path whatever was asked of it before', () => {
    const [a, b] = [syntheticMarket(options).pools[3], syntheticMarket(options).pools[3]];
    a?.priceAt(900 * HOUR);
    a?.lane(4).interruptionAfter(0);
    expect(a?.priceAt(70 * HOUR)).toBe(b?.priceAt(70 * HOUR));
    expect(a?.lane(1).interruptionAfter(5 * HOUR)).toBe(b?.lane(1).interruptionAfter(5 * HOUR));
  });

  it('knows that a lane is safe before it knows when it is lost, and never promises too much', () => {
    for (const seed of ['a', 'b', 'c']) {
      const [asked, told] = [
        syntheticMarket({ ...options, seed }).pools[0],
        syntheticMarket({ ...options, seed }).pools[0],
      ];
      for (let l = 0; l < 20; l++) {
        const [lane, fate] = [asked?.lane(l), told?.lane(l)];
        const lostMs = fate?.interruptionAfter(HOUR) ?? 0;
        expect(lane?.isSafeUntil?.(HOUR, lostMs + 1)).toBe(false);
        expect(lane?.isSafeUntil?.(HOUR, Math.max(HOUR, lostMs - 2))).toBe(lostMs > HOUR + 2);
        expect(lane?.interruptionAfter(HOUR)).toBe(lostMs);
      }
    }
  });

  it('never interrupts at rate 0, and spends time times price when constant', () => {
    const pool = syntheticMarket({ ...options, kind: 'constant', interruptionsPerHour: 0 }).pools[0];
    expect(pool?.lane(0).interruptionAfter(0)).toBe(Number.POSITIVE_INFINITY);
    expect(pool?.spend(HOUR, 3 * HOUR)).toBeCloseTo(0.6);
  });
});

describe('recorded traces', () => {
  const text = (data: unknown, gap: unknown = 600, more = {}): string =>
    JSON.stringify({ metadata: { gap_seconds: gap }, data, ...more });

  it('interrupt the highest lanes when capacity falls, and wrap around', () => {
    const trace = parseTrace('t', text([2, 1, 0, 2]));
    const market = {
      traces: [trace],
      startTick: 0,
      onDemandUsdPerHour: 1,
      spotUsdPerHour: 0.3,
      capacity: 'recorded',
    } as const;
    const pool = recordedMarket(market).pools[0];
    expect(pool?.lane(0).interruptionAfter(0)).toBe(2 * 600_000);
    expect(pool?.lane(1).interruptionAfter(0)).toBe(600_000);
    expect(pool?.isUp(1, 600_000)).toBe(false);
    expect(pool?.nextRise(600_000)).toBe(3 * 600_000);
    expect(pool?.isUp(1, 4 * 600_000)).toBe(true);
    expect(pool?.lanes).toBe(2);
  });

  it('charge their own prices', () => {
    const trace = parseTrace('t', text([1, 1], 3600, { prices: [0.5, 1.5] }));
    const market = {
      traces: [trace],
      startTick: 1,
      onDemandUsdPerHour: 9,
      spotUsdPerHour: 9,
      capacity: 'scaled',
    } as const;
    const pool = recordedMarket(market).pools[0];
    expect(pool?.spend(0, 2 * HOUR)).toBeCloseTo(2);
    expect(pool?.spend(0.5 * HOUR, 1.5 * HOUR)).toBeCloseTo(1);
  });

  it.each([
    ['not JSON', 'nonsense', /not JSON/],
    ['a list', '[1]', /not a JSON object/],
    ['no gap', '{"data":[1]}', /gap_seconds/],
    ['a gap of 0', text([1], 0), /gap_seconds/],
    ['no ticks', text([]), /at least one tick/],
    ['half a node', text([0.5]), /data\[0\]/],
    ['a text', text(['1']), /data\[0\]/],
    ['too few prices', text([1, 1], 60, { prices: [1] }), /as many/],
    ['a negative price', text([1], 60, { prices: [-1] }), /prices\[0\]/],
  ])('are refused with a sentence: %s', (_, body, message) => {
    expect(() => parseTrace('t', body)).toThrow(message);
  });

  it('must have one gap', () => {
    expect(() => requireOneGap([parseTrace('a', text([1], 60)), parseTrace('b', text([1], 61))])).toThrow(
      /a and b differ/,
    );
  });

  it('are refused, never misread, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (body) => {
        try {
          expect(parseTrace('t', body).data.length).toBeGreaterThan(0);
        } catch (error) {
          expect((error as Error).name).toBe('SimInputError');
        }
      }),
    );
  });
});

describe('billing', () => {
  it('is per second, 60 s at least, free when AWS interrupts spot in its first hour', () => {
    const life = { spot: true, interruptedByAws: false };
    expect(chargedMs({ ...life, runningMs: 10 })).toBe(60_000);
    expect(chargedMs({ ...life, runningMs: 90_001 })).toBe(91_000);
    expect(chargedMs({ ...life, runningMs: 0 })).toBe(0);
    expect(chargedMs({ spot: true, interruptedByAws: true, runningMs: HOUR - 1 })).toBe(0);
    expect(chargedMs({ spot: true, interruptedByAws: true, runningMs: HOUR })).toBe(HOUR);
    expect(chargedMs({ spot: false, interruptedByAws: true, runningMs: 1000 })).toBe(60_000);
  });
});
