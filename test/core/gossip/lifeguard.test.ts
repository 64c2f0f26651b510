import { describe, expect, it } from 'vitest';
import { GOSSIP_PRESETS, type GossipConfig } from '../../../core/gossip/config.js';
import { World } from './world.js';

const { lan } = GOSSIP_PRESETS;
const plainSwim: GossipConfig = { ...lan, awarenessMax: 1, suspicionMaxMult: 1, confirmingProbes: 0 };
const SLOW = 4;

/** Deaths of healthy nodes that were believed by somebody, with a few nodes that run for moments only. */
function wrongDeaths(config: GossipConfig, seed: number): number {
  const world = new World({ seed, loss: 0.02, config });
  world.addMany(20);
  world.run(20_000);
  for (let slow = 0; slow < SLOW; slow++) {
    for (let at = 20_000 + slow * 700; at < 160_000; at += 8_100 + slow * 33) {
      world.at(at, () => world.pause(`n${slow}`));
      world.at(at + 8_000, () => world.resume(`n${slow}`));
    }
  }
  world.run(160_000);
  return world.news.filter((n) => n.change === 'died' && Number(n.member.id.slice(1)) >= SLOW).length;
}

describe('Lifeguard', () => {
  it('keeps slow nodes from having healthy ones believed dead', () => {
    let [withIt, without] = [0, 0];
    for (let seed = 1; seed <= 3; seed++) {
      withIt += wrongDeaths(lan, seed);
      without += wrongDeaths(plainSwim, seed);
    }
    expect(without).toBeGreaterThan(0);
    expect(withIt).toBeLessThan(without / 5);
  });

  it('bears a node that stops for a few seconds', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const world = new World({ seed });
      world.addMany(10);
      world.run(20_000);
      world.pause('n4');
      world.run(world.nowMs + 3_000);
      world.resume('n4');
      world.run(world.nowMs + 60_000);
      expect(
        world.news.filter((n) => n.change === 'died'),
        `seed ${seed}`,
      ).toEqual([]);
      expect(world.agreed()).toBe(true);
    }
  });

  it('takes a node back that stopped for a minute', () => {
    const world = new World({ seed: 1 });
    world.addMany(10);
    world.run(20_000);
    world.pause('n4');
    world.run(world.nowMs + 60_000);
    expect(world.news.some((n) => n.change === 'died' && n.member.id === 'n4')).toBe(true);
    world.resume('n4');
    expect(world.runUntil(() => world.agreed(), 60_000)).not.toBeNull();
    expect(world.news.filter((n) => n.change === 'died' && n.member.id !== 'n4')).toEqual([]);
  });
});
