import fc from 'fast-check';
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { parseReport, type Report } from '../../../cli/ops/incident/record.js';
import type { PriceBook } from '../../../cli/ops/prices.js';
import { type Life, livesOf } from '../../../cli/ops/savings/lives.js';
import type { Saved } from '../../../cli/ops/savings/read.js';
import { lostWorkOf } from '../../../cli/ops/savings/redone.js';
import { type Facts, savingsOf } from '../../../cli/ops/savings/savings.js';
import { savingsText } from '../../../cli/ops/savings/text.js';
import { beginStep, endStep, openLedger } from '../../../core/drain/ledger.js';
import type { LaunchRecord } from '../../../core/seats/launch-record.js';
import { type HeldSeat, seatName } from '../../../core/seats/seat.js';
import type { Attempt } from '../../../core/tasks/task.js';
import { wallMs } from '../../../core/time.js';
import { EPOCH_MS, seatOf } from '../../core/fixtures.js';
import { idOf, opsNode } from './scene.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Midnight, UTC. */
const FROM = Math.floor(EPOCH_MS / DAY) * DAY;
const NOW = FROM + 3 * DAY;
const SPOT = { instanceType: 'm7g.large', zone: 'us-east-1a', lifecycle: 'spot' } as const;
const OTHER = { instanceType: 'm6g.large', zone: 'us-east-1b', lifecycle: 'spot' } as const;

const BOOK: PriceBook = {
  spot: new Map([
    [
      'm7g.large us-east-1a',
      [
        { fromMs: FROM - DAY, usdPerHour: 0.03 },
        { fromMs: FROM + DAY, usdPerHour: 0.04 },
      ],
    ],
    ['m6g.large us-east-1b', [{ fromMs: FROM, usdPerHour: 0.02 }]],
  ]),
  onDemand: new Map([
    ['m7g.large', 0.1],
    ['m6g.large', 0.08],
  ]),
};

function life(change: Partial<Life> = {}, slot = 0, generation = 1): Life {
  return {
    instanceId: idOf(slot, generation),
    seat: { slot, generation },
    node: SPOT,
    startMs: FROM,
    endMs: FROM + HOUR,
    interrupted: false,
    ...change,
  };
}

const saved = (lives: readonly Life[], change: Partial<Facts> = {}) =>
  savingsOf({
    fromMs: FROM,
    nowMs: NOW,
    lives,
    redone: [],
    prices: BOOK,
    types: ['m7g.large', 'm6g.large'],
    ...change,
  });

