import { describe, expect, it } from 'vitest';
import { GOSSIP_PRESETS } from '../../../core/gossip/config.js';
import { gossipHealth, liveMembers, member, members } from '../../../core/gossip/gossip.js';
import { buildKeyring } from '../../../core/gossip/keyring.js';
import { wallMs } from '../../../core/time.js';
import { aesGcm } from './aead.js';
import { plainMeta, World } from './world.js';

const SEEDS = [1, 2, 3, 4, 5];

function cluster(size: number, options: Partial<ConstructorParameters<typeof World>[0]> = {}): World {
  const world = new World({ seed: 1, ...options });
  world.addMany(size);
  expect(
    world.runUntil(() => world.agreed(), 60_000),
    `agreement of seed ${options.seed ?? 1}`,
  ).not.toBeNull();
  world.run(world.nowMs + 5_000);
  world.news.length = 0;
  return world;
}

/** What the others were told of one member, each change once. */
const told = (world: World, id: string): string[] => [
  ...new Set(world.news.filter((n) => n.member.id === id && n.at !== id).map((n) => n.change)),
];

describe('a cluster', () => {
  it.each([1, 2, 3, 10, 40])('of %i agrees on its members', (size) => {
    const world = cluster(size);
    expect(liveMembers(world.node('n0').gossip)).toHaveLength(size);
  });

  it.each(SEEDS)('agrees over a bad network: a fifth lost, some doubled, all reordered (seed %i)', (seed) => {
    cluster(8, { seed, loss: 0.2, duplicates: 0.1, delayMs: [1, 150] });
  });

  it('meets when all start at once and know only each other, some not up yet', () => {
    const world = new World({ seed: 1 });
    const ids = ['a', 'b', 'c', 'd'];
    for (const id of ids) world.add(id, []);
    world.kill('c', 'd');
    world.join('a', ids);
    world.join('b', ids);
    world.run(3_000);
    world.restart('c', ['d']);
    world.restart('d', []);
    expect(world.runUntil(() => world.agreed(), 30_000)).not.toBeNull();
  });

  it('gives up a seed that never answers', () => {
    const world = new World({ seed: 1 });
    world.add('gone', []);
    world.kill('gone');
    world.add('a', ['gone']);
    world.run(3_600_000);
    expect(gossipHealth(world.node('a').gossip).counters).toMatchObject({ exchanges: 12, exchangeFailures: 12 });
  });

  it('hears of a change at once', () => {
    const world = cluster(10);
    world.step('n4', { type: 'meta', meta: { ...plainMeta(4), freeMemoryMiB: 99 } });
    const seen = (): boolean =>
      world.running().every((id) => member(world.node(id).gossip, 'n4')?.meta.freeMemoryMiB === 99);
    expect(world.runUntil(seen, 5_000)).toBeLessThanOrEqual(1_000);
    expect(told(world, 'n4')).toEqual(['updated']);
  });

  it('hears a goodbye at once and never calls it a death', () => {
    const world = cluster(10);
    world.step('n4', { type: 'leave' });
    world.run(world.nowMs + 500);
    world.kill('n4');
    world.run(world.nowMs + 60_000);
    expect(told(world, 'n4')).toEqual(['left']);
    expect(world.agreed()).toBe(true);
    expect(member(world.node('n0').gossip, 'n4')?.status).toBe('left');
  });

  it('goes on probing one that says it will leave, and calls its silence leaving', () => {
    const world = cluster(6);
    const leaving = { cause: 'interruption', deadlineMs: wallMs(0) } as const;
    world.step('n2', { type: 'meta', meta: { ...plainMeta(2), leaving } });
    world.run(world.nowMs + 30_000);
    expect(told(world, 'n2')).toEqual(['updated']);
    world.kill('n2');
    world.run(world.nowMs + 30_000);
    expect(told(world, 'n2')).toEqual(['updated', 'suspected', 'left']);
  });

  it('takes a restarted node for a new life of the same', () => {
    const world = cluster(6);
    world.kill('n3');
    world.run(world.nowMs + 500);
    world.restart('n3', ['n0']);
    expect(world.runUntil(() => world.agreed(), 20_000)).not.toBeNull();
    world.kill('n3');
    expect(world.runUntil(() => world.agreed(), 20_000)).not.toBeNull();
    world.restart('n3', ['n0']);
    expect(world.runUntil(() => world.agreed(), 20_000)).not.toBeNull();
    expect(world.news.some((n) => n.at === 'n0' && n.member.id === 'n3' && n.change === 'died')).toBe(true);
  });

  it('takes a restart with its clock set back for the same node', () => {
    const world = cluster(4);
    const former = world.node('n2').gossip.self.incarnation;
    world.restart('n2', []);
    world.node('n2').gossip.self = { ...world.node('n2').gossip.self, incarnation: 5 };
    world.join('n2', ['n0']);
    world.run(world.nowMs + 10_000);
    expect(world.agreed()).toBe(true);
    expect(world.node('n2').gossip.self.incarnation).toBeGreaterThan(former);
  });

  it.each(SEEDS)('heals a partition (seed %i)', (seed) => {
    const world = cluster(10, { seed });
    const ids = world.running();
    const inMinority = (id: string): boolean => ids.indexOf(id) < 4;
    world.cut = (from, to) => inMinority(from) !== inMinority(to);
    const parted = (): boolean =>
      world.agreed(ids.filter(inMinority)) && world.agreed(ids.filter((id) => !inMinority(id)));
    expect(world.runUntil(parted, 90_000, 100)).not.toBeNull();
    world.cut = () => false;
    expect(world.runUntil(() => world.agreed(), 60_000, 100)).not.toBeNull();
  });

  it('bears that one node hears nothing: its doubt of itself grows, the others outvote it', () => {
    const world = cluster(10);
    world.cut = (_, to) => to === 'n7';
    world.run(world.nowMs + 10_000);
    expect(gossipHealth(world.node('n7').gossip).awareness).toBeGreaterThan(0);
    world.run(world.nowMs + 60_000);
    const wronged = world.news.filter((n) => n.at !== 'n7' && n.change === 'died' && n.member.id !== 'n7');
    expect(wronged).toEqual([]);
    world.cut = () => false;
    expect(world.runUntil(() => world.agreed(), 90_000, 100)).not.toBeNull();
  });

  it('forgets the gone after ten minutes', () => {
    const world = cluster(4);
    world.kill('n3');
    world.run(world.nowMs + 300_000);
    expect(members(world.node('n0').gossip)).toHaveLength(4);
    world.run(world.nowMs + 400_000);
    expect(members(world.node('n0').gossip)).toHaveLength(3);
  });

  it('takes a new key into use while it runs', () => {
    const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
    const rings = [
      buildKeyring(key(1), [], aesGcm),
      buildKeyring(key(1), [key(2)], aesGcm),
      buildKeyring(key(2), [key(1)], aesGcm),
      buildKeyring(key(2), [], aesGcm),
    ];
    const world = cluster(6, { ring: rings[0] as (typeof rings)[0] });
    for (const ring of rings) {
      for (const node of world.nodes.values()) {
        node.ring = ring;
        world.run(world.nowMs + 1_500);
      }
    }
    world.run(world.nowMs + 60_000);
    expect(world.refused).toBe(0);
    expect(world.news).toEqual([]);
    world.node('n1').ring = buildKeyring(key(9), [], aesGcm);
    world.run(world.nowMs + 60_000);
    expect(world.refused).toBeGreaterThan(0);
    expect(told(world, 'n1')).toContain('died');
  });

  it('runs the same way again with the same seed, and another way with another', () => {
    const trace = (seed: number): number => {
      const world = new World({ seed, loss: 0.1, duplicates: 0.05, delayMs: [1, 80], config: GOSSIP_PRESETS.local });
      world.addMany(8);
      world.at(10_000, () => world.kill('n5'));
      world.at(15_000, () => world.pause('n6'));
      world.at(18_000, () => world.resume('n6'));
      world.run(40_000);
      return world.trace;
    };
    expect(trace(7)).toBe(trace(7));
    expect(trace(7)).not.toBe(trace(8));
  });
});
