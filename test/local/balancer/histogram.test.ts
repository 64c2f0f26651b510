import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLOOR_MS, GROWTH, Histogram } from '../../../local/balancer/histogram.js';

const RELATIVE = (GROWTH - 1) / (GROWTH + 1);

const ofAll = (values: readonly number[]): Histogram => {
  const histogram = new Histogram();
  for (const value of values) histogram.add(value);
  return histogram;
};

const durations = fc.array(fc.double({ min: 0, max: 4_000_000, noNaN: true }), { minLength: 1, maxLength: 300 });
const percents = fc.oneof(fc.constantFrom(0, 50, 90, 99, 99.9, 100), fc.double({ min: 0, max: 100, noNaN: true }));

describe('histogram of durations', () => {
  it('tells a percentile within 1% of the one in the sorted list', () => {
    fc.assert(
      fc.property(durations, percents, (values, percent) => {
        const sorted = [...values].sort((a, b) => a - b);
        const wanted = sorted[Math.max(1, Math.ceil((percent / 100) * sorted.length)) - 1] ?? Number.NaN;
        const told = ofAll(values).percentileMs(percent) ?? Number.NaN;
        expect(Math.abs(told - wanted)).toBeLessThanOrEqual(Math.max(FLOOR_MS, wanted * RELATIVE * 1.000_001));
        expect(told).toBeGreaterThanOrEqual(sorted[0] ?? Number.NaN);
        expect(told).toBeLessThanOrEqual(sorted.at(-1) ?? Number.NaN);
      }),
    );
  });

  it('is the same whether values were added to one or to two that are merged', () => {
    fc.assert(
      fc.property(durations, durations, percents, (first, second, percent) => {
        const merged = ofAll(first);
        merged.merge(ofAll(second));
        const whole = ofAll([...first, ...second]);
        expect(merged.percentileMs(percent)).toBe(whole.percentileMs(percent));
        expect([merged.count, merged.minMs, merged.maxMs]).toEqual([whole.count, whole.minMs, whole.maxMs]);
        expect(merged.sumMs).toBeCloseTo(whole.sumMs, 3);
      }),
    );
  });

  it('knows nothing when it is empty, and takes what is no duration for 0', () => {
    expect(new Histogram().percentileMs(99)).toBeNull();
    expect(ofAll([Number.NaN, -5]).percentileMs(99)).toBe(0);
    expect(ofAll([Number.POSITIVE_INFINITY]).percentileMs(99)).toBe(10_000_000);
  });
});
