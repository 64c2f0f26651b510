import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Drain,
  type DrainActs,
  type DrainFacts,
  hurryDrain,
  startDrain,
  stepDrain,
} from '../../../core/drain/drain.js';
import { DRAIN_STEPS, type DrainStep } from '../../../core/drain/ledger.js';
import { monoMs, wallMs } from '../../../core/time.js';
import { at, EPOCH_MS } from '../fixtures.js';
import { idleAt, Played, startOf } from './played.js';

describe('any facts at all', () => {
  const anyFacts = fc.record({
    peersTold: fc.boolean(),
    replacement: fc.constantFrom('not-needed' as const, 'pending' as const, 'asked' as const),
    replacementId: fc.constantFrom(null, 'i-2'),
    targetsLeft: fc.constantFrom(0, 0, 1, 2),
    hasTargets: fc.boolean(),
    inFlight: fc.constantFrom(null, 0, 1, 50),
    inFlightAgeMs: fc.constantFrom(0, 300, 100_000),
    lastInFlight: fc.constantFrom(null, 0, 1, 50),
    workloadsRunning: fc.boolean(),
    wordsWritten: fc.boolean(),
  });
  const moments = fc.array(fc.tuple(fc.integer({ min: 1, max: 15_000 }), anyFacts), { minLength: 1, maxLength: 40 });

  const check = (
    noticeMs: number | null,
    hurry: readonly [number, number] | null,
    script: readonly (readonly [number, { readonly inFlightAgeMs: number } & Omit<DrainFacts, 'inFlightAtMs'>])[],
  ): void => {
    const start = startOf(noticeMs);
    let drain = startDrain(start, at(0));
    let now = 0;
    let wasDone = false;
    script.forEach(([stepMs, { inFlightAgeMs, ...facts }], i) => {
      now += stepMs;
      if (hurry !== null && hurry[0] === i) {
        drain = hurryDrain(drain, 'interruption', wallMs(EPOCH_MS + now + hurry[1]), start, at(now));
      }
      const before = drain.ledger.steps;
      const inFlightAtMs = monoMs(Math.max(0, now - inFlightAgeMs));
      const result = stepDrain(drain, { ...facts, inFlightAtMs }, at(now));
      drain = result.drain;
      expectSound(before, drain, result.acts, now);
      if (wasDone) expect(result.acts.done).toBe(true);
      wasDone = result.acts.done;
    });
  };

  it('a stop is never asked before the deregistration is done and served out, and nothing is undone', () => {
    const notice = fc.constantFrom(null, 120_000, 60_000, 20_000, 5_000, 0);
    const hurry = fc.option(fc.tuple(fc.nat(20), fc.constantFrom(120_000, 20_000, 0, -1_000)));
    fc.assert(fc.property(notice, hurry, moments, check), { numRuns: 1_000 });
  });

  function expectSound(before: Drain['ledger']['steps'], drain: Drain, acts: DrainActs, now: number): void {
    const { steps } = drain.ledger;
    const over = (step: DrainStep): boolean => steps[step].outcome !== null;
    const elapsed = now - drain.startedMs;
    for (const step of DRAIN_STEPS) {
      const { startedMs, endedMs, outcome } = steps[step];
      if (before[step].outcome !== null) expect(steps[step]).toEqual(before[step]);
      expect(endedMs === null).toBe(outcome === null);
      if (endedMs !== null) expect(endedMs).toBeGreaterThanOrEqual(startedMs ?? Number.POSITIVE_INFINITY);
    }
    expect(acts.deregister).toBe(!over('deregister'));
    if (acts.stop !== null) {
      expect(over('deregister') && over('keep-serving') && over('wait-in-flight')).toBe(true);
      expect(over('stop')).toBe(false);
      expect(Number.isInteger(acts.stop) && acts.stop >= 0).toBe(true);
      if (drain.hard) expect(elapsed + acts.stop).toBeLessThanOrEqual(drain.plan.stoppedBy);
    }
    if (over('last-words')) expect(acts.done && over('stop')).toBe(true);
    if (!drain.hard) {
      expect(steps.stop.outcome).not.toBe('out-of-time');
      return;
    }
    if (over('deregister') && elapsed >= drain.plan.inFlightUntil) {
      expect(over('keep-serving') && over('wait-in-flight')).toBe(true);
    }
    if (elapsed >= drain.plan.stoppedBy) expect(over('stop')).toBe(true);
    const words = steps['last-words'];
    if (words.startedMs !== null && EPOCH_MS + now >= words.startedMs + (words.budgetMs ?? 0))
      expect(acts.done).toBe(true);
  }

  it('keep-serving is honoured: targets that were there are served on for their time, unless the deadline forbids', () => {
    fc.assert(
      fc.property(fc.constantFrom(null, 120_000, 60_000, 20_000), fc.nat(30_000), (noticeMs, deregisteredMs) => {
        const played = new Played(startOf(noticeMs));
        played.at(0);
        let stopAt: number | null = null;
        for (let ms = deregisteredMs; stopAt === null && ms < 400_000; ms += 250) {
          if (played.at(ms, idleAt(ms)).stop !== null) stopAt = ms;
          if (played.acts.done || played.outcome('stop') !== null) break;
        }
        const { keepServingMs, inFlightUntil } = played.drain.plan;
        const wish = Math.min(deregisteredMs + keepServingMs, Math.max(deregisteredMs, inFlightUntil));
        if (stopAt !== null) expect(stopAt).toBeGreaterThanOrEqual(wish);
        else expect(deregisteredMs).toBeGreaterThanOrEqual(played.drain.plan.stoppedBy);
      }),
    );
  });
});
