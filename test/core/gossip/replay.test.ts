import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessages } from '../../../core/gossip/codec.js';
import { GOSSIP_PRESETS } from '../../../core/gossip/config.js';
import { liveMembers } from '../../../core/gossip/gossip.js';
import { message } from './arbitraries.js';
import { World } from './world.js';

/** A run with everything in it: a death, a goodbye, a restart, a partition, loss. */
function eventfulRun(seed: number): World {
  const world = new World({ seed, loss: 0.05, record: true, config: GOSSIP_PRESETS.local });
  world.addMany(8);
  world.at(8_000, () => world.kill('n5'));
  world.at(10_000, () => world.step('n6', { type: 'leave' }));
  world.at(10_500, () => world.kill('n6'));
  world.at(12_000, () => world.restart('n3', ['n0']));
  world.at(16_000, () => {
    world.cut = (from, to) => (from === 'n1') !== (to === 'n1');
  });
  world.at(28_000, () => {
    world.cut = () => false;
  });
  world.run(60_000);
  return world;
}

describe('old and strange datagrams', () => {
  it('do no harm when replayed at any time, to anybody', () => {
    const replay = fc.record({
      seed: fc.integer({ min: 1, max: 1_000 }),
      laterMs: fc.oneof({ weight: 9, arbitrary: fc.nat(60_000) }, { weight: 1, arbitrary: fc.constant(650_000) }),
      picks: fc.array(fc.record({ at: fc.nat(), to: fc.option(fc.nat(7)) }), { minLength: 20, maxLength: 200 }),
    });
    fc.assert(
      fc.property(replay, ({ seed, laterMs, picks }) => {
        const world = eventfulRun(seed);
        expect(world.agreed()).toBe(true);
        const tape = [...world.recorded];
        world.run(world.nowMs + laterMs);
        world.news.length = 0;
        for (const pick of picks) {
          const old = tape[pick.at % tape.length];
          if (old === undefined) continue;
          const to = pick.to === null ? old.to : world.node(`n${pick.to}`).address;
          world.inject(to, old.from, old.messages);
          world.run(world.nowMs + 15);
        }
        world.run(world.nowMs + 30_000);
        const running = new Set(world.running());
        const wronged = world.news.filter(
          (n) => (n.change === 'died' || n.change === 'left') && running.has(n.member.id),
        );
        expect(wronged).toEqual([]);
        expect(world.agreed()).toBe(true);
      }),
      { numRuns: 10 },
    );
  });

  it('do no harm when they are well-formed nonsense', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.array(message, { maxLength: 60 }), (seed, messages) => {
        const world = new World({ seed, config: GOSSIP_PRESETS.local });
        world.addMany(4);
        world.run(5_000);
        for (const one of messages) {
          world.inject(world.node('n1').address, { host: 'nowhere', port: 9 }, [one]);
          world.run(world.nowMs + 10);
        }
        world.run(world.nowMs + 60_000);
        const known = liveMembers(world.node('n2').gossip).map((m) => m.id);
        expect(known).toEqual(['n0', 'n1', 'n2', 'n3']);
      }),
      { numRuns: 20 },
    );
  });

  it('do no harm when they are garbage', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_400 }), (bytes) => {
        const decoded = decodeMessages(bytes);
        expect(decoded.ok || decoded.reason.length > 0).toBe(true);
      }),
    );
  });
});
