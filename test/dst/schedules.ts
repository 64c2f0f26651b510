import { it } from 'vitest';
import { World, type WorldOptions } from './world.js';

const BATCH = 10;

/** Tests that play the schedules of these seeds. To look at one: `npm run dst -- --from SEED --seeds 1 --trace`. */
export function playSchedules(from: number, to: number, options: WorldOptions = {}): void {
  for (let first = from; first <= to; first += BATCH) {
    const last = Math.min(to, first + BATCH - 1);
    it(`seeds ${first} to ${last}`, { timeout: 120_000 }, () => {
      for (let seed = first; seed <= last; seed++) {
        try {
          new World(seed, options).run();
        } catch (error) {
          throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        }
      }
    });
  }
}
