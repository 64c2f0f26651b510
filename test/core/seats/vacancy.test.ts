import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Leaving, Member } from '../../../core/gossip/member.js';
import { seededRng, shuffled } from '../../../core/rng.js';
import { RESCUERS, rescuerRank, type Vacancy, vacancies } from '../../../core/seats/vacancy.js';
import { wallMs } from '../../../core/time.js';
import { EPOCH_MS, memberOf, seatOf } from '../fixtures.js';

const LEAVING: Leaving = { deadlineMs: wallMs(EPOCH_MS), cause: 'interruption' };

const population: fc.Arbitrary<Member[]> = fc
  .array(
    fc.record({
      slot: fc.integer({ min: 0, max: 6 }),
      generation: fc.integer({ min: 1, max: 4 }),
      status: fc.constantFrom('alive' as const, 'suspect' as const, 'dead' as const, 'left' as const),
      leaving: fc.constantFrom(null, null, LEAVING),
    }),
    { maxLength: 12 },
  )
  .map((list) =>
    list.map(({ slot, generation, status, leaving }, i) =>
      memberOf(`i-${i}`, { seat: seatOf(slot, generation), leaving }, { status }),
    ),
  );

describe('vacancies', () => {
  it('every slot of an unknown cluster is vacant', () => {
    expect(vacancies(2, [])).toEqual([
      { slot: 0, lastGeneration: 0, lastHolder: null },
      { slot: 1, lastGeneration: 0, lastHolder: null },
    ]);
  });

  it('a suspect and a leaving member still hold their slots; a dead and a gone one do not', () => {
    const members = [
      memberOf('i-0', { seat: seatOf(0) }, { status: 'suspect' }),
      memberOf('i-1', { seat: seatOf(1), leaving: LEAVING }),
      memberOf('i-2', { seat: seatOf(2, 5) }, { status: 'dead' }),
      memberOf('i-3', { seat: seatOf(3, 2) }, { status: 'left' }),
    ];
    const found = vacancies(4, members);
    expect(found.map((v) => [v.slot, v.lastGeneration, v.lastHolder?.id])).toEqual([
      [2, 5, 'i-2'],
      [3, 2, 'i-3'],
    ]);
  });

  it('a slot beyond the wish is nobody’s concern', () => {
    expect(
      vacancies(1, [memberOf('i-0', { seat: seatOf(0) }), memberOf('i-9', { seat: seatOf(9) }, { status: 'dead' })]),
    ).toEqual([]);
    expect(vacancies(0, [])).toEqual([]);
  });

  it('are exactly the slots without a live holder, with the newest generation ever known', () => {
    fc.assert(
      fc.property(population, fc.integer({ min: 0, max: 7 }), (members, desired) => {
        const found = new Map(vacancies(desired, members).map((v) => [v.slot, v]));
        for (let slot = 0; slot < desired; slot++) {
          const mates = members.filter((m) => m.meta.seat.slot === slot);
          const held = mates.some((m) => m.status === 'alive' || m.status === 'suspect');
          expect(found.has(slot)).toBe(!held);
          const newest = Math.max(0, ...mates.map((m) => m.meta.seat.generation));
          if (!held) expect(found.get(slot)?.lastGeneration).toBe(newest);
        }
        expect([...found.keys()].every((slot) => slot < desired)).toBe(true);
      }),
    );
  });
});

describe('rescuers', () => {
  const vacancy: Vacancy = { slot: 3, lastGeneration: 17, lastHolder: null };

  it('the same few, ranked 0, 1, 2, in whatever order the members are known', () => {
    fc.assert(
      fc.property(population, fc.integer(), (members, seed) => {
        const rng = seededRng(seed);
        const ranks = members
          .map((m) => rescuerRank(vacancy, m.id, shuffled(rng, members)))
          .filter((rank) => rank !== null)
          .sort();
        const able = members.filter((m) => m.status === 'alive' && m.meta.leaving === null).length;
        expect(ranks).toEqual([0, 1, 2].slice(0, Math.min(RESCUERS, able)));
      }),
    );
  });

  it('one that leaves, is suspect or unknown is never the rescuer', () => {
    const members = [
      memberOf('i-0', { leaving: LEAVING }),
      memberOf('i-1', {}, { status: 'suspect' }),
      memberOf('i-2'),
    ];
    expect(members.map((m) => rescuerRank(vacancy, m.id, members))).toEqual([null, null, 0]);
    expect(rescuerRank(vacancy, 'i-7', members)).toBeNull();
  });

  it('when the chosen one goes, its deputy takes its place', () => {
    const members = Array.from({ length: 8 }, (_, i) => memberOf(`i-${i}`));
    const ranked = members
      .map((m) => ({ m, rank: rescuerRank(vacancy, m.id, members) }))
      .filter(({ rank }) => rank !== null)
      .sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0))
      .map(({ m }) => m);
    const rest = members.filter((m) => m.id !== ranked[0]?.id);
    expect(rescuerRank(vacancy, ranked[1]?.id ?? '', rest)).toBe(0);
    expect(rescuerRank(vacancy, ranked[2]?.id ?? '', rest)).toBe(1);
  });

  it('the losses of one slot go round: 200 generations find each of 10 members', () => {
    const members = Array.from({ length: 10 }, (_, i) => memberOf(`i-${i}`));
    const chosen = new Set<string>();
    for (let lastGeneration = 1; lastGeneration <= 200; lastGeneration++) {
      for (const m of members) if (rescuerRank({ ...vacancy, lastGeneration }, m.id, members) === 0) chosen.add(m.id);
    }
    expect(chosen.size).toBe(10);
  });
});
