import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drainFigures } from '../../../core/drain/figures.js';
import { beginStep, endStep, openLedger } from '../../../core/drain/ledger.js';
import { figuresIn, spotCost } from '../../../core/fallback/figures.js';
import { wallMs } from '../../../core/time.js';

const at = (ms: number) => wallMs(1_700_000_000_000 + ms);
/** Seen two seconds after a notice of 120 s. */
const opened = openLedger(
  'i-0aaaaaaaaaaaaaaaa',
  { slot: 1, generation: 2, rung: 0 },
  'interruption',
  at(0),
  at(118_000),
);
const ledger = endStep(
  endStep(
    endStep(beginStep(opened, 'stop', at(30_000), 20_000), 'deregister', at(400), 'done'),
    'request-replacement',
    at(2_500),
    'done',
  ),
  'stop',
  at(31_000),
  'done',
);

describe('figures of a leave', () => {
  it('count from when the node knew of it, the detection from the notice', () => {
    expect(drainFigures(ledger)).toEqual({
      detectionMs: 2_000,
      failoverMs: 400,
      replacementMs: 2_500,
      drainMs: 31_000,
      cut: false,
      requestsLost: null,
    });
    expect(drainFigures({ ...ledger, requestsLost: 3 })).toMatchObject({ requestsLost: 3 });
  });

  it('are left out where a step was, and where nothing forced the leave', () => {
    const skipped = endStep(opened, 'deregister', at(0), 'skipped');
    expect(drainFigures({ ...skipped, cause: 'update', deadlineMs: null })).toEqual({
      detectionMs: null,
      failoverMs: null,
      replacementMs: null,
      drainMs: null,
      cut: false,
      requestsLost: null,
    });
  });

  it.each(['wait-in-flight', 'stop'] as const)('say when %s ran out of time', (step) => {
    expect(drainFigures(endStep(opened, step, at(90_000), 'out-of-time')).cut).toBe(true);
  });
});

describe('figures in a report', () => {
  it('are those of its ledger', () => {
    const text = JSON.stringify({ format: 1, cluster: 'web', ...ledger, replacement: 'i-0bbbbbbbbbbbbbbbb' });
    expect(figuresIn(text)).toEqual({
      ...drainFigures(ledger),
      cause: 'interruption',
      silent: false,
      replacement: 'i-0bbbbbbbbbbbbbbbb',
    });
    expect(figuresIn(JSON.stringify({ ...opened, writtenBy: 'fallback' }))).toMatchObject({ silent: true });
  });

  it.each(['', '[]', 'null', '{}', '{"cause":7,"detectedMs":1}', '{"cause":"stop","detectedMs":-1}'])(
    '%s is none',
    (text) => expect(figuresIn(text)).toBeNull(),
  );

  it.each([
    [0, 0],
    [7, 7],
    [-1, null],
    [0.5, null],
    ['7', null],
    [2_000_000, null],
    [undefined, null],
  ])('%j requests lost are %j', (requestsLost, counted) => {
    expect(figuresIn(JSON.stringify({ ...ledger, requestsLost }))?.requestsLost).toBe(counted);
  });

  it('are never nonsense, whatever the text holds', () => {
    fc.assert(
      fc.property(fc.json(), fc.dictionary(fc.constantFrom('stop', 'deregister'), fc.jsonValue()), (text, steps) => {
        figuresIn(text);
        const figures = figuresIn(JSON.stringify({ cause: 'stop', detectedMs: 5, deadlineMs: 'x', steps }));
        for (const ms of [figures?.drainMs, figures?.failoverMs]) {
          expect(ms === null || (ms !== undefined && ms >= 0 && ms <= 86_400_000)).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('what spot capacity costs', () => {
  const pool = (zone: string) => ({ instanceType: 'm7g.large', zone });

  it('is the sum over the nodes', () => {
    const prices = [
      { ...pool('a'), usdPerHour: 0.03 },
      { ...pool('b'), usdPerHour: 0.04 },
    ];
    expect(spotCost([pool('a'), pool('a'), pool('b')], prices)).toBeCloseTo(0.1);
    expect(spotCost([], prices)).toBe(0);
  });

  it("isn't told in part", () => {
    expect(spotCost([pool('a'), pool('b')], [{ ...pool('a'), usdPerHour: 0.03 }])).toBeNull();
  });
});
