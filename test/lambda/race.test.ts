import { describe, expect, it } from 'vitest';
import { World } from '../dst/world.js';
import { Fallback } from './race.js';

/** Agents and Lambdas at once, in the weather of the fault schedules: whose checkers see duplicates and empty seats. */
describe('agents and Lambdas racing', () => {
  for (const [from, to] of [
    [1, 10],
    [11, 20],
    [21, 30],
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