describe('what was saved', () => {
  it('is on-demand less spot, by the second', () => {
    const { total } = saved([life({ endMs: FROM + 90_500 })]);
    expect(total.paidUsd).toBeCloseTo((91 * 0.03) / 3_600, 9);
    expect(total.onDemandUsd).toBeCloseTo((90.5 * 0.1) / 3_600, 9);
    expect(total.savedUsd).toBeCloseTo((90.5 * 0.1 - 91 * 0.03) / 3_600, 9);
  });

  it('counts a minute at least, and nothing of a first hour that EC2 cut short', () => {
    expect(saved([life({ endMs: FROM + 1_000 })]).total.paidUsd).toBeCloseTo(0.03 / 60, 9);
    const cut = saved([life({ endMs: FROM + HOUR - 1, interrupted: true })]).total;
    expect(cut).toMatchObject({ paidUsd: 0 });
    expect(cut.freeHours).toBeCloseTo(1, 5);
    expect(cut.savedPercent).toBe(100);
    expect(saved([life({ endMs: FROM + HOUR, interrupted: true })]).total.paidUsd).toBeCloseTo(0.03, 9);
  });

  it('is split at midnight, each part at the prices of its time', () => {
    const { days } = saved([life({ startMs: FROM + DAY - HOUR, endMs: FROM + DAY + HOUR })]);
    expect(days.map(({ day, paidUsd }) => [day, paidUsd?.toFixed(4)])).toEqual([
      ['2026-01-17', '0.0300'],
      ['2026-01-18', '0.0400'],
    ]);
  });

  it('begins with the time that was asked for, whenever the node began', () => {
    const { total } = saved([life({ startMs: FROM - 10 * HOUR, endMs: FROM + 2 * HOUR })]);
    expect(total.hours).toBe(2);
    expect(total.paidUsd).toBeCloseTo(0.06, 9);
  });

  it('of a node that runs goes up to now', () => {
    expect(saved([life({ startMs: NOW - HOUR, endMs: null })]).total).toMatchObject({ hours: 1 });
  });

  it('takes off the time in which a slot was held twice', () => {
    const lives = [life({ endMs: FROM + 2 * HOUR }), life({ startMs: FROM + HOUR, endMs: FROM + 3 * HOUR }, 0, 2)];
    const { total } = saved(lives);
    expect(total).toMatchObject({ hours: 4, overlapHours: 1 });
    expect(total.savedUsd).toBeCloseTo(3 * 0.1 - 4 * 0.03, 9);
  });

  it('other slots do not overlap, and a node without a seat serves none', () => {
    expect(saved([life(), life({}, 1)]).total.overlapHours).toBe(0);
    const { total } = saved([life({ seat: null })]);
    expect(total.overlapHours).toBe(1);
    expect(total.savedUsd).toBeCloseTo(-0.03, 9);
  });

  it('takes off work that was done again, by the part of the node that it took', () => {
    const redone = [{ node: SPOT, atMs: FROM + HOUR, ms: HOUR, share: 0.25 }];
    const { total } = saved([life({ endMs: FROM + 2 * HOUR })], { redone });
    expect(total.redoneHours).toBe(0.25);
    expect(total.redoneUsd).toBeCloseTo(0.025, 9);
    expect(total.savedUsd).toBeCloseTo(0.2 - 0.025 - 0.06, 9);
  });

  it('is nothing of an on-demand node, which costs what it costs', () => {
    const { total } = saved([life({ node: { ...SPOT, lifecycle: 'on-demand' } })]);
    expect(total).toMatchObject({ onDemandHours: 1, paidUsd: 0.1, savedUsd: 0 });
  });

  it('without a price is not guessed', () => {
    const none = saved([life()], { prices: { spot: BOOK.spot, onDemand: new Map() } });
    expect(none.total).toMatchObject({ onDemandUsd: null, savedUsd: null, savedPercent: null });
    expect(none.total.paidUsd).toBeCloseTo(0.03, 9);
    expect(none.withoutOnDemandPrice).toEqual(['m7g.large']);
    const dark = saved([life(), life({ node: OTHER }, 1)], {
      prices: { ...BOOK, spot: new Map([...BOOK.spot].slice(1)) },
    });
    expect(dark.withoutSpotPrice).toEqual([{ pool: 'm7g.large us-east-1a', hours: 1 }]);
    // What has no spot price isn't compared either.
    expect(dark.total.savedUsd).toBeCloseTo(0.06, 9);
  });

  it('is also held against the cheapest type of the spec, where all its prices are known', () => {
    expect(saved([life()]).cheapest).toEqual({ instanceType: 'm6g.large', usd: 0.08 });
    expect(saved([life()], { types: ['m7g.large', 'r7g.large'] }).cheapest).toBeNull();
  });

  it('adds up: days and pools to the total, whatever happened', () => {
    const lives = fc.array(
      fc.record({
        slot: fc.nat(3),
        generation: fc.integer({ min: 1, max: 5 }),
        start: fc.integer({ min: -2 * DAY, max: 3 * DAY }),
        ran: fc.integer({ min: 0, max: 2 * DAY }),
        interrupted: fc.boolean(),
        node: fc.constantFrom(SPOT, OTHER, { ...SPOT, lifecycle: 'on-demand' as const }),
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(lives, (drawn) => {
        const made = drawn.map(({ slot, generation, start, ran, interrupted, node }, i) => {
          const endMs = Math.min(NOW, FROM + start + ran);
          return life(
            { instanceId: `i-${i}`, startMs: Math.min(endMs, FROM + start), endMs, interrupted, node },
            slot,
            generation,
          );
        });
        const { total, days, pools } = saved(made);
        for (const rows of [days, pools]) {
          const sum = (of: (row: (typeof days)[number] | (typeof pools)[number]) => number | null): number =>
            rows.reduce((all, row) => all + (of(row) ?? 0), 0);
          expect(sum(({ hours }) => hours)).toBeCloseTo(total.hours, 6);
          expect(sum(({ paidUsd }) => paidUsd)).toBeCloseTo(total.paidUsd ?? 0, 6);
          expect(sum(({ savedUsd }) => savedUsd)).toBeCloseTo(total.savedUsd ?? 0, 6);
        }
        expect(total.overlapHours).toBeLessThanOrEqual(total.hours + 1e-9);
        // Every moment of a slot counts once: four slots over three days.
        expect(total.hours - total.overlapHours).toBeLessThanOrEqual(4 * 72 + 1e-6);
      }),
      { seed: 20260117, numRuns: 200 },
    );
  });
});

const GONE = wallMs(FROM + 5 * HOUR);

function reportOf(seat: HeldSeat, change: Partial<Report> = {}): Report {
  let ledger = openLedger(idOf(seat.slot, seat.generation), seat, 'interruption', GONE, wallMs(GONE + 120_000));
  ledger = endStep(beginStep(ledger, 'stop', wallMs(GONE + 3_000), 9_000), 'stop', wallMs(GONE + 3_100), 'done');
  ledger = beginStep(ledger, 'last-words', wallMs(GONE + 3_100), 10_000);
  return {
    ...ledger,
    zone: SPOT.zone,
    instanceType: SPOT.instanceType,
    lifecycle: 'spot',
    writtenBy: 'node',
    ...change,
  };
}

const launchOf = (seat: HeldSeat, instanceId = idOf(seat.slot, seat.generation)): [string, LaunchRecord] => [
  seatName(seat),
  { format: 1, seat, instanceId, by: 'agent', launcher: null, atMs: wallMs(FROM) },
];

describe('lives', () => {
  const records = { nowMs: NOW, nodes: [], reports: [], launches: new Map() };

  it('of nodes long gone come from the launch record and the report', () => {
    const seat = seatOf(0, 4);
    const { lives } = livesOf({ ...records, reports: [reportOf(seat)], launches: new Map([launchOf(seat)]) });
    // EC2 takes it at its deadline.
    expect(lives).toEqual([
      { instanceId: idOf(0, 4), seat, node: SPOT, startMs: FROM, endMs: GONE + 120_000, interrupted: true },
    ]);
  });

  it('end with the last words where the node ended itself', () => {
    const seat = seatOf(0, 4);
    const report = reportOf(seat, { cause: 'update', deadlineMs: null });
    const { lives } = livesOf({ ...records, reports: [report], launches: new Map([launchOf(seat)]) });
    expect(lives[0]).toMatchObject({ endMs: GONE + 3_100, interrupted: false });
  });

  it('end when the fallback learnt of it, where the node wrote nothing', () => {
    const seat = seatOf(2, 7);
    const empty = openLedger(idOf(2, 7), seat, 'interruption', GONE, null);
    const written = { ...empty, id: `${idOf(2, 7)}-ended`, ...SPOT, format: 1, writtenBy: 'fallback' };
    const report = parseReport(JSON.stringify(written));
    expect(report).not.toBeNull();
    const reports = report === null ? [] : [report];
    const { lives } = livesOf({ ...records, reports, launches: new Map([launchOf(seat)]) });
    expect(lives[0]).toMatchObject({ endMs: GONE, interrupted: true });
  });

  it("are told by EC2 as long as it shows the node, and its reason outranks the node's", () => {
    const ended = opsNode(0, 1, { state: 'terminated', launchTimeMs: FROM + 5, endedMs: FROM + HOUR });
    const reports = [reportOf(seatOf(0, 1))];
    const of = (endReason: string | null) => livesOf({ ...records, nodes: [{ ...ended, endReason }], reports }).lives;
    expect(of('Server.SpotInstanceTermination')).toMatchObject([
      { startMs: FROM + 5, endMs: FROM + HOUR, interrupted: true },
    ]);
    expect(of('Client.UserInitiatedShutdown')[0]?.interrupted).toBe(false);
    expect(of(null)[0]?.interrupted).toBe(true);
    expect(livesOf({ ...records, nodes: [opsNode(1)] }).lives[0]).toMatchObject({ endMs: null, interrupted: false });
  });

  it('of which a half is missing are named and not guessed', () => {
    const launches = new Map([
      launchOf(seatOf(0, 1)),
      launchOf(seatOf(1, 1), 'i-00000000000000abc'),
      launchOf(seatOf(2)),
    ]);
    const history = livesOf({
      ...records,
      nodes: [opsNode(2)],
      // The second seat's record is of another node: a twin.
      reports: [reportOf(seatOf(1, 1)), reportOf(seatOf(3, 1))],
      launches,
    });
    expect(history.lives.map(({ instanceId }) => instanceId)).toEqual([idOf(2)]);
    expect(history.withoutStart).toEqual([idOf(1), idOf(3)]);
    expect(history.withoutEnd).toEqual([idOf(0), 'i-00000000000000abc'].sort());
  });
});

describe('lost work', () => {
  const attempt = (end: Attempt['end'], change: Partial<Attempt> = {}): Attempt => ({
    fence: 1,
    instanceId: idOf(1),
    ...SPOT,
    startedMs: wallMs(FROM),
    endedMs: wallMs(FROM + HOUR),
    end,
    exitCode: null,
    share: 0.5,
    redoneMs: 60_000,
    ...change,
  });

  it('is what went with a spot node, and not what failed of itself', () => {
    const kept = [attempt('interrupted'), attempt('handed-over'), attempt('lost', { endedMs: null })];
    const others = [attempt('failed'), attempt('done'), attempt('cancelled'), attempt(null)];
    const onDemand = attempt('lost', { lifecycle: 'on-demand' });
    const { redone, silent } = lostWorkOf([...kept, ...others, onDemand, attempt('handed-over', { redoneMs: 0 })]);
    expect(redone.map(({ atMs, ms, share }) => [atMs, ms, share])).toEqual([
      [FROM + HOUR, 60_000, 0.5],
      [FROM + HOUR, 60_000, 0.5],
      [FROM, 60_000, 0.5],
    ]);
    expect(redone[0]?.node).toEqual(SPOT);
    expect(silent).toEqual([FROM]);
  });
});

describe('as text', () => {
  const TEXT = { width: 80, colors: pc.createColors(false), region: 'us-east-1' };
  const whole = (change: Partial<Saved> = {}, lives = [life(), life({ startMs: FROM, node: OTHER }, 1)]): Saved => ({
    ...saved(lives),
    fromMs: FROM,
    toMs: NOW,
    nodes: lives.length,
    withoutStart: [],
    withoutEnd: [],
    lostSilently: 0,
    unreadable: [],
    leftOut: 0,
    unseen: [],
    ...change,
  });

  it('says the sum first, and every line fits', () => {
    const text = savingsText(whole(), 'web', TEXT);
    expect(text.split('\n\n')[0]).toBe(
      'web, 2026-01-17 to 2026-01-20: $0.0500 paid for 2.0 hours of 2 nodes; $0.1300\n(72.2%) less than the $0.1800 that on-demand would have cost.',
    );
    expect(text).toMatch(/2026-01-17 +2\.0 +\$0\.0500 +\$0\.1800 +\$0\.1300 +72/);
    expect(text).toMatch(/m6g\.large 1b/);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('what has no on-demand price is in what was paid, and not in what is compared', () => {
    const lives = [life(), life({ startMs: FROM, node: OTHER }, 1)];
    const prices = { ...BOOK, onDemand: new Map([['m7g.large', 0.1]]) };
    const half = { ...whole({}, lives), ...saved(lives, { prices }) };
    expect(half.total.paidUsd).toBeCloseTo(0.05, 9);
    expect(half.total.comparedPaidUsd).toBeCloseTo(0.03, 9);
    expect(half.total.savedUsd).toBeCloseTo(0.1 - 0.03, 9);
    const text = savingsText(half, 'web', TEXT).replaceAll('\n', ' ');
    expect(text).toContain(
      '$0.0500 paid for 2.0 hours of 2 nodes. Of it $0.0300 can be compared, for types whose on-demand price is known: $0.0700 (70.0%) less than the $0.1000 that on-demand would have cost.',
    );
    expect(text).toContain('where the on-demand price is known; Paid is of all.');
    expect(text).toContain('No on-demand price of m6g.large');
  });

  it('says what is missing', () => {
    const text = savingsText(
      whole({
        withoutStart: [idOf(1), idOf(2)],
        withoutEnd: [idOf(3)],
        unreadable: ['incidents/x.json'],
        leftOut: 3,
        lostSilently: 2,
        unseen: [{ what: 'spot prices', why: 'Denied.' }],
      }),
      'web',
      TEXT,
    );
    expect(text).toContain('Left out: 2 nodes whose launch nobody wrote down');
    expect(text).toContain('Left out: 1 node of which only the launch is known');
    expect(text).toContain('the 3 oldest reports');
    expect(text).toContain('2 executions of tasks went with a node that left no word');
    expect(text).toContain('Not seen: spot prices. Denied.');
  });

  it('says so when nothing is known, and when spot was the dearer choice', () => {
    expect(savingsText(whole({}, []), 'web', TEXT)).toContain('nothing is known of any node');
    const dear = { ...BOOK, onDemand: new Map([['m7g.large', 0.01]]) };
    const text = savingsText({ ...whole({}, [life()]), ...saved([life()], { prices: dear }) }, 'web', TEXT);
    expect(text.replaceAll('\n', ' ')).toContain('$0.0200 more than the $0.0100 that on-demand would have cost');
    expect(text).toContain('-$0.0200');
  });
});
