import { describe, expect, it } from 'vitest';
import { seededRng } from '../../core/rng.js';
import { planOf } from './plan.js';
import { World } from './world.js';

/**
 * Seeded fault schedules over core/: many brains, virtual time, an unkind world. A seed that ever failed stays in this
 * list. To look at one: `npm run dst -- --from SEED --seeds 1 --trace`.
 */
const SCHEDULES = 200;
const BATCH = 20;

describe('fault schedules', () => {
  for (let from = 1; from <= SCHEDULES; from += BATCH) {
    it(`seeds ${from} to ${from + BATCH - 1}`, { timeout: 120_000 }, () => {
      for (let seed = from; seed < from + BATCH; seed++) {
        try {
          new World(seed).run();
        } catch (error) {
          throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        }
      }
    });
  }

  it('the same seed gives the same run', () => {
    const run = (): unknown => {
      const world = new World(7, { trace: true });
      const report = world.run();
      return { report, trace: world.trace };
    };
    expect(run()).toEqual(run());
  });

  it('the checkers can fail: an unannounced loss with nobody allowed to launch leaves a seat empty', () => {
    const plan = {
      ...planOf(seededRng(1)),
      nodes: 3,
      describeLagMs: 0,
      events: [
        { atMs: 30_000, type: 'fail' as const, seenAfterMs: 1_000 },
        { atMs: 40_000, type: 'fail' as const, seenAfterMs: 1_000 },
        { atMs: 50_000, type: 'fail' as const, seenAfterMs: 1_000 },
        { atMs: 50_100, type: 'fail' as const, seenAfterMs: 1_000 },
        { atMs: 50_200, type: 'fail' as const, seenAfterMs: 1_000 },
        { atMs: 50_300, type: 'fail' as const, seenAfterMs: 1_000 },
      ],
    };
    expect(() => new World(3, { plan }).run()).toThrow(/is empty at the end/);
  });
});
