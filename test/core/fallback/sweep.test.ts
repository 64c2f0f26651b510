import { describe, expect, it } from 'vitest';
import type { NodeView } from '../../../core/cloud.js';
import { planSweep, type SweepFacts } from '../../../core/fallback/sweep.js';
import type { Spec } from '../../../core/spec/spec.js';
import { wallMs } from '../../../core/time.js';
import { policyOf, seatOf } from '../fixtures.js';
import { ago, inShort, NOW, node, sweepFacts } from './scene.js';

const plan = (nodes: readonly NodeView[], change: Partial<SweepFacts> = {}, spec: Partial<Spec> = {}): string[] =>
  inShort(planSweep(sweepFacts(nodes, change, spec)).acts).filter((act) => !act.startsWith('deregister'));

const MINUTE = 60_000;
const well = [node(0), node(1), node(2)];
const twin = (rung: number, launchedMs: number): NodeView => ({
  ...node(0, 1, { launchTimeMs: launchedMs }),
  instanceId: `i-twin-${rung}`,
  seat: seatOf(0, 1, rung),
});

describe('a sweep', () => {
  it('of a cluster that is well does nothing', () => {
    expect(planSweep(sweepFacts(well))).toEqual({
      acts: [],
      waiting: null,
      counts: { desired: 3, empty: 0, serving: 3, onDemand: 0, surplus: 0, apart: 0 },
    });
  });

  it('fills empty seats: of nobody, of the ended, of those that leave', () => {
    const nodes = [node(0, 1, { state: 'terminated' }), node(1, 4, { phase: 'drained' })];
    expect(plan(nodes)).toEqual(['need 0.2', 'need 1.5', 'need 2.1']);
  });

  it('counts nodes whose gossip hears at most half of those that serve, by what EC2 shows', () => {
    const apart = (...nodes: NodeView[]): number => planSweep(sweepFacts(nodes, {}, { desired: 6 })).counts.apart;
    const hearing = (slot: number, hears: number | null, change: Partial<NodeView> = {}) =>
      node(slot, 1, { hears, ...change });
    // One is cut off; what the others hear of is enough.
    expect(apart(...[0, 1, 2, 3, 4].map((slot) => hearing(slot, null)), hearing(5, 1))).toBe(1);
    // Halves.
    expect(apart(...[0, 1, 2, 3, 4, 5].map((slot) => hearing(slot, 3)))).toBe(6);
    // Few because there are few: half of the cluster is gone.
    expect(apart(...[0, 1, 2].map((slot) => hearing(slot, 3)))).toBe(0);
    expect(apart(hearing(0, 1), hearing(1, null), hearing(2, 1, { state: 'terminated' }))).toBe(1);
    expect(apart(hearing(0, 1), hearing(1, null, { phase: 'draining' }))).toBe(0);
  });

  it('of ten thousand nodes is a matter of milliseconds, and its acts are bounded', () => {
    const many = Array.from({ length: 10_000 }, (_, slot) =>
      node(slot, 1, slot % 2 === 0 ? { state: 'terminated' } : {}),
    );
    const startedMs = performance.now();
    const { acts, counts } = planSweep(sweepFacts(many, {}, { desired: 10_000 }));
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    expect(counts).toMatchObject({ empty: 5_000, serving: 5_000 });
    expect(acts).toHaveLength(50);
  });

  it('lets nodes boot', () => {
    const booting = node(0, 2, { phase: null, launchTimeMs: ago(5 * MINUTE) });
    expect(plan([booting, node(1), node(2)])).toEqual([]);
  });

  it('ends and replaces a node that never came to serve, unless the load balancer says that it does', () => {
    const silent = node(0, 2, { phase: null, launchTimeMs: ago(11 * MINUTE) });
    const nodes = [silent, node(1), node(2)];
    expect(plan(nodes)).toEqual(['end i-0-2 never-served', 'need 0.3']);
    const healthy = { instanceId: 'i-0-2', port: 8080, healthy: true };
    expect(plan(nodes, { targets: [healthy] })).toEqual([]);
    expect(plan(nodes, { targets: [{ ...healthy, healthy: false }] })).toContain('end i-0-2 never-served');
    expect(plan(nodes, { targets: null })).toEqual([]);
  });

  it('takes no more than a quarter for its own mistake', () => {
    const silent = Array.from({ length: 8 }, (_, slot) => node(slot, 1, { phase: null }));
    const ends = plan(silent, {}, { desired: 8 }).filter((act) => act.startsWith('end'));
    expect(ends).toHaveLength(2);
  });

  it('replaces a node whose status checks fail, and ends it when the successor serves or it lasts', () => {
    const impaired = (sinceMs: number | null) => ({
      impaired: [{ instanceId: 'i-0-1', sinceMs: sinceMs === null ? null : wallMs(sinceMs) }],
    });
    expect(plan(well, impaired(null))).toEqual(['need 0.2']);
    expect(plan(well, impaired(ago(MINUTE)))).toEqual(['need 0.2']);
    expect(plan(well, impaired(ago(6 * MINUTE)))).toEqual(['end i-0-1 impaired', 'need 0.2']);
    expect(plan([...well, node(0, 2)], impaired(null))).toEqual(['end i-0-1 impaired']);
  });

  it('leaves twins to themselves at first, then ends the one that loses', () => {
    const twins = (ms: number) => [node(1), node(2), twin(0, ago(60 * MINUTE)), twin(2, ago(ms))];
    expect(plan(twins(MINUTE))).toEqual([]);
    expect(plan(twins(6 * MINUTE))).toEqual(['end i-twin-2 twin']);
  });

  it('leaves an older generation to its agent for long', () => {
    const older = (launchedMs: number) => [...well, node(0, 2, { launchTimeMs: launchedMs })];
    expect(plan(older(ago(30 * MINUTE)))).toEqual([]);
    expect(plan(older(ago(60 * MINUTE)))).toEqual(['end i-0-1 superseded']);
    expect(plan([...well, node(0, 2, { phase: 'draining', launchTimeMs: ago(60 * MINUTE) })])).toEqual([]);
  });

  it('ends what is beyond the spec when its agents had their time and everything wanted serves', () => {
    const nodes = [...well, node(3)];
    expect(plan(nodes)).toEqual(['end i-3-1 scale-in']);
    expect(plan(nodes, { wishChangedMs: wallMs(ago(MINUTE)) })).toEqual([]);
    expect(plan([node(0), node(1), node(2, 1, { phase: null, launchTimeMs: ago(MINUTE) }), node(3)])).toEqual([]);
  });

  it('ends stopped nodes whose seat is held, and what has no seat', () => {
    expect(plan([...well, node(0, 3, { state: 'stopped' })])).toEqual(['end i-0-3 stopped']);
    expect(plan([node(1), node(2), node(0, 3, { state: 'stopped' })])).toEqual(['need 0.4']);
    expect(plan([...well, { ...node(0, 9), seat: null }])).toEqual(['end i-0-9 no-seat']);
  });

  it('deregisters the ended ones of the cluster, and nobody else', () => {
    const targets = ['i-0-0', 'i-0-1', 'i-else'].map((instanceId) => ({ instanceId, port: 8080, healthy: false }));
    const nodes = [...well, node(0, 0, { state: 'terminated' })];
    expect(inShort(planSweep(sweepFacts(nodes, { targets })).acts)).toEqual(['deregister i-0-0']);
  });
});

