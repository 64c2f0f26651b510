import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planDrain } from '../../../core/drain/budget.js';
import { policyOf } from '../fixtures.js';

const GRACE_MS = 30_000;
const AT_ONCE = { keepServingMs: 0, inFlightUntil: 0, stoppedBy: 0, lastWordsBy: 0 };

describe('the budgets of a drain', () => {
  it('with the full notice of 120 s', () => {
    expect(planDrain(120_000, policyOf(), GRACE_MS)).toEqual({
      keepServingMs: 25_000,
      inFlightUntil: 83_000,
      stoppedBy: 113_000,
      lastWordsBy: 118_000,
    });
  });

  it('with only 20 s left, each share smaller and none left out', () => {
    expect(planDrain(20_000, policyOf(), GRACE_MS)).toEqual({
      keepServingMs: 8_000,
      inFlightUntil: 12_000,
      stoppedBy: 17_000,
      lastWordsBy: 19_000,
    });
  });

  it('with nothing left, or less, all at once', () => {
    expect(planDrain(0, policyOf(), GRACE_MS)).toEqual(AT_ONCE);
    expect(planDrain(-30_000, policyOf(), GRACE_MS)).toEqual(AT_ONCE);
  });

  it('a short grace leaves its time to the requests in flight', () => {
    const [short, long] = [1_000, 30_000].map((grace) => planDrain(120_000, policyOf(), grace));
    expect((short?.inFlightUntil ?? 0) - (long?.inFlightUntil ?? 0)).toBe(29_000);
    expect(short?.stoppedBy).toBe(long?.stoppedBy);
  });

  it('the policy’s keep-serving time is taken whole when the notice has room, and 0 is none', () => {
    expect(planDrain(120_000, policyOf({ keepServingMs: 40_000 }), GRACE_MS).keepServingMs).toBe(40_000);
    expect(planDrain(120_000, policyOf({ keepServingMs: 0 }), GRACE_MS).keepServingMs).toBe(0);
  });

  it('is in order and inside the deadline, in whole ms, whatever is left', () => {
    const left = fc.integer({ min: -1_000_000, max: 86_400_000 });
    const ms = fc.integer({ min: 0, max: 86_400_000 });
    fc.assert(
      fc.property(left, ms, ms, (remaining, keepServingMs, grace) => {
        const plan = planDrain(remaining, policyOf({ keepServingMs }), grace);
        const moments = [0, plan.keepServingMs, plan.inFlightUntil, plan.stoppedBy, plan.lastWordsBy];
        expect(moments).toEqual([...moments].sort((a, b) => a - b));
        expect(moments.every(Number.isInteger)).toBe(true);
        expect(plan.lastWordsBy).toBeLessThanOrEqual(Math.max(0, remaining));
        expect(plan.keepServingMs).toBeLessThanOrEqual(keepServingMs);
        // A workload that needs its grace gets it, up to a quarter of the notice.
        const share = Math.min(grace, 0.25 * Math.max(0, remaining));
        expect(plan.stoppedBy - plan.inFlightUntil).toBeGreaterThanOrEqual(Math.floor(share) - 1);
      }),
    );
  });

  it('a longer notice never shortens a budget', () => {
    fc.assert(
      fc.property(fc.nat(600_000), fc.nat(600_000), fc.nat(100_000), (a, b, grace) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)].map((ms) => planDrain(ms, policyOf(), grace));
        for (const key of Object.keys(AT_ONCE) as (keyof typeof AT_ONCE)[]) {
          expect(more?.[key]).toBeGreaterThanOrEqual(less?.[key] ?? 0);
        }
      }),
    );
  });
});
