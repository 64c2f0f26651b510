import { describe, expect, it } from 'vitest';
import { type DrainFacts, hurryDrain, nextDrainDeadlineMs } from '../../../core/drain/drain.js';
import { beginStep, DRAIN_STEPS, endStep, openLedger } from '../../../core/drain/ledger.js';
import { monoMs, NEVER, wallMs } from '../../../core/time.js';
import { at, EPOCH_MS, policyOf, seatOf } from '../fixtures.js';
import { idleAt, Played, startOf } from './played.js';

describe('a drain with a full notice', () => {
  it('asks at once to deregister, and goes on serving', () => {
    const played = new Played(startOf(120_000));
    expect(played.at(0)).toEqual({ deregister: true, stop: null, lastWords: false, done: false });
  });

  it('serves on after the deregistration for as long as the load balancer may send', () => {
    const played = new Played(startOf(120_000));
    played.at(1_000, { targetsLeft: 0, inFlight: 0, inFlightAtMs: monoMs(1_000) });
    expect(played.at(25_999, idleAt(25_999)).stop).toBeNull();
    expect(played.outcome('keep-serving')).toBeNull();
    expect(played.at(26_000, idleAt(26_000)).stop).toBe(113_000 - 26_000);
    expect(played.outcome('keep-serving')).toBe('done');
  });

  it('counts that time from the deregistration, however late it came', () => {
    const played = new Played(startOf(120_000));
    played.at(0);
    played.at(40_000, idleAt(40_000));
    expect(played.at(64_999, idleAt(64_999)).stop).toBeNull();
    expect(played.at(65_000, idleAt(65_000)).stop).not.toBeNull();
  });

  it('waits for requests in flight, and believes only a report made since it waits', () => {
    const played = new Played(startOf(120_000));
    played.at(0, { targetsLeft: 0, inFlight: 0, inFlightAtMs: monoMs(0) });
    expect(played.at(30_000).stop).toBeNull();
    expect(played.at(31_000, { inFlight: 2, inFlightAtMs: monoMs(31_000) }).stop).toBeNull();
    expect(played.at(50_000, idleAt(50_000)).stop).not.toBeNull();
    expect(played.outcome('wait-in-flight')).toBe('done');
  });

  it('stops waiting for requests when their budget is over', () => {
    const played = new Played(startOf(120_000));
    played.at(0, { targetsLeft: 0, inFlight: 9, inFlightAtMs: NEVER });
    played.at(25_000);
    expect(played.at(82_999).stop).toBeNull();
    expect(played.at(83_000).stop).toBe(30_000);
    expect(played.outcome('wait-in-flight')).toBe('out-of-time');
  });

  it('counts as lost what was in flight when the workloads ended, and not what ended in their grace', () => {
    const cut = new Played(startOf(120_000));
    cut.at(0, { targetsLeft: 0, inFlight: 9, inFlightAtMs: NEVER, lastInFlight: 9 });
    cut.at(25_000);
    cut.at(83_000);
    expect(cut.drain.ledger.requestsLost).toBeNull();
    cut.at(90_000, { lastInFlight: 4 });
    cut.at(91_000, { workloadsRunning: false, inFlight: 0 });
    expect(cut.drain.ledger.requestsLost).toBe(4);
    cut.at(92_000, { lastInFlight: 7 });
    expect(cut.drain.ledger.requestsLost).toBe(4);
  });

  it('counts those of a workload that outlasts its time, and none where nobody counted', () => {
    const hanging = new Played(startOf(120_000));
    hanging.at(0, { lastInFlight: 2 });
    hanging.at(113_000);
    expect(hanging.outcome('stop')).toBe('out-of-time');
    expect(hanging.drain.ledger.requestsLost).toBe(2);
    const silent = new Played(startOf(120_000));
    silent.at(0, { targetsLeft: 0, inFlight: null, inFlightAtMs: NEVER, lastInFlight: null });
    silent.at(25_000);
    silent.at(26_000, { workloadsRunning: false });
    expect(silent.outcome('stop')).toBe('done');
    expect(silent.drain.ledger.requestsLost).toBeNull();
  });

  it('does not wait for a number that nobody can know', () => {
    const played = new Played(startOf(120_000));
    played.at(0, { targetsLeft: 0, inFlight: null, inFlightAtMs: NEVER });
    expect(played.at(25_000).stop).not.toBeNull();
    expect(played.outcome('wait-in-flight')).toBe('skipped');
  });

  it('writes its last words when the workload has stopped, and is done when they are written', () => {
    const played = new Played(startOf(120_000));
    played.at(0, idleAt(0));
    played.at(25_000, idleAt(25_000));
    expect(played.at(27_000, { workloadsRunning: false })).toMatchObject({ stop: null, lastWords: true, done: false });
    expect(played.at(27_500, { wordsWritten: true })).toEqual({
      deregister: false,
      stop: null,
      lastWords: false,
      done: true,
    });
  });

  it('tells of the replacement that was asked for, and of none that was not needed', () => {
    const asked = new Played(startOf(120_000));
    asked.at(500, { replacement: 'asked', replacementId: 'i-2' });
    expect(asked.drain.ledger).toMatchObject({ replacement: 'i-2' });
    expect(asked.drain.ledger.steps['request-replacement']).toMatchObject({ outcome: 'done', endedMs: EPOCH_MS + 500 });
    const unneeded = new Played(startOf(null));
    unneeded.at(0, { replacement: 'not-needed' });
    expect(unneeded.outcome('request-replacement')).toBe('skipped');
  });

  it('needs no keep-serving without targets', () => {
    const played = new Played(startOf(120_000));
    const acts = played.at(0, { hasTargets: false, targetsLeft: 0, inFlight: 0, inFlightAtMs: NEVER });
    expect(acts).toMatchObject({ deregister: false, stop: 113_000 });
    expect(played.outcome('deregister')).toBe('skipped');
    expect(played.outcome('keep-serving')).toBe('skipped');
  });

  it('with nothing running is done at once but for its last words', () => {
    const played = new Played(startOf(120_000));
    expect(played.at(0, { hasTargets: false, targetsLeft: 0, workloadsRunning: false })).toMatchObject({
      stop: null,
      lastWords: true,
    });
  });
});

