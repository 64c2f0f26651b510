import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NodeView } from '../../../core/cloud.js';
import { judgeEnd } from '../../../core/fallback/ended.js';
import { judgeAnnouncement } from '../../../core/fallback/interruption.js';
import type { Orphan } from '../../../core/fallback/port.js';
import { wallMs } from '../../../core/time.js';
import { policyOf } from '../fixtures.js';
import { ago, inShort, NOW, node, scene } from './scene.js';

const gone = (slot: number, generation = 1, change: Partial<NodeView> = {}) =>
  node(slot, generation, { state: 'terminated', ...change });

describe('an interruption', () => {
  const judge = (nodes: readonly NodeView[], id = 'i-1-1', spec = {}) => {
    const { why, acts, needed } = judgeAnnouncement('interruption', id, scene(nodes, spec), true);
    return [needed, why, ...inShort(acts)];
  };

  it('of a node that acted is its own affair', () => {
    expect(judge([node(1, 1, { phase: 'draining' })])).toEqual([false, 'node-acted']);
    expect(judge([node(1, 1, { phase: 'drained' })])).toEqual([false, 'node-acted']);
  });

  it('of a silent node: out of its target groups, its seat filled, its agent told', () => {
    const acts = ['deregister i-1-1', 'need 1.2', 'drain i-1-1'];
    expect(judge([node(0), node(1)])).toEqual([true, 'empty-seat', ...acts]);
    expect(judge([node(1, 1, { phase: null })])).toEqual([true, 'empty-seat', ...acts]);
  });

  it('of a silent node whose seat is held already', () => {
    expect(judge([node(1), node(1, 2)])).toEqual([true, 'silent-node', 'deregister i-1-1', 'drain i-1-1']);
    const twin = { ...node(1), instanceId: 'i-twin' };
    expect(judge([node(1), twin])).toEqual([true, 'silent-node', 'deregister i-1-1', 'drain i-1-1']);
  });

  it('counts past every generation that was, and past holders that leave', () => {
    expect(judge([node(1), gone(1, 7)])).toContain('need 1.8');
    expect(judge([node(1), node(1, 2, { phase: 'draining' })])).toContain('need 1.3');
  });

  it('of a node that is gone by now: only its seat counts', () => {
    expect(judge([gone(1)])).toEqual([true, 'empty-seat', 'deregister i-1-1', 'need 1.2']);
  });

  it('of a slot that nobody wants fills nothing', () => {
    expect(judge([node(1)], 'i-1-1', { desired: 1 })).toEqual([true, 'silent-node', 'deregister i-1-1', 'drain i-1-1']);
  });

  it('of others, or of a node without a seat, is nobody’s', () => {
    expect(judge([node(1)], 'i-other')).toEqual([false, 'foreign']);
    expect(judge([{ ...node(1), seat: null }])).toEqual([false, 'no-seat']);
  });
});

describe('a rebalance recommendation', () => {
  const judge = (rebalance: 'ignore' | 'pre-warm' | 'replace', nodes: readonly NodeView[]) =>
    inShort(judgeAnnouncement('rebalance', 'i-1-1', scene(nodes, { policy: policyOf({ rebalance }) }), true).acts);

  it('leads to one attempt where the policy replaces and nobody did', () => {
    expect(judge('replace', [node(1)])).toEqual(['wish 1.2']);
    expect(judge('replace', [node(1), node(1, 2)])).toEqual([]);
    expect(judge('pre-warm', [node(1)])).toEqual([]);
    expect(judge('ignore', [node(1)])).toEqual([]);
  });
});

describe('a scheduled change', () => {
  it('leads to one attempt where there is no heir', () => {
    const judge = (nodes: readonly NodeView[]) =>
      inShort(judgeAnnouncement('maintenance', 'i-1-1', scene(nodes), true).acts);
    expect(judge([node(1)])).toEqual(['wish 1.2']);
    expect(judge([node(1), node(1, 2)])).toEqual([]);
    expect(judge([gone(1)])).toEqual([]);
  });
});

