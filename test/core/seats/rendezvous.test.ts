import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng, shuffled } from '../../../core/rng.js';
import { rendezvousOrder, rendezvousRank } from '../../../core/seats/rendezvous.js';

const ids = fc.uniqueArray(fc.stringMatching(/^i-[0-9a-f]{1,17}$/), { minLength: 1, maxLength: 30 });

describe('rendezvous order', () => {
  it('is the same in whatever order the members are known', () => {
    fc.assert(
      fc.property(fc.string(), ids, fc.integer(), (key, list, seed) => {
        expect(rendezvousOrder(key, shuffled(seededRng(seed), list))).toEqual(rendezvousOrder(key, list));
      }),
    );
  });

  it('ranks everybody once', () => {
    fc.assert(
      fc.property(fc.string(), ids, (key, list) => {
        const ranks = list.map((id) => rendezvousRank(key, list, id)).sort((a, b) => a - b);
        expect(ranks).toEqual(list.map((_, i) => i));
      }),
    );
  });

  it('keeps the order of all others when one goes: only what it had moves', () => {
    fc.assert(
      fc.property(fc.string(), ids, fc.nat(), (key, list, which) => {
        const gone = list[which % list.length];
        const rest = list.filter((id) => id !== gone);
        expect(rendezvousOrder(key, rest)).toEqual(rendezvousOrder(key, list).filter((id) => id !== gone));
      }),
    );
  });

  it('does not know a stranger', () => {
    expect(rendezvousRank('3.17', ['i-1', 'i-2'], 'i-3')).toBe(-1);
    expect(rendezvousOrder('3.17', [])).toEqual([]);
  });

  it('spreads: 10,000 keys over 10 members whose ids differ in one digit, each within 10% of its share', () => {
    const list = Array.from({ length: 10 }, (_, i) => `i-0abc${i}`);
    const chosen = new Map(list.map((id) => [id, 0]));
    for (let key = 0; key < 10_000; key++) {
      const first = rendezvousOrder(`${key % 100}.${Math.floor(key / 100)}`, list)[0] ?? '';
      chosen.set(first, (chosen.get(first) ?? 0) + 1);
    }
    for (const n of chosen.values()) expect(Math.abs(n - 1_000)).toBeLessThan(100);
  });
});
