import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Fact, supersedes } from '../../../core/gossip/merge.js';

const fact: fc.Arbitrary<Fact> = fc.record({
  incarnation: fc.integer({ min: 1, max: 4 }),
  status: fc.constantFrom('alive', 'suspect', 'dead', 'left'),
});

const merge = (current: Fact, incoming: Fact): Fact => (supersedes(incoming, current) ? incoming : current);

describe('which fact on a member wins', () => {
  it.each([
    ['a higher incarnation', { incarnation: 2, status: 'alive' }, { incarnation: 1, status: 'left' }],
    ['a suspicion of the same incarnation', { incarnation: 1, status: 'suspect' }, { incarnation: 1, status: 'alive' }],
    ['a death over a suspicion', { incarnation: 1, status: 'dead' }, { incarnation: 1, status: 'suspect' }],
    ["its own goodbye over others' verdict", { incarnation: 1, status: 'left' }, { incarnation: 1, status: 'dead' }],
  ] as const)('%s wins', (_, winner, loser) => {
    expect(supersedes(winner, loser)).toBe(true);
    expect(supersedes(loser, winner)).toBe(false);
  });

  it('makes merging commutative, associative and idempotent', () => {
    fc.assert(
      fc.property(fact, fact, fact, (a, b, c) => {
        expect(merge(a, b)).toEqual(merge(b, a));
        expect(merge(merge(a, b), c)).toEqual(merge(a, merge(b, c)));
        expect(merge(a, a)).toEqual(a);
        expect(supersedes(a, a)).toBe(false);
      }),
    );
  });

  it('lets nodes that hear the same in any order, some of it twice, agree', () => {
    const heard = fc
      .array(fact, { minLength: 1, maxLength: 12 })
      .chain((facts) =>
        fc.tuple(
          fc.constant(facts),
          fc.shuffledSubarray([...facts, ...facts], { minLength: facts.length * 2, maxLength: facts.length * 2 }),
        ),
      );
    fc.assert(
      fc.property(heard, ([one, other]) => {
        expect(other.reduce(merge)).toEqual(one.reduce(merge));
      }),
    );
  });
});
