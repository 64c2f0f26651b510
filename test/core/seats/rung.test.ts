import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../core/rng.js';
import {
  backoffMs,
  comparePositions,
  FIRST_PAUSE_MS,
  LONGEST_PAUSE_MS,
  marketOf,
  nextRung,
} from '../../../core/seats/rung.js';

const rung = fc.integer({ min: 0, max: 1_000_000 });
const fallback = fc.option(fc.integer({ min: 0, max: 1_000 }));

describe('the market of a rung', () => {
  it('is spot for the first attempts, then on-demand, then spot again', () => {
    const markets = [0, 1, 2, 3, 4, 5].map((r) => marketOf(r, 2));
    expect(markets).toEqual(['spot', 'spot', 'on-demand', 'spot', 'spot', 'on-demand']);
  });

  it('is always on-demand with no spot attempts, always spot with no fallback', () => {
    fc.assert(fc.property(rung, (r) => marketOf(r, 0) === 'on-demand' && marketOf(r, null) === 'spot'));
  });

  it('has one on-demand rung among any n + 1 in a row', () => {
    fc.assert(
      fc.property(rung, fc.integer({ min: 0, max: 50 }), (from, n) => {
        const row = Array.from({ length: n + 1 }, (_, i) => marketOf(from + i, n));
        return row.filter((market) => market === 'on-demand').length === 1;
      }),
    );
  });
});

describe('the next rung', () => {
  it('after capacity is the next one', () => {
    fc.assert(fc.property(rung, fallback, (r, n) => nextRung(r, n, 'capacity') === r + 1));
  });

  it('after a spot quota error is the next on-demand one, with spot rungs left out', () => {
    expect(nextRung(0, 2, 'quota')).toBe(2);
    expect(nextRung(1, 2, 'quota')).toBe(2);
    expect(nextRung(4, 2, 'quota')).toBe(5);
  });

  it('after an on-demand quota error goes back to spot', () => {
    expect(nextRung(2, 2, 'quota')).toBe(3);
    expect(marketOf(nextRung(2, 2, 'quota'), 2)).toBe('spot');
  });

  it('always climbs, and after a spot quota error to the nearest on-demand rung', () => {
    fc.assert(
      fc.property(rung, fallback, fc.constantFrom('capacity' as const, 'quota' as const), (r, n, failedOf) => {
        const next = nextRung(r, n, failedOf);
        expect(next).toBeGreaterThan(r);
        if (failedOf === 'quota' && n !== null && marketOf(r, n) === 'spot') {
          expect(marketOf(next, n)).toBe('on-demand');
          expect(next - r).toBeLessThanOrEqual(n);
        }
      }),
    );
  });
});

describe('the pause after a failed attempt', () => {
  it('doubles up to its bound, half of it random', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000 }), fc.integer(), (attempt, seed) => {
        const full = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 30));
        const pause = backoffMs(attempt, seededRng(seed));
        return Number.isInteger(pause) && pause >= full / 2 && pause <= full;
      }),
    );
  });

  it('spreads callers that fail at the same moment', () => {
    const pauses = Array.from({ length: 50 }, (_, seed) => backoffMs(8, seededRng(seed)));
    expect(new Set(pauses).size).toBeGreaterThan(45);
  });
});

describe('positions', () => {
  const position = fc.record({ generation: fc.integer({ min: 1, max: 5 }), rung: fc.integer({ min: 0, max: 5 }) });

  it('are ordered by generation first', () => {
    expect(comparePositions({ generation: 2, rung: 0 }, { generation: 1, rung: 99 })).toBeGreaterThan(0);
    expect(comparePositions({ generation: 1, rung: 1 }, { generation: 1, rung: 2 })).toBeLessThan(0);
  });

  it('have a total order', () => {
    fc.assert(
      fc.property(position, position, position, (a, b, c) => {
        expect(Math.sign(comparePositions(a, b))).toBe(-Math.sign(comparePositions(b, a)) + 0);
        if (comparePositions(a, b) <= 0 && comparePositions(b, c) <= 0)
          expect(comparePositions(a, c)).toBeLessThanOrEqual(0);
        if (comparePositions(a, b) === 0) expect(a).toEqual(b);
      }),
    );
  });
});
