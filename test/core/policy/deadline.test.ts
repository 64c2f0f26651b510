import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adaptive, PlanCache } from '../../../core/policy/deadline/adaptive.js';
import { endsWithin, HazardEstimate, SPOT_STAYS } from '../../../core/policy/deadline/hazard.js';
import {
  greedyJob,
  greedyReturnJob,
  onDemandJob,
  timeSliced,
  uniformProgress,
} from '../../../core/policy/deadline/rules.js';
import { omniscient } from '../../../sim/deadline/omniscient.js';
import { runJob, type Window, windowTicks } from '../../../sim/deadline/run.js';

const HOUR = 3_600_000;
const TICK = 195_000;
const plans = new PlanCache();
const policies = [
  onDemandJob,
  greedyJob,
  greedyReturnJob,
  () => timeSliced(4),
  uniformProgress,
  () => uniformProgress(true),
  () => adaptive(plans),
];

/** Availability made of runs of random lengths, for some zones. */
const runs = (ticks: number) =>
  fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 80 }).map((lengths) => {
    const zone = new Uint8Array(ticks);
    let at = 0;
    lengths.forEach((length, i) => {
      zone.fill(i % 2, Math.min(at, ticks), Math.min(at + length, ticks));
      at += length;
    });
    return zone;
  });

const job = { workMs: 8 * HOUR, deadlineMs: 10 * HOUR, changeoverMs: 0.2 * HOUR, priceRatio: 3 };
const ticks = windowTicks(job, TICK);
const window = (zones: readonly Uint8Array[]): Window => ({ tickMs: TICK, zones });

describe('jobs with deadlines', () => {
  it('miss no deadline and beat no omniscient bound, whatever spot does', () => {
    fc.assert(
      fc.property(fc.array(runs(ticks), { minLength: 1, maxLength: 2 }), (zones) => {
        const bound = omniscient(job, window(zones));
        expect(bound.missed).toBe(false);
        for (const make of policies) {
          const result = runJob(job, window(zones), make());
          expect(result.missed, make().name).toBe(false);
          expect(result.cost, make().name).toBeGreaterThanOrEqual(bound.cost - 1e-9);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('cost the changeover at the price of the new instance', () => {
    const always = window([new Uint8Array(ticks).fill(1)]);
    const never = window([new Uint8Array(ticks)]);
    expect(runJob(job, never, onDemandJob()).cost).toBeCloseTo(3 * 8.2);
    expect(runJob(job, always, greedyJob()).cost).toBeCloseTo(8.2);
    expect(omniscient(job, always).cost).toBeCloseTo(8.2);
    expect(omniscient(job, never).cost).toBeCloseTo(3 * 8.2);
  });

  it('wait for spot as long as the safety net allows, then run on-demand to the end', () => {
    const result = runJob(job, window([new Uint8Array(ticks)]), greedyJob());
    expect(result.onDemandMs).toBeCloseTo(8.2 * HOUR);
    expect(result.changeovers).toBe(1);
    expect(result.finishedMs).toBeLessThanOrEqual(job.deadlineMs);
  });

  it('or go back to spot for the one run that there is still room for', () => {
    // No spot until both are on-demand, then for ever.
    const netMs = job.deadlineMs - job.workMs - 3 * job.changeoverMs;
    const afterNet = new Uint8Array(ticks).fill(1, Math.ceil((netMs + 0.5 * HOUR) / TICK));
    expect(runJob(job, window([afterNet]), greedyJob()).onDemandMs).toBeCloseTo(8.2 * HOUR);
    const back = runJob(job, window([afterNet]), greedyReturnJob());
    expect(back.onDemandMs).toBeLessThan(0.7 * HOUR);
    expect(back.missed).toBe(false);
  });

  it('Uniform Progress stays near its line when there is no spot', () => {
    const result = runJob(job, window([new Uint8Array(ticks)]), uniformProgress());
    expect(result.missed).toBe(false);
    expect(result.changeovers).toBeGreaterThan(1);
  });

  it('its staying kind never stops once it runs on-demand', () => {
    const result = runJob(job, window([new Uint8Array(ticks)]), uniformProgress(true));
    expect(result.changeovers).toBe(1);
    expect(result.onDemandMs).toBeCloseTo(8.2 * HOUR);
  });

  it('the omniscient one moves to another zone for one changeover', () => {
    const half = Math.floor(ticks / 2);
    const first = new Uint8Array(ticks).fill(1, 0, half);
    const second = new Uint8Array(ticks).fill(1, half);
    expect(omniscient(job, window([first, second])).cost).toBeCloseTo(8.4);
  });
});

describe('what is learned of hazards', () => {
  it('grows with losses, falls with long runs, starts at the shape', () => {
    const estimate = new HazardEstimate(SPOT_STAYS);
    expect(estimate.multiplier).toBe(1);
    for (let i = 0; i < 10; i++) estimate.observe(0, 0.1, true);
    expect(estimate.multiplier).toBeGreaterThan(1.2);
    const calm = new HazardEstimate(SPOT_STAYS);
    calm.observe(0, 60, false);
    expect(calm.multiplier).toBeLessThan(0.75);
  });

  it('says that an old run is safer than a young one', () => {
    expect(endsWithin(SPOT_STAYS, 1, 8, 0.2)).toBeLessThan(endsWithin(SPOT_STAYS, 1, 0.1, 0.2));
  });
});