describe('while voluntary acts wait', () => {
  const slim = { desired: 2 };
  it('a node beyond the wish is left alone, unless all are to go', () => {
    expect(plan(well, {}, slim)).toEqual(['end i-2-1 scale-in']);
    expect(plan(well, {}, { ...slim, policy: policyOf({ paused: true }) })).toEqual([]);
    const over = policyOf({ paused: true, pausedUntilMs: wallMs(1) });
    expect(plan(well, {}, { ...slim, policy: over })).toEqual(plan(well, {}, slim));
    expect(plan(well, {}, { desired: 0, policy: policyOf({ paused: true }) })).toHaveLength(3);
    expect(plan([node(0), node(1), node(2, 1, { waiting: 'scale-in: a task' })], {}, slim)).toEqual([]);
  });
});

describe('the return to spot', () => {
  const dear = (slot: number, change: Partial<NodeView> = {}) => node(slot, 1, { lifecycle: 'on-demand', ...change });
  const launchOf = (change: Partial<Spec['launch']>) => ({ launch: { ...sweepFacts([]).spec.launch, ...change } });

  it('is one seat a run, the one that was on-demand for longest', () => {
    const nodes = [dear(0), dear(1, { launchTimeMs: NOW - 7 * 86_400_000 }), node(2)];
    expect(plan(nodes)).toEqual(['return 1.2']);
  });

  it('waits until everything serves, nothing is on its way, and time has passed', () => {
    expect(plan([dear(0), node(1), node(2, 1, { phase: null, launchTimeMs: ago(MINUTE) })])).toEqual([]);
    expect(plan([dear(0), node(1), node(2), node(2, 2, { phase: null, launchTimeMs: ago(MINUTE) })])).toEqual([]);
    expect(plan([dear(0, { launchTimeMs: ago(29 * MINUTE) }), node(1), node(2)])).toEqual([]);
  });

  it('waits while the policy has paused it, or a node holds an act back, and says so', () => {
    const nodes = [dear(0), node(1), node(2)];
    const paused = planSweep(sweepFacts(nodes, {}, { policy: policyOf({ paused: true }) }));
    expect(paused).toMatchObject({ acts: [], waiting: 'The policy of the cluster has paused the return to spot.' });
    const held = planSweep(sweepFacts([dear(0), node(1, 1, { waiting: 'scale-in: why' }), node(2)]));
    expect(held).toMatchObject({ acts: [], waiting: 'Node i-1-1 waits: scale-in: why' });
  });

  it("asks the Banker's rule: a spot node in the only pool isn't worth the base's safety", () => {
    const pools = sweepFacts([]).spec.launch.pools.slice(0, 1);
    const nodes = [dear(0), dear(1), node(2), node(3)];
    const change = { desired: 4, ...launchOf({ onDemandBase: 1, pools }) };
    expect(planSweep(sweepFacts(nodes, {}, change)).waiting).toBeNull();
    const base = { desired: 4, ...launchOf({ onDemandBase: 2, pools }) };
    const moved = [dear(0), node(1), node(2), dear(3)];
    expect(planSweep(sweepFacts(moved, {}, base)).waiting).toContain('If i-3-1 gave way to a spot node');
  });

  it('leaves the on-demand base, and a cluster that is on-demand by wish', () => {
    expect(plan([dear(0), node(1), node(2)], {}, launchOf({ onDemandBase: 1 }))).toEqual([]);
    expect(plan([dear(0), node(1), node(2)], {}, launchOf({ onDemandAfter: 0 }))).toEqual([]);
    expect(plan([dear(0), node(1), node(2)], {}, launchOf({ onDemandAfter: null }))).toEqual(['return 0.2']);
  });
});
