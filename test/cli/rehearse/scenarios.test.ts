import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { marketPlan } from '../../../cli/rehearse/market.js';
import { describeAct } from '../../../cli/rehearse/plan.js';
import { readScript } from '../../../cli/rehearse/script.js';
import { checkTogether, defaultFromMs, parseTrace, tracePlan } from '../../../cli/rehearse/trace.js';
import { UserError } from '../../../cli/user-error.js';
import { seededRng } from '../../../core/rng.js';

const NONE = { kill: [], interrupt: [], rebalance: [], reclaimZone: [], partition: [] };
const CONTEXT = { nodes: 6, zones: ['us-east-1a', 'us-east-1b', 'us-east-1c'], announced: true };

describe('scripts', () => {
  it('reads each kind', () => {
    const acts = readScript(
      {
        kill: ['2@10s'],
        interrupt: ['3,4@15s'],
        rebalance: ['1@5s'],
        reclaimZone: ['b@20s'],
        partition: ['0,1|2,3,4,5@10s+15s'],
      },
      CONTEXT,
    );
    expect(acts).toEqual([
      { atMs: 10_000, act: { type: 'kill', slots: [2] } },
      { atMs: 15_000, act: { type: 'interrupt', slots: [3, 4], announced: true } },
      { atMs: 5_000, act: { type: 'rebalance', slots: [1] } },
      { atMs: 20_000, act: { type: 'reclaim-zone', zone: 'us-east-1b', announced: true } },
      {
        atMs: 10_000,
        act: {
          type: 'partition',
          groups: [
            [0, 1],
            [2, 3, 4, 5],
          ],
        },
      },
      { atMs: 25_000, act: { type: 'heal' } },
    ]);
    for (const { act } of acts) expect(describeAct(act).length).toBeGreaterThan(5);
  });

  it.each([
    ['kill', '6@10s', '"6" is no slot; slots are numbers from 0 to 5'],
    ['kill', '2', 'write it like --kill 2@10s'],
    ['kill', '2@10', 'write it like --kill 2@10s'],
    ['kill', '2@10s+3s', 'write it like --kill 2@10s'],
    ['interrupt', '-1@10s', '"-1" is no slot'],
    ['interrupt', 'x@10s', '"x" is no slot'],
    ['interrupt', '1@30d', 'is too late'],
    ['reclaimZone', 'z@20s', 'but the zones are us-east-1a'],
    ['partition', '0,1@10s+15s', '2 to 8 groups'],
    ['partition', '0,1|1,2@10s+15s', 'puts slot 1 into two groups'],
    ['partition', '0|1@10s', 'write it like --partition'],
  ])('refuses --%s %s', (flag, text, complaint) => {
    const read = () => readScript({ ...NONE, [flag]: [text] }, CONTEXT);
    expect(read).toThrow(UserError);
    expect(read).toThrow(complaint);
  });
});

describe('the market', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(marketPlan(6, 20_000, true, seededRng(1))).toEqual(marketPlan(6, 20_000, true, seededRng(1)));
    expect(marketPlan(6, 20_000, true, seededRng(1))).not.toEqual(marketPlan(6, 20_000, true, seededRng(2)));
  });

  it('has a pair and a recommendation, never hits a slot that is just being replaced, and ends within 30 s', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 50 }), (seed, nodes) => {
        const plan = marketPlan(nodes, 20_000, true, seededRng(seed));
        expect(plan.length).toBeGreaterThan(0);
        const hit = new Map<number, number>();
        for (const { atMs, act } of plan) {
          expect(atMs).toBeLessThanOrEqual(30_000);
          if (act.type !== 'interrupt' && act.type !== 'rebalance') throw new Error(act.type);
          for (const slot of act.slots) {
            expect(slot).toBeLessThan(nodes);
            expect(atMs).toBeGreaterThanOrEqual(hit.get(slot) ?? 0);
            hit.set(slot, atMs + 20_000);
          }
        }
        if (nodes < 6) return;
        expect(plan.some(({ act }) => act.type === 'interrupt' && act.slots.length === 2)).toBe(true);
        expect(plan.some(({ act }) => act.type === 'rebalance')).toBe(true);
      }),
    );
  });
});

