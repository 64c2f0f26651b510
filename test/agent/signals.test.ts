import { describe, expect, it } from 'vitest';
import { signalSamples } from '../../agent/signals.js';
import { startDrain } from '../../core/drain/drain.js';
import { beginStep, endStep } from '../../core/drain/ledger.js';
import type { NodeState } from '../../core/node/state.js';
import { METRICS } from '../../lambda/telemetry.js';
import { at, policyOf } from '../core/fixtures.js';

const ctx = at(0);
const drain = startDrain(
  {
    instanceId: 'i-0aaaaaaaaaaaaaaaa',
    seat: { slot: 0, generation: 1, rung: 0 },
    cause: 'interruption',
    detectedMs: ctx.wallMs,
    deadlineMs: (ctx.wallMs + 118_500) as typeof ctx.wallMs,
    policy: policyOf({}),
    stopGraceMs: 100,
  },
  ctx,
);
const later = (ms: number) => (ctx.wallMs + ms) as typeof ctx.wallMs;
const ledger = endStep(
  endStep(beginStep(drain.ledger, 'stop', later(20_000), 1_000), 'stop', later(20_500), 'done'),
  'deregister',
  later(300),
  'done',
);

/** Of a node's state, what the signals read. */
const state = (change: Partial<NodeState>): NodeState =>
  ({
    fate: { interruption: null },
    drain: null,
    vacancies: new Map(),
    hearing: { fewSinceMs: null, apart: false },
    counters: { replacementsLaunched: 0 },
    ...change,
  }) as unknown as NodeState;

describe('signals', () => {
  it('of a leave are the figures of its ledger, as soon as they are known', () => {
    const shown = numbers(state({ drain: { ...drain, ledger } }));
    expect(shown).toMatchObject({
      detection_delay_milliseconds: 1_500,
      failover_time_milliseconds: 300,
      drain_time_milliseconds: 20_500,
      drains_cut_total: 0,
      requests_lost_total: 0,
    });
    expect(numbers(state({ drain: { ...drain, ledger: { ...ledger, requestsLost: 5 } } }))).toMatchObject({
      requests_lost_total: 5,
    });
    expect(shown).not.toHaveProperty('replacement_time_milliseconds');
  });

  it('tell launches that failed by their class, and no other calls', () => {
    const shown = numbers(state({}), {
      'launch capacity': 3,
      'launch mismatch': 1,
      'launch ok': 5,
      'putObject throttle': 9,
    });
    expect(shown).toMatchObject({ capacity_missing_total: 3, other_error_total: 1, throttled_total: 0 });
  });

  it("have the names of CloudWatch's metrics", () => {
    const units = /_(total|milliseconds)$/;
    const names = Object.keys(numbers(state({ drain: { ...drain, ledger } }))).map((name) => name.replace(units, ''));
    const known = Object.keys(METRICS).map((name) =>
      name.replaceAll(/\B[A-Z]/g, (letter) => `_${letter}`).toLowerCase(),
    );
    expect(known).toEqual(expect.arrayContaining(names));
  });
});

function numbers(of: NodeState, calls: Readonly<Record<string, number>> = {}): Record<string, number | undefined> {
  return Object.fromEntries(signalSamples(of, calls).map((sample) => [sample.name, sample.values['']]));
}
