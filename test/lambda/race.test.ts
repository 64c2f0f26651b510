import { describe, expect, it } from 'vitest';
import { seededRng } from '../../core/rng.js';
import { fail, interrupt } from '../../local/ec2/model/life.js';
import { contextAt } from '../dst/machine.js';
import { type Plan, planOf } from '../dst/plan.js';
import { World } from '../dst/world.js';
import { Fallback, RACE } from './race.js';

/**
 * Agents and Lambdas at once, in the weather of the fault schedules, whose checkers see duplicates and empty seats. 500
 * seeds: `npm run bench -- fallback-race`.
 */
describe('agents and Lambdas racing', () => {
  for (const [from, to] of [
    [1, 6],
    [7, 12],
  ] as const) {
    it(`seeds ${from} to ${to}`, { timeout: 120_000 }, () => {
      for (let seed = from; seed <= to; seed++) {
        const world = new World(seed);
        const fallback = new Fallback(world);
        try {
          world.run();
        } catch (error) {
          throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        }
        expect([...fallback.verdicts.values()].length).toBeGreaterThan(0);
      }
    });
  }
});

/** Quiet weather: what happens is what a test makes happen. */
const quiet = (seed: number): Plan => ({
  ...planOf(seededRng(seed)),
  throttle: 0,
  lostReply: 0,
  lostCall: 0,
  events: [],
});

describe('without agents', () => {
  const atOnce = (world: World, strike: (id: string) => void): void =>
    world.queue.at(40_000, () => {
      for (const { instanceId } of world.cloud.live()) strike(instanceId);
    });
  const ctxOf = (world: World) => contextAt(world.queue, world.epochMs, 0, seededRng(world.seed));

  it('every node dies at once, and the fallback brings the cluster back', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const world = new World(seed, { plan: quiet(seed) });
      const fallback = new Fallback(world);
      atOnce(world, (id) => fail(world.cloud.ec2, id, 2_000, ctxOf(world)));
      world.run();
      // Agents of the first that come may fill the last seats.
      expect(fallback.launched).toBeGreaterThan(world.plan.nodes / 2);
      expect(world.cloud.live()).toHaveLength(world.plan.nodes);
    }
  });

  it('every event is lost, and the sweep brings it back within a period', () => {
    const world = new World(3, { plan: quiet(3) });
    const fallback = new Fallback(world, { ...RACE, lost: 1 });
    atOnce(world, (id) => {
      interrupt(world.cloud.ec2, id, { noticeMs: 0, announce: 'none' }, ctxOf(world));
    });
    const back: number[] = [];
    world.queue.at(40_000 + RACE.sweepEveryMs + 5_000, () => back.push(world.cloud.live().length));
    world.run();
    expect(fallback.acted).toBe(0);
    expect(back).toEqual([world.plan.nodes]);
  });

  it('a node whose agent hangs is replaced before its two minutes are over', () => {
    const world = new World(3, { plan: quiet(3) });
    new Fallback(world, { ...RACE, lost: 0 });
    const facts: { slot: number; holders: number }[] = [];
    world.queue.at(50_000, () => {
      const victim = [...world.machines.values()].find(
        (m) => m.running && world.cloud.ec2.instances.get(m.id)?.record.lifecycle === 'spot',
      );
      if (victim === undefined) throw new Error('no spot node runs');
      victim.pause(600_000);
      interrupt(world.cloud.ec2, victim.id, { noticeMs: 120_000, announce: 'both' }, ctxOf(world));
      world.queue.after(110_000, () => {
        const { slot } = victim.seat;
        const holders = [...world.machines.values()].filter(
          (m) => m.seat.slot === slot && m.id !== victim.id && m.working,
        );
        facts.push({ slot, holders: holders.length });
      });
    });
    world.run();
    expect(facts).toMatchObject([{ holders: 1 }]);
  });

  it('without the fallback it stays dead: the test can fail', () => {
    const world = new World(3, { plan: quiet(3) });
    atOnce(world, (id) => fail(world.cloud.ec2, id, 2_000, ctxOf(world)));
    expect(() => world.run()).toThrow(/is empty at the end/);
  });
});
