import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MaintenanceNotice, Notice, NoticeAction, Reading } from '../../../core/interruption/notice.js';
import { expire, type Fate, type FateNews, learn, NO_FATE } from '../../../core/interruption/tracker.js';
import { wallMs } from '../../../core/time.js';
import { at, EPOCH_MS, policyOf } from '../fixtures.js';

const notices = (...list: Notice[]): Reading => ({ type: 'notices', notices: list });
const interruption = (deadlineMs: number, action: NoticeAction = 'terminate'): Notice => ({
  kind: 'interruption',
  action,
  deadlineMs: wallMs(EPOCH_MS + deadlineMs),
});
const rebalance = (timeMs: number): Notice => ({ kind: 'rebalance', noticeTimeMs: wallMs(EPOCH_MS + timeMs) });
const maintenance = (eventId: string, code = 'instance-retirement'): MaintenanceNotice => ({
  kind: 'maintenance',
  eventId,
  code,
  notBeforeMs: wallMs(EPOCH_MS + 86_400_000),
});
const types = (news: readonly FateNews[]): string[] => news.map((n) => n.type);

/** Polls at `[ms, reading]`, with all the news they brought. */
function play(polls: readonly (readonly [number, Reading])[], policy = policyOf()): { fate: Fate; news: FateNews[] } {
  let fate: Fate = NO_FATE;
  const news: FateNews[] = [];
  for (const [ms, reading] of polls) {
    const step = learn(fate, reading, policy, at(ms));
    fate = step.fate;
    news.push(...step.news);
  }
  return { fate, news };
}

describe('interruption notices', () => {
  it('one notice seen at every poll is one piece of news', () => {
    const { fate, news } = play(Array.from({ length: 120 }, (_, s) => [s * 1_000, notices(interruption(120_000))]));
    expect(types(news)).toEqual(['interrupted']);
    expect(fate.interruption?.detectedMs).toBe(EPOCH_MS);
  });

  it('a notice that IMDS forgets again, and tells again, is no news', () => {
    const seen = notices(interruption(120_000));
    expect(
      types(
        play([
          [0, seen],
          [1_000, { type: 'nothing' }],
          [2_000, seen],
        ]).news,
      ),
    ).toEqual(['interrupted']);
  });

  it('an earlier deadline replaces a later one, not the other way round', () => {
    const sooner = play([
      [0, notices(interruption(120_000))],
      [1_000, notices(interruption(60_000))],
    ]);
    expect(types(sooner.news)).toEqual(['interrupted', 'interrupted']);
    expect(sooner.fate.interruption?.notice.deadlineMs).toBe(EPOCH_MS + 60_000);
    expect(sooner.fate.interruption?.detectedMs).toBe(EPOCH_MS);
    const later = play([
      [0, notices(interruption(60_000))],
      [1_000, notices(interruption(120_000))],
    ]);
    expect(types(later.news)).toEqual(['interrupted']);
    expect(later.fate.interruption?.notice.deadlineMs).toBe(EPOCH_MS + 60_000);
  });

  it('hibernation is now, whatever the body says, and once', () => {
    const seen = notices(interruption(120_000, 'hibernate'));
    const { fate, news } = play([
      [5_000, seen],
      [6_000, seen],
    ]);
    expect(types(news)).toEqual(['interrupted']);
    expect(fate.interruption?.notice.deadlineMs).toBe(EPOCH_MS + 5_000);
  });

  it('a notice of an earlier life of the instance is ignored', () => {
    const { fate, news } = play([[600_000, notices(interruption(500_000))]]);
    expect(news).toEqual([]);
    expect(fate.interruption).toBeNull();
  });

  it('a deadline only just over still counts: clocks differ', () => {
    expect(types(play([[600_000, notices(interruption(590_000))]]).news)).toEqual(['interrupted']);
  });

  it('a fresh notice after a stale one counts', () => {
    expect(types(play([[600_000, notices(interruption(0), interruption(720_000))]]).news)).toEqual(['interrupted']);
  });
});

