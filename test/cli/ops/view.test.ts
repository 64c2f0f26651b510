import fc from 'fast-check';
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { statusJson } from '../../../cli/ops/status-json.js';
import { statusText } from '../../../cli/ops/status-text.js';
import { policyOf, TARGET_GROUP } from '../../core/fixtures.js';
import { answersOf, idOf, kinds, NOW_MS, opsNode, target, view } from './scene.js';

const WIDE_POOLS = [opsNode(0), opsNode(1, 1, { instanceType: 'm6g.large' }), opsNode(2, 1, { zone: 'us-east-1b' })];

describe('the view of a cluster', () => {
  it('of a well one: every slot serves, prices are summed, nothing is amiss', () => {
    const seen = view(WIDE_POOLS);
    expect(seen.slots.map(({ state }) => state)).toEqual(['serving', 'serving', 'serving']);
    expect(seen.spot).toBe(3);
    expect(seen.spotUsdPerHour).toBeCloseTo(0.07);
    expect(seen.pools.map(({ spot }) => spot)).toEqual([1, 1, 1]);
    expect(seen.workloads).toEqual([
      { name: 'api', kind: 'process', copies: null, healthy: 3, registered: 3, hasTargets: true },
    ]);
    expect(seen.concerns).toEqual([]);
  });

  it('an empty slot tells since when, and how far its launches have come', () => {
    const gone = opsNode(1, 4, { state: 'terminated', endedMs: NOW_MS - 90_000 });
    const hints = new Map([[1, { slot: 1, generation: 5, rung: 2 }]]);
    const seen = view([opsNode(0), gone, opsNode(2, 1, { zone: 'us-east-1b' })], { hints });
    expect(seen.slots[1]).toMatchObject({ state: 'empty', emptySinceMs: NOW_MS - 90_000, hint: { rung: 2 } });
    expect(seen.concerns[0]).toMatchObject({ level: 'down', kind: 'empty-seat', slots: [1] });
    expect(seen.concerns[0]?.text).toBe(
      'Slot 1 is empty for 1m; 2 launches of seat 1.5 came to nothing, the next is on-demand.',
    );
    expect(seen.ended.map(({ instanceId }) => instanceId)).toEqual([idOf(1, 4)]);
  });

  it('a node that runs and is not healthy, with AWS’s words; one that is not registered', () => {
    const nodes = WIDE_POOLS;
    const targets = [
      target(opsNode(0), 'unhealthy', 'Health checks failed with these codes: [500]'),
      target(opsNode(1)),
    ];
    const seen = view(nodes, { groups: [{ arn: TARGET_GROUP, targets }] });
    expect(seen.nodes.map(({ condition }) => condition)).toEqual(['unhealthy', 'serving', 'unhealthy']);
    expect(seen.concerns.map(({ text }) => text)).toEqual([
      `Slot 0, ${idOf(0)}, runs and isn't healthy: Health checks failed with these codes: [500].`,
      `Slot 2, ${idOf(2)}, runs and isn't healthy: not registered.`,
    ]);
  });

  it('a group that did not answer says nothing about nodes', () => {
    const seen = view(WIDE_POOLS, { groups: [], unseen: [{ what: 'target group web', why: 'denied' }] });
    expect(kinds(seen)).toEqual([]);
    expect(seen.workloads[0]).toMatchObject({ healthy: 0, registered: 0 });
  });

  it.each<[string, Parameters<typeof view>, string[]]>([
    ['nothing serves', [[opsNode(0, 1, { phase: 'drained' })], {}, { desired: 1 }], ['nothing-serves', 'leaving']],
    [
      'a boot that lasts',
      [[...WIDE_POOLS.slice(0, 2), opsNode(2, 1, { phase: null })]],
      ['stuck-boot', 'largest-pool', 'starting'],
    ],
    [
      'a boot',
      [[...WIDE_POOLS.slice(0, 2), opsNode(2, 1, { phase: null, launchTimeMs: NOW_MS - 1_000 })]],
      ['largest-pool', 'starting'],
    ],
    ['twins', [[...WIDE_POOLS, opsNode(2, 1, { instanceId: 'i-twin', zone: 'us-east-1b' })]], ['twins']],
    ['a spare', [[...WIDE_POOLS, opsNode(0, 2, { zone: 'us-east-1b' })]], ['spare']],
    ['a node without a seat', [[...WIDE_POOLS, opsNode(9, 1, { seat: null })]], ['no-seat']],
    [
      'a node cut off from the gossip',
      [[...WIDE_POOLS.slice(0, 2), opsNode(2, 1, { hears: 1, zone: 'us-east-1b' })]],
      ['parted'],
    ],
    ['one pool', [[opsNode(0), opsNode(1), opsNode(2)]], ['largest-pool']],
    ['one on-demand', [[...WIDE_POOLS.slice(0, 2), opsNode(2, 1, { lifecycle: 'on-demand' })]], ['on-demand']],
    [
      'an older template',
      [[...WIDE_POOLS.slice(0, 2), opsNode(2, 1, { templateVersion: 2, zone: 'us-east-1b' })]],
      ['update'],
    ],
    [
      'an act held back',
      [[...WIDE_POOLS.slice(0, 2), opsNode(2, 1, { waiting: 'Too few would serve.', zone: 'us-east-1b' })]],
      ['unsafe'],
    ],
    ['a pause', [WIDE_POOLS, {}, { policy: policyOf({ paused: true }) }], ['paused']],
    ['beyond what is wanted', [[...WIDE_POOLS, opsNode(3, 1, { zone: 'us-east-1b' })]], ['scale-in']],
  ])('%s', (_, [nodes, change, spec], expected) => {
    expect(kinds(view(nodes, change, spec))).toEqual(expected);
  });

  it('the loss of a pool is judged by the same rule as every act', () => {
    const [loss] = view([opsNode(0), opsNode(1), opsNode(2, 1, { zone: 'us-east-1b' })]).concerns;
    expect(loss?.text).toBe(
      'The loss of 2 spot nodes in one pool, m7g.large in us-east-1a, would leave 1 of 3 seats served, and 2 must be.',
    );
    expect(kinds(view([opsNode(0), opsNode(1, 1, { lifecycle: 'on-demand' }), opsNode(2)]))).toContain('largest-pool');
  });

  it('gossip that is parted names its nodes and what they hear', () => {
    const [parted] = view(
      [WIDE_POOLS[0], WIDE_POOLS[1], opsNode(2, 1, { hears: 1, zone: 'us-east-1b' })].flatMap((one) => one ?? []),
    ).concerns;
    expect(parted).toMatchObject({ level: 'risk', kind: 'parted', nodes: [idOf(2)], slots: [2] });
    expect(parted?.text).toContain(`Gossip is parted: ${idOf(2)} hears 0 others. It needs UDP and TCP 7946`);
  });

  it('an update waits for an empty slot, and says so', () => {
    const seen = view([opsNode(0, 1, { templateVersion: 2 }), opsNode(1, 1, { instanceType: 'm6g.large' })]);
    expect(seen.concerns.find(({ kind }) => kind === 'update')?.text).toContain(
      'It waits until every slot serves (slot 2).',
    );
  });

  it('whatever EC2 shows, every node and slot is told once, in text and in JSON', () => {
    const node = fc.record({
      slot: fc.nat(5),
      generation: fc.integer({ min: 1, max: 3 }),
      state: fc.constantFrom('pending', 'running', 'shutting-down', 'terminated', 'stopped', 'stopping'),
      phase: fc.constantFrom(null, 'serving', 'draining', 'drained'),
      lifecycle: fc.constantFrom('spot', 'on-demand'),
    });
    fc.assert(
      fc.property(fc.array(node, { maxLength: 20 }), fc.integer({ min: 0, max: 5 }), (drawn, desired) => {
        const nodes = drawn.map(({ slot, generation, ...rest }, i) =>
          opsNode(slot, generation, { ...rest, instanceId: `i-${String(i).padStart(17, '0')}` } as never),
        );
        const seen = view(nodes, {}, { desired });
        const live = nodes.filter(({ state }) => state !== 'terminated' && state !== 'stopped');
        expect(seen.nodes).toHaveLength(live.length);
        expect(seen.slots).toHaveLength(desired);
        const options = { width: 80, colors: pc.createColors(false), all: true, endpoint: null };
        const lines = statusText(seen, options).split('\n');
        for (const { instanceId, state } of live) {
          if (state === 'running' || state === 'pending')
            expect(lines.filter((line) => line.includes(instanceId)).length).toBeGreaterThan(0);
        }
        expect(statusJson(seen).nodes).toHaveLength(live.length);
      }),
      { numRuns: 100 },
    );
  });

  it('tables fit 80 columns and say more on a wider terminal', () => {
    const seen = view(WIDE_POOLS);
    const text = (width: number): string =>
      statusText(seen, { width, colors: pc.createColors(false), all: false, endpoint: null });
    expect(
      Math.max(
        ...text(80)
          .split('\n')
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(80);
    expect(text(80).split('\n')[0]).toMatch(/^web {2}us-east-1 +\d{4}-\d\d-\d\d [\d:]{8} UTC$/);
    expect(text(80)).not.toContain('TEMPLATE');
    expect(text(160)).toContain('TEMPLATE');
    expect(text(80)).not.toContain('\u001b[');
    expect(text(80)).toMatch(/Nothing is amiss\.\n$/);
  });

  it('what is no table fits a narrow terminal, too', () => {
    const why = 'ada may not call ec2:DescribeSpotPriceHistory. No policy allows it; ask for this right.';
    const seen = view(WIDE_POOLS, { unseen: [{ what: 'spot prices', why }] });
    const endpoint = 'http://127.0.0.1:4666';
    const lines = statusText(seen, { width: 52, colors: pc.createColors(false), all: false, endpoint }).split('\n');
    expect(lines.filter((line) => line.length > 52)).toEqual([]);
    expect(lines[0]).toBe(`web  us-east-1 at ${endpoint}`);
    expect(lines[1]).toMatch(/^\d{4}-\d\d-\d\d [\d:]{8} UTC$/);
    expect(lines.join(' ')).toContain('spec ');
  });

  it('many nodes are counted, and only what is not as usual is listed', () => {
    const nodes = Array.from({ length: 100 }, (_, slot) =>
      opsNode(slot, 1, slot === 42 ? { lifecycle: 'on-demand' } : {}),
    );
    const seen = view(nodes, {}, { desired: 100 });
    const text = statusText(seen, { width: 80, colors: pc.createColors(false), all: false, endpoint: null });
    expect(text).toContain(idOf(42));
    expect(text).not.toContain(idOf(41));
    expect(text).toContain('and 99 others; --all lists them');
    expect(answersOf(nodes).nodes).toHaveLength(100);
  });
});
