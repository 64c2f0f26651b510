import { describe, expect, it } from 'vitest';
import { World } from './world.js';

describe('a cluster', () => {
  it('agrees on its members soon after they join', () => {
    const world = new World({ seed: 1 });
    world.addMany(10);
    expect(world.runUntil(() => world.agreed(), 20_000)).not.toBeNull();
  });
});
