import { describe, expect, it } from 'vitest';
import { GOSSIP_PRESETS } from '../../../core/gossip/config.js';
import { World } from './world.js';

const seeds = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

describe('what gossip costs and how fast it is', () => {
  it('sends at most 2 kB/s a node among 100 idle nodes, all counted', () => {
    const world = new World({ seed: 1 });
    world.addMany(100);
    expect(world.runUntil(() => world.agreed(), 60_000, 100)).not.toBeNull();
    world.run(world.nowMs + 30_000);
    for (const node of world.nodes.values()) node.sentBytes = 0;
    const spanS = 180;
    world.run(world.nowMs + spanS * 1_000);
    const most = Math.max(...[...world.nodes.values()].map((node) => node.sentBytes)) / spanS;
    expect(most).toBeGreaterThan(100);
    expect(most).toBeLessThanOrEqual(2_000);
  });

  it.each([
    ['lan', 8_000],
    ['local', 3_000],
  ] as const)('confirms a silent death among 10 nodes in time (%s: %i ms)', (preset, limitMs) => {
    for (const seed of seeds(40)) {
      const world = new World({ seed, config: GOSSIP_PRESETS[preset] });
      world.addMany(10);
      world.run(20_000 + seed * 37);
      world.kill('n3');
      expect(
        world.runUntil(() => world.agreed(), limitMs, 20),
        `seed ${seed}`,
      ).not.toBeNull();
    }
  });

  it('finds half of 10 nodes gone at once, and wrongs none of the others', () => {
    for (const seed of seeds(10)) {
      const world = new World({ seed });
      world.addMany(10);
      world.run(20_000);
      world.kill('n1', 'n3', 'n5', 'n7', 'n9');
      expect(
        world.runUntil(() => world.agreed(), 20_000, 20),
        `seed ${seed}`,
      ).not.toBeNull();
      const running = new Set(world.running());
      const wronged = world.news.filter((n) => n.change === 'died' && running.has(n.member.id));
      expect(wronged, `seed ${seed}`).toEqual([]);
    }
  });

  it.each([
    ['lan', 6],
    ['local', 2],
  ] as const)('calls none of 6 dead in 10 minutes with a tenth of the datagrams lost (%s)', (preset, runs) => {
    for (const seed of seeds(runs)) {
      const world = new World({ seed, loss: 0.1, config: GOSSIP_PRESETS[preset] });
      world.addMany(6);
      world.run(600_000);
      expect(
        world.news.filter((n) => n.change === 'died' || n.change === 'left'),
        `seed ${seed}`,
      ).toEqual([]);
      expect(world.news.some((n) => n.change === 'refuted')).toBe(true);
    }
  });
});
