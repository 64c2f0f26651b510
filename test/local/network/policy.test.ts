import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../core/rng.js';
import { deliveries, PERFECT_NETWORK } from '../../../local/network/policy.js';
import { Reach } from '../../../local/network/reach.js';

describe('fate of datagrams', () => {
  it('delivers once and at once on a perfect network', () => {
    expect(deliveries(PERFECT_NETWORK, seededRng(1))).toEqual([0]);
  });

  it('loses and doubles about as many as asked for', () => {
    const rng = seededRng('rates');
    const faults = { ...PERFECT_NETWORK, lossRate: 0.1, duplicateRate: 0.05 };
    const fates = Array.from({ length: 20_000 }, () => deliveries(faults, rng).length);
    expect(fates.filter((copies) => copies === 0).length / 20_000).toBeCloseTo(0.1, 1);
    expect(fates.filter((copies) => copies === 2).length / 20_000).toBeCloseTo(0.045, 1);
  });

  it('is the same for the same seed, and delays stay within bounds', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(500), fc.nat(500), (seed, minDelayMs, more) => {
        const faults = {
          ...PERFECT_NETWORK,
          minDelayMs,
          maxDelayMs: minDelayMs + more,
          reorderRate: 0.3,
          reorderMs: 70,
          duplicateRate: 0.5,
        };
        const once = deliveries(faults, seededRng(seed));
        expect(deliveries(faults, seededRng(seed))).toEqual(once);
        for (const delay of once) {
          expect(delay).toBeGreaterThanOrEqual(minDelayMs);
          expect(delay).toBeLessThanOrEqual(minDelayMs + more + 70);
        }
      }),
    );
  });

  it('turning loss on does not shift the delays of the datagrams that pass', () => {
    const without = seededRng(7);
    const withLoss = seededRng(7);
    const faults = { ...PERFECT_NETWORK, maxDelayMs: 100 };
    for (let i = 0; i < 200; i++) {
      const plain = deliveries(faults, without);
      const lossy = deliveries({ ...faults, lossRate: 0.5 }, withLoss);
      if (lossy.length > 0) expect(lossy).toEqual(plain);
    }
  });
});

describe('reachability', () => {
  it('is symmetric, and groups are apart until healed', () => {
    const ids = ['i-1', 'i-2', 'i-3', 'i-4', 'i-5'];
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.constantFrom(...ids), { maxLength: 3 }), { maxLength: 3 }),
        fc.subarray(ids),
        (groups, cut) => {
          const reach = new Reach();
          reach.partition(groups);
          for (const id of cut) reach.cutOff(id);
          for (const a of ids) for (const b of ids) expect(reach.connected(a, b)).toBe(reach.connected(b, a));
          for (const id of cut) for (const other of ids) expect(reach.connected(id, other)).toBe(false);
          reach.heal();
          for (const id of cut) reach.reconnect(id);
          for (const a of ids) for (const b of ids) expect(reach.connected(a, b)).toBe(true);
        },
      ),
    );
  });

  it('puts nodes that are in no group into one of their own', () => {
    const reach = new Reach();
    reach.partition([['i-1', 'i-2']]);
    expect(reach.connected('i-1', 'i-2')).toBe(true);
    expect(reach.connected('i-3', 'i-4')).toBe(true);
    expect(reach.connected('i-1', 'i-3')).toBe(false);
  });

  it('tells of a cut once, and a retired node stays cut off', () => {
    const reach = new Reach();
    const told: string[] = [];
    reach.onCut((id) => told.push(id));
    reach.cutOff('i-1');
    reach.cutOff('i-1');
    reach.retire('i-1');
    reach.retire('i-2');
    expect(told).toEqual(['i-1', 'i-2']);
    expect(reach.isCut('i-2')).toBe(true);
  });
});