describe('a drain with little or no time', () => {
  it('20 s: the steps shrink and the stop still has its grace', () => {
    const played = new Played(startOf(20_000));
    played.at(0);
    played.at(500, { targetsLeft: 0, inFlightAtMs: NEVER });
    expect(played.at(8_499).stop).toBeNull();
    played.at(8_500);
    expect(played.outcome('keep-serving')).toBe('done');
    expect(played.at(12_000).stop).toBe(5_000);
  });

  it('no time: nothing is waited for, last words are tried all the same', () => {
    for (const noticeMs of [0, -5_000]) {
      const played = new Played(startOf(noticeMs));
      expect(played.at(0)).toEqual({ deregister: true, stop: null, lastWords: true, done: false });
      expect(played.outcome('stop')).toBe('out-of-time');
      expect(played.at(100, { wordsWritten: true }).done).toBe(true);
    }
  });

  it('a target that cannot be deregistered is never left pointing at a stopped workload', () => {
    const played = new Played(startOf(120_000));
    for (let ms = 0; ms <= 130_000; ms += 500) {
      const acts = played.at(ms);
      expect(acts.stop).toBeNull();
      expect(acts.deregister).toBe(true);
    }
    expect(played.acts.done).toBe(true);
  });
});

describe('a drain that nothing forces', () => {
  it('waits for the deregistration, then counts its budgets from there', () => {
    const played = new Played(startOf(null, { policy: policyOf({ drainMs: 60_000 }) }));
    for (let ms = 0; ms < 300_000; ms += 10_000) expect(played.at(ms).stop).toBeNull();
    played.at(300_000, { targetsLeft: 0, inFlight: 1, inFlightAtMs: NEVER });
    expect(played.at(323_999).stop).toBeNull();
    played.at(324_000);
    expect(played.outcome('keep-serving')).toBe('done');
    expect(played.at(324_000, idleAt(324_000)).stop).toBeGreaterThan(0);
  });

  it('waits for the workload to stop, however long it takes', () => {
    const played = new Played(startOf(null, { policy: policyOf({ drainMs: 10_000 }) }));
    played.at(0, { targetsLeft: 0, inFlight: 0, inFlightAtMs: NEVER });
    played.at(4_000);
    expect(played.at(500_000).stop).toBe(0);
    expect(played.outcome('stop')).toBeNull();
    expect(played.at(500_001, { workloadsRunning: false }).lastWords).toBe(true);
  });
});

