import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InstanceState } from '../../../core/cloud.js';
import type { Leaving, Member } from '../../../core/gossip/member.js';
import { seededRng, shuffled } from '../../../core/rng.js';
import {
  farthestSeat,
  type Holder,
  isLiveState,
  losesTo,
  verdictAmongMembers,
  verdictBeforeServing,
} from '../../../core/seats/surplus.js';
import { wallMs } from '../../../core/time.js';
import { EPOCH_MS, memberOf, nodeViewOf, seatOf } from '../fixtures.js';

const LEAVING: Leaving = { deadlineMs: wallMs(EPOCH_MS), cause: 'surplus' };
const holderOf = (m: Member): Holder => ({ id: m.id, seat: m.meta.seat });
const verdictOf = (self: Member, all: readonly Member[]): string =>
  verdictAmongMembers(
    holderOf(self),
    self.meta.standby !== 'none',
    all.filter((m) => m.id !== self.id),
  );

/** Some holders of slot 0, each with an id of its own. */
const crowd = (members: fc.Arbitrary<Omit<Member, 'id'>>): fc.Arbitrary<Member[]> =>
  fc.array(members, { minLength: 1, maxLength: 5 }).map((list) => list.map((m, i) => ({ ...m, id: `i-${i}` })));

const holder = (options: { standby: boolean; generations: number }): fc.Arbitrary<Omit<Member, 'id'>> =>
  fc
    .record({
      generation: fc.integer({ min: 1, max: options.generations }),
      rung: fc.integer({ min: 0, max: 2 }),
      workload: fc.constantFrom('starting' as const, 'healthy' as const, 'unhealthy' as const),
      standby: options.standby
        ? fc.constantFrom('none' as const, 'keep' as const, 'release' as const)
        : fc.constant('none' as const),
      leaving: fc.constantFrom(null, null, null, LEAVING),
    })
    .map(({ generation, rung, ...meta }) => memberOf('i', { seat: seatOf(0, generation, rung), ...meta }));

describe('two nodes for one seat', () => {
  it('the higher rung goes; of equal rungs the higher id', () => {
    expect(losesTo({ id: 'i-a', seat: seatOf(0, 1, 1) }, { id: 'i-b', seat: seatOf(0, 1, 0) })).toBe(true);
    expect(losesTo({ id: 'i-b', seat: seatOf(0, 1, 0) }, { id: 'i-a', seat: seatOf(0, 1, 0) })).toBe(true);
    expect(losesTo({ id: 'i-a', seat: seatOf(0, 1, 0) }, { id: 'i-b', seat: seatOf(0, 1, 0) })).toBe(false);
  });

  it('exactly one of two goes', () => {
    const any = fc.record({ id: fc.constantFrom('i-1', 'i-2', 'i-3'), rung: fc.integer({ min: 0, max: 3 }) });
    fc.assert(
      fc.property(any, any, (x, y) => {
        fc.pre(x.id !== y.id);
        const [a, b] = [x, y].map(({ id, rung }) => ({ id, seat: seatOf(0, 1, rung) })) as [Holder, Holder];
        return losesTo(a, b) !== losesTo(b, a);
      }),
    );
  });
});

describe('the look at EC2 before serving', () => {
  const self = { id: 'i-5', seat: seatOf(2, 4, 1) };

  it.each([
    ['alone', [], 'stay'],
    ['only itself', [nodeViewOf('i-5', self.seat)], 'stay'],
    ['a twin of a lower rung', [nodeViewOf('i-9', seatOf(2, 4, 0))], 'surplus'],
    ['a twin of a higher rung', [nodeViewOf('i-1', seatOf(2, 4, 2))], 'stay'],
    ['a twin of the same rung, lower id', [nodeViewOf('i-1', self.seat)], 'surplus'],
    ['a twin of the same rung, higher id', [nodeViewOf('i-9', self.seat)], 'stay'],
    ['a winning twin that has ended', [nodeViewOf('i-1', self.seat, { state: 'terminated' })], 'stay'],
    ['a winning twin that is going', [nodeViewOf('i-1', self.seat, { state: 'shutting-down' })], 'stay'],
    ['a winning twin that only just starts', [nodeViewOf('i-1', self.seat, { state: 'pending' })], 'surplus'],
    ['a successor', [nodeViewOf('i-9', seatOf(2, 5))], 'superseded'],
    ['a successor that has ended', [nodeViewOf('i-9', seatOf(2, 5), { state: 'terminated' })], 'stay'],
    ['its predecessor', [nodeViewOf('i-1', seatOf(2, 3))], 'stay'],
    ['a node of another slot', [nodeViewOf('i-1', seatOf(1, 9))], 'stay'],
    ['a node without a seat', [nodeViewOf('i-1', null)], 'stay'],
  ] as const)('%s: %s', (_, nodes, verdict) => {
    expect(verdictBeforeServing(self, nodes)).toBe(verdict);
  });

  it('of any twins exactly one stays, in whatever order EC2 lists them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 6 }),
        fc.integer(),
        (rungs, seed) => {
          const rng = seededRng(seed);
          const nodes = rungs.map((rung, i) => nodeViewOf(`i-${i}`, seatOf(0, 7, rung)));
          const stay = nodes.filter(
            (n) =>
              verdictBeforeServing({ id: n.instanceId, seat: n.seat ?? seatOf(0) }, shuffled(rng, nodes)) === 'stay',
          );
          return stay.length === 1;
        },
      ),
    );
  });

  it('of any live holders of a slot exactly one stays: the winner of the newest generation', () => {
    const node = fc.record({
      generation: fc.integer({ min: 1, max: 4 }),
      rung: fc.integer({ min: 0, max: 2 }),
      state: fc.constantFrom<InstanceState>('pending', 'running', 'terminated', 'stopped'),
    });
    fc.assert(
      fc.property(fc.array(node, { maxLength: 6 }), fc.integer(), (list, seed) => {
        const rng = seededRng(seed);
        const nodes = list.map((n, i) => nodeViewOf(`i-${i}`, seatOf(0, n.generation, n.rung), { state: n.state }));
        const live = nodes.filter((n) => isLiveState(n.state));
        const stay = live.filter(
          (n) => verdictBeforeServing({ id: n.instanceId, seat: n.seat ?? seatOf(0) }, shuffled(rng, nodes)) === 'stay',
        );
        return stay.length === Math.min(1, live.length);
      }),
    );
  });
});