const trace = (data: unknown, gap: unknown = 30): string => JSON.stringify({ metadata: { gap_seconds: gap }, data });

describe('traces', () => {
  it('reads the zone from the name and the rest from the file', () => {
    const read = parseTrace('/somewhere/4-node/us-east-1f_v100_1.json', trace([4, 4, 1]));
    expect(read).toMatchObject({ zone: 'us-east-1f', machine: 'v100_1', gapMs: 30_000, most: 4 });
  });

  it.each([
    ['us-east-1f_x.json', 'hello', 'not JSON'],
    ['us-east-1f_x.json', '[]', 'gap_seconds'],
    ['us-east-1f_x.json', 'null', 'gap_seconds'],
    ['us-east-1f_x.json', trace([1, 2], 0), 'gap_seconds'],
    ['us-east-1f_x.json', trace('1,2'), 'data must be a list'],
    ['us-east-1f_x.json', trace([1]), 'data must be a list'],
    ['us-east-1f_x.json', trace([1, -1]), 'data[1] is -1'],
    ['us-east-1f_x.json', trace([1, 'a']), 'data[1] is "a"'],
    ['us-east-1f_x.json', trace([0, 0]), 'no node could ever run'],
    ['package.json', trace([1, 0]), "doesn't tell its zone"],
  ])('refuses %s holding %s', (file, text, complaint) => {
    expect(() => parseTrace(file, text)).toThrow(UserError);
    expect(() => parseTrace(file, text)).toThrow(complaint);
    expect(() => parseTrace(file, text)).toThrow(file);
  });

  it('never throws anything but a UserError', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        try {
          parseTrace('us-east-1f_x.json', text);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
    );
  });

  it('turns steps into capacity, as a share of the nodes that a zone holds', () => {
    const read = parseTrace('us-east-1f.json', trace([4, 4, 3, 0, 4]));
    const plan = tracePlan([read], { fromMs: 0, forMs: 120_000, speed: 30 }, 4, true);
    expect(plan.atStart).toEqual([{ zone: 'us-east-1f', nodes: null }]);
    expect(plan.acts.map(({ atMs, act }) => [atMs, act.type === 'capacity' ? act.nodes : act])).toEqual([
      [2_000, 3],
      [3_000, 0],
      [4_000, null],
    ]);
    expect(plan.lengthMs).toBe(4_000);
    const half = tracePlan([read], { fromMs: 0, forMs: 120_000, speed: 30 }, 2, true);
    expect(half.acts.map(({ act }) => (act.type === 'capacity' ? act.nodes : act))).toEqual([1, 0, null]);
  });

  it('starts a moment before the first loss of a calm time', () => {
    const a = parseTrace('us-east-1a.json', trace([0, 1, 0, 1, 1, 1, 0, 1]));
    const b = parseTrace('us-east-1b.json', trace([0, 0, 0, 1, 1, 1, 1, 1]));
    expect(defaultFromMs([a, b], 10)).toBe(6 * 30_000 - 30_000);
    expect(() => defaultFromMs([parseTrace('us-east-1a.json', trace([1, 1]))], 10)).toThrow('Nothing is ever lost');
  });

  it('refuses a part without a loss, a start behind the end, and zones that cannot be one cluster', () => {
    const a = parseTrace('us-east-1a.json', trace([1, 1, 1, 0]));
    expect(() => tracePlan([a], { fromMs: 0, forMs: 60_000, speed: 1 }, 2, true)).toThrow('Nothing is lost');
    expect(() => tracePlan([a], { fromMs: 10 ** 9, forMs: 60_000, speed: 1 }, 2, true)).toThrow('behind the end');
    const west = parseTrace('us-west-2a.json', trace([1, 0]));
    expect(() => checkTogether([a, west])).toThrow('a cluster has one Region');
    expect(() => checkTogether([a, a])).toThrow('both of us-east-1a');
  });
});