describe('rebalance recommendations', () => {
  const seen = notices(rebalance(0));

  it.each(['pre-warm', 'replace'] as const)('put the node at risk for a while by policy %s', (policy) => {
    const { fate, news } = play(
      [
        [1_000, seen],
        [2_000, seen],
      ],
      policyOf({ rebalance: policy, atRiskMs: 600_000 }),
    );
    expect(types(news)).toEqual(['at-risk']);
    expect(fate.risk).toEqual({ cause: 'rebalance', detectedMs: EPOCH_MS + 1_000, untilMs: EPOCH_MS + 601_000 });
  });

  it('are ignored by policy ignore', () => {
    const { fate, news } = play([[0, seen]], policyOf({ rebalance: 'ignore' }));
    expect(news).toEqual([]);
    expect(fate.risk).toBeNull();
  });

  it('the risk passes at its time, once, not before', () => {
    const { fate } = play([[0, seen]], policyOf({ atRiskMs: 600_000 }));
    expect(expire(fate, at(599_999)).news).toEqual([]);
    const passed = expire(fate, at(600_000));
    expect(types(passed.news)).toEqual(['risk-passed']);
    expect(expire(passed.fate, at(600_001)).news).toEqual([]);
  });

  it('the same recommendation, still listed after the risk passed, is no new risk', () => {
    const policy = policyOf({ atRiskMs: 600_000 });
    const passed = expire(play([[0, seen]], policy).fate, at(600_000)).fate;
    expect(learn(passed, seen, policy, at(601_000)).news).toEqual([]);
  });

  it('a newer recommendation prolongs the risk', () => {
    const policy = policyOf({ atRiskMs: 600_000 });
    const { fate } = play(
      [
        [0, seen],
        [300_000, notices(rebalance(300_000))],
      ],
      policy,
    );
    expect(expire(fate, at(600_000)).news).toEqual([]);
    expect(types(expire(fate, at(900_000)).news)).toEqual(['risk-passed']);
  });

  it('an interruption ends the risk: there is nothing left to pass', () => {
    const { fate } = play([
      [0, seen],
      [1_000, notices(interruption(121_000))],
    ]);
    expect(fate.risk).toBeNull();
    expect(expire(fate, at(10_000_000)).news).toEqual([]);
  });

  it('after an interruption a recommendation is no news', () => {
    expect(
      types(
        play([
          [0, notices(interruption(120_000))],
          [1_000, seen],
        ]).news,
      ),
    ).toEqual(['interrupted']);
  });
});

describe('scheduled maintenance', () => {
  it.each(['instance-stop', 'instance-retirement', 'instance-reboot', 'system-reboot', 'system-maintenance'])(
    '%s puts the node at risk for good',
    (code) => {
      const { fate, news } = play([[0, notices(maintenance('e1', code))]]);
      expect(types(news)).toEqual(['at-risk']);
      expect(expire(fate, at(10_000_000_000)).news).toEqual([]);
    },
  );

  it('a code that is not known to hurt the instance does nothing', () => {
    expect(play([[0, notices(maintenance('e1', 'something-new'))]]).news).toEqual([]);
  });

  it('a recommendation does not shorten the risk of a maintenance', () => {
    const { fate } = play([
      [0, notices(maintenance('e1'))],
      [1_000, notices(rebalance(0))],
    ]);
    expect(fate.risk).toMatchObject({ cause: 'maintenance', untilMs: null });
  });

  it('a list of more events than are remembered is still one piece of news', () => {
    const many = notices(...Array.from({ length: 50 }, (_, i) => maintenance(`e${i}`)));
    const polls = Array.from({ length: 20 }, (_, s) => [s * 1_000, many] as const);
    const { fate, news } = play(polls);
    expect(types(news)).toEqual(['at-risk']);
    expect(fate.seen.length).toBeLessThanOrEqual(32);
  });
});

describe('unclear answers', () => {
  it('are counted and change nothing; a clear one resets the count', () => {
    const unclear: Reading = { type: 'unclear', why: 'status 503' };
    const before = play([
      [0, notices(interruption(120_000))],
      [1_000, unclear],
      [2_000, unclear],
    ]);
    expect(before.fate.unclear).toBe(2);
    expect(before.fate.interruption).not.toBeNull();
    expect(types(before.news)).toEqual(['interrupted', 'unclear', 'unclear']);
    expect(learn(before.fate, { type: 'nothing' }, policyOf(), at(3_000)).fate.unclear).toBe(0);
  });
});

describe('any polls at all', () => {
  const notice = fc.oneof(
    fc
      .tuple(fc.integer({ min: -100, max: 300 }), fc.constantFrom<NoticeAction>('terminate', 'stop', 'hibernate'))
      .map(([s, action]) => interruption(s * 1_000, action)),
    fc.integer({ min: 0, max: 5 }).map((s) => rebalance(s * 1_000)),
    fc.integer({ min: 0, max: 60 }).map((i) => maintenance(`e${i}`)),
  );
  const reading: fc.Arbitrary<Reading> = fc.oneof(
    fc.constant<Reading>({ type: 'nothing' }),
    fc.constant<Reading>({ type: 'unclear', why: 'no answer' }),
    fc.array(notice, { minLength: 1, maxLength: 40 }).map((list) => notices(...list)),
  );

  it('the deadline only ever comes nearer, memory is bounded, and a repeated poll is no news', () => {
    fc.assert(
      fc.property(fc.array(reading, { maxLength: 30 }), (readings) => {
        let fate: Fate = NO_FATE;
        let deadline = Number.POSITIVE_INFINITY;
        readings.forEach((r, s) => {
          const step = learn(fate, r, policyOf(), at(s * 1_000));
          fate = step.fate;
          const known = fate.interruption?.notice.deadlineMs ?? Number.POSITIVE_INFINITY;
          expect(known).toBeLessThanOrEqual(deadline);
          deadline = known;
          expect(fate.seen.length).toBeLessThanOrEqual(32);
          if (fate.interruption !== null) expect(fate.risk).toBeNull();
          if (r.type === 'notices' && r.notices.length <= 32) {
            expect(learn(fate, r, policyOf(), at(s * 1_000 + 500)).news).toEqual([]);
          }
        });
      }),
    );
  });
});