describe('the look at gossip while serving', () => {
  const self = memberOf('i-5', { seat: seatOf(2, 4, 1) });
  const look = (mate: Member, keepsSpare = false): string => verdictAmongMembers(holderOf(self), keepsSpare, [mate]);

  it('a winning twin makes it surplus, unless the twin goes already', () => {
    const twin = memberOf('i-1', { seat: seatOf(2, 4, 1) });
    expect(look(twin)).toBe('surplus');
    expect(look(memberOf('i-1', { ...twin.meta, leaving: LEAVING }))).toBe('stay');
    expect(look(memberOf('i-9', twin.meta))).toBe('stay');
  });

  it('a successor supersedes it only once healthy and staying', () => {
    const seat = seatOf(2, 5);
    expect(look(memberOf('i-9', { seat }))).toBe('superseded');
    expect(look(memberOf('i-9', { seat, workload: 'starting' }))).toBe('stay');
    expect(look(memberOf('i-9', { seat, leaving: LEAVING }))).toBe('stay');
  });

  it('a spare does not supersede the one that asked for it', () => {
    expect(look(memberOf('i-9', { seat: seatOf(2, 5) }), true)).toBe('stay');
  });

  it('a spare goes when the one that asked for it is well and releases it', () => {
    const seat = seatOf(2, 3);
    expect(look(memberOf('i-1', { seat, standby: 'release' }))).toBe('surplus');
    expect(look(memberOf('i-1', { seat, standby: 'keep' }))).toBe('stay');
    expect(look(memberOf('i-1', { seat, standby: 'none' }))).toBe('stay');
    expect(look(memberOf('i-1', { seat, standby: 'release', leaving: LEAVING }))).toBe('stay');
    expect(look(memberOf('i-1', { seat, standby: 'release', workload: 'unhealthy' }))).toBe('stay');
  });

  it('of two twins never both stay and never both leave, whichever of them leaves already', () => {
    fc.assert(
      fc.property(crowd(holder({ standby: false, generations: 1 })), fc.integer(), (all, seed) => {
        const staying = all.filter((m) => m.meta.leaving === null);
        const stay = staying.filter((m) => verdictOf(m, shuffled(seededRng(seed), all)) === 'stay');
        expect(stay.length).toBe(Math.min(1, staying.length));
      }),
    );
  });

  it('the slot never empties by its own verdicts: of those who see the same, one stays', () => {
    fc.assert(
      fc.property(crowd(holder({ standby: true, generations: 3 })), fc.integer(), (all, seed) => {
        const staying = all.filter((m) => m.meta.leaving === null);
        const stay = staying.filter((m) => verdictOf(m, shuffled(seededRng(seed), all)) === 'stay');
        expect(stay.length).toBeGreaterThanOrEqual(Math.min(1, staying.length));
      }),
      { numRuns: 3_000 },
    );
  });

  it('a slot that serves goes on serving: the verdicts leave a healthy holder if there was one', () => {
    fc.assert(
      fc.property(crowd(holder({ standby: false, generations: 3 })), (all) => {
        const good = (m: Member): boolean => m.meta.workload === 'healthy' && m.meta.leaving === null;
        fc.pre(all.some(good));
        // Twins are sorted out whatever their health: nobody waits for the worse one to get well.
        fc.pre(new Set(all.map((m) => m.meta.seat.generation)).size === all.length);
        expect(all.filter((m) => good(m) && verdictOf(m, all) === 'stay').length).toBeGreaterThanOrEqual(1);
      }),
    );
  });
});

describe('the farthest seat', () => {
  it('is the highest generation, then rung, of the slot alone', () => {
    const seats = [seatOf(1, 9, 9), seatOf(0, 2, 5), null, seatOf(0, 3, 1), seatOf(0, 3, 0)];
    expect(farthestSeat(0, seats)).toEqual(seatOf(0, 3, 1));
    expect(farthestSeat(2, seats)).toBeNull();
  });
});