describe('an end', () => {
  const judge = (nodes: readonly NodeView[], more: { reported?: boolean | null; orphans?: readonly Orphan[] } = {}) => {
    const facts = { ...scene(nodes), reported: true, orphans: [], ...more };
    const { needed, why, acts } = judgeEnd('i-1-1', NOW, facts);
    return [needed, why, ...inShort(acts)];
  };

  it('whose seat is held leaves nothing but a deregistration', () => {
    expect(judge([gone(1), node(1, 2)])).toEqual([false, 'seat-held', 'deregister i-1-1']);
  });

  it('whose seat is empty fills it', () => {
    expect(judge([gone(1), node(0)])).toEqual([true, 'empty-seat', 'deregister i-1-1', 'need 1.2']);
    expect(judge([gone(1), node(1, 2, { phase: 'draining' })])).toContain('need 1.3');
  });

  it('that EC2 does not show is none', () => {
    expect(judge([node(1)])).toEqual([false, 'alive']);
    expect(judge([node(0)])).toEqual([false, 'foreign']);
  });

  it('without a report gets one, if the node ever served', () => {
    const silent = { reported: false };
    expect(judge([gone(1), node(1, 2)], silent)).toContain('report incidents/i-1-1-ended.json');
    expect(judge([gone(1, 1, { phase: null }), node(1, 2)], silent)).toEqual([false, 'seat-held', 'deregister i-1-1']);
    expect(judge([gone(1), node(1, 2)], { reported: null })).toEqual([false, 'seat-held', 'deregister i-1-1']);
  });

  it('removes what nothing uses, once it is old enough', () => {
    const volume = (id: string, ms: number): Orphan => ({ kind: 'volume', id, createdMs: wallMs(ago(ms)) });
    const eni: Orphan = { kind: 'network-interface', id: 'eni-1', createdMs: null };
    const orphans = [volume('vol-new', 60_000), volume('vol-old', 3_600_000), eni];
    expect(judge([gone(1), node(1, 2)], { orphans })).toEqual([
      true,
      'orphans',
      'deregister i-1-1',
      'delete eni-1',
      'delete vol-old',
    ]);
    // A launch may be on its way: its network interface isn't attached yet.
    expect(judge([gone(1), node(1, 2, { launchTimeMs: ago(60_000) })], { orphans })).not.toContain('delete eni-1');
  });
});

describe('any events', () => {
  const anyNode = fc
    .record({
      slot: fc.integer({ min: 0, max: 3 }),
      generation: fc.integer({ min: 1, max: 3 }),
      state: fc.constantFrom('pending', 'running', 'shutting-down', 'terminated' as const),
      phase: fc.constantFrom(null, 'serving', 'draining', 'drained' as const),
    })
    .map(({ slot, generation, state, phase }) => node(slot, generation, { state, phase }));
  const nodesOf = fc.uniqueArray(anyNode, { selector: ({ instanceId }) => instanceId, maxLength: 8 });

  it('ask for one seat a slot, whatever their order, so that repeating them launches nothing more', () => {
    fc.assert(
      fc.property(nodesOf, fc.boolean(), (nodes, backwards) => {
        const wanted = new Map<number, Set<number>>();
        for (const { instanceId } of backwards ? [...nodes].reverse() : nodes) {
          const acts = [
            ...judgeAnnouncement('interruption', instanceId, scene(nodes), true).acts,
            ...judgeEnd(instanceId, NOW, { ...scene(nodes), reported: true, orphans: [] }).acts,
          ];
          for (const act of acts) {
            if (act.type !== 'fill') continue;
            const { slot, generation, rung } = act.position;
            wanted.set(slot, (wanted.get(slot) ?? new Set()).add(generation * 1_000 + rung));
          }
        }
        for (const [slot, seats] of wanted) {
          expect(seats.size).toBe(1);
          const newest = Math.max(...nodes.filter((n) => n.seat?.slot === slot).map((n) => n.seat?.generation ?? 0));
          expect([...seats]).toEqual([(newest + 1) * 1_000]);
        }
      }),
    );
  });

  it('once the seat is filled, ask for no more', () => {
    fc.assert(
      fc.property(nodesOf, (nodes) => {
        const filled = [...nodes];
        const tend = (instanceId: string): number => {
          const all = { ...scene(filled), reported: true, orphans: [] };
          const fills = [
            ...judgeAnnouncement('interruption', instanceId, all, true).acts,
            ...judgeEnd(instanceId, NOW, all).acts,
          ].filter((act) => act.type === 'fill');
          const fill = fills[0];
          if (fill?.type === 'fill') filled.push(node(fill.position.slot, fill.position.generation, { phase: null }));
          return fills.length;
        };
        for (const { instanceId } of nodes) tend(instanceId);
        for (const { instanceId } of nodes) expect(tend(instanceId)).toBe(0);
      }),
    );
  });
});