describe('a notice during a drain', () => {
  it('makes the deadline hard and the budgets fit it', () => {
    const start = startOf(null, { policy: policyOf({ drainMs: 600_000, keepServingMs: 300_000 }) });
    const played = new Played(start);
    played.at(0, { targetsLeft: 0, inFlight: 1, inFlightAtMs: NEVER });
    const deadlineMs = wallMs(EPOCH_MS + 30_000);
    played.drain = hurryDrain(played.drain, 'interruption', deadlineMs, start, at(10_000));
    expect(played.drain.ledger).toMatchObject({ cause: 'interruption', deadlineMs });
    // 20 s are left at 10 s: in flight until 22 s, stopped by 27 s.
    expect(played.at(21_999).stop).toBeNull();
    expect(played.at(22_000).stop).toBe(5_000);
    played.at(27_000);
    expect(played.outcome('stop')).toBe('out-of-time');
  });

  it('keeps what is done already', () => {
    const start = startOf(120_000);
    const played = new Played(start);
    played.at(0, idleAt(0));
    played.at(25_000, idleAt(25_000));
    const before = played.drain.ledger.steps;
    played.drain = hurryDrain(played.drain, 'interruption', wallMs(EPOCH_MS + 40_000), start, at(26_000));
    expect(played.drain.ledger.steps).toEqual(before);
    expect(played.at(26_000).stop).toBeLessThanOrEqual(14_000);
  });
});

describe('the deadlines that a drain names', () => {
  const frozen: readonly (readonly [string, Partial<DrainFacts>])[] = [
    ['nothing ever happens', {}],
    ['deregistered, requests that never end', { targetsLeft: 0, inFlightAtMs: NEVER }],
    ['deregistered, requests that nobody reports', { targetsLeft: 0 }],
    ['deregistered, idle, a workload that never stops', { targetsLeft: 0, inFlight: 0, inFlightAtMs: NEVER }],
    ['nothing runs, words are never written', { targetsLeft: 0, workloadsRunning: false }],
  ];

  it.each(frozen)('wake it often enough to end by its budgets: %s', (_, facts) => {
    for (const noticeMs of [120_000, 20_000, 2_000, 0]) {
      const played = new Played(startOf(noticeMs));
      played.facts = { ...played.facts, ...facts };
      // Last words have 2 s at least.
      expect(played.untilDone(0)).toBeLessThanOrEqual(Math.max(played.drain.plan.lastWordsBy, 0) + 2_500);
    }
  });

  it('are never, once it is done', () => {
    const played = new Played(startOf(0));
    const doneMs = played.untilDone(0);
    expect(nextDrainDeadlineMs(played.drain, { nowMs: monoMs(doneMs) })).toBe(NEVER);
  });
});

describe('the ledger', () => {
  const opened = openLedger('i-1', seatOf(3, 17), 'interruption', wallMs(EPOCH_MS), null);

  it('opens with no step begun', () => {
    expect(opened.id).toBe(`i-1-${EPOCH_MS}`);
    expect(Object.keys(opened.steps)).toEqual([...DRAIN_STEPS]);
    for (const step of DRAIN_STEPS) expect(opened.steps[step]).toMatchObject({ startedMs: null, outcome: null });
  });

  it('a step ends once: what ended stays as it ended', () => {
    const begun = beginStep(opened, 'stop', wallMs(10), 5);
    const ended = endStep(begun, 'stop', wallMs(12), 'done');
    expect(ended.steps.stop).toEqual({ startedMs: 10, endedMs: 12, budgetMs: 5, outcome: 'done' });
    expect(endStep(ended, 'stop', wallMs(99), 'out-of-time')).toBe(ended);
  });

  it('a step that ends without a beginning took no time', () => {
    expect(endStep(opened, 'stop', wallMs(12), 'skipped').steps.stop).toMatchObject({ startedMs: 12, endedMs: 12 });
  });

  it('changes no ledger that others hold', () => {
    endStep(beginStep(opened, 'stop', wallMs(10), null), 'stop', wallMs(11), 'done');
    expect(opened.steps.stop.startedMs).toBeNull();
  });

  it('is plain data', () => {
    const ledger: unknown = JSON.parse(JSON.stringify(opened));
    expect(ledger).toEqual(opened);
  });
});
