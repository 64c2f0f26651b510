/** Random events into one brain: it never throws, and what it asks for makes sense. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CloudErrorKind, NodeView, Outcome } from '../../../core/cloud.js';
import type { Member, WorkloadHealth } from '../../../core/gossip/member.js';
import type { Message } from '../../../core/gossip/message.js';
import type { ImdsPath, NodeEffect, Publication } from '../../../core/node/port.js';
import { chance, pick, randomInt, seededRng } from '../../../core/rng.js';
import type { Rng } from '../../../core/time.js';
import { EPOCH_MS, failure, memberOf, nodeViewOf, seatOf, specOf } from '../fixtures.js';
import { Host, type OpenCall, SELF } from './host.js';

const KINDS: readonly CloudErrorKind[] = [
  'capacity',
  'quota',
  'throttle',
  'configuration',
  'mismatch',
  'ended',
  'conflict',
  'not-found',
  'unknown',
];
const PATHS: readonly ImdsPath[] = [
  'spot/instance-action',
  'events/recommendations/rebalance',
  'events/maintenance/scheduled',
];
const HEALTH: readonly WorkloadHealth[] = ['starting', 'healthy', 'unhealthy', 'stopped'];

const one = <T>(rng: Rng, items: readonly T[]): T => pick(rng, items) as T;

const somePublication = (rng: Rng): Publication => ({
  freeMemoryMiB: randomInt(rng, 1_200),
  freeGpuMemoryMiB: randomInt(rng, 3) * 64,
  warm: Array.from({ length: randomInt(rng, 3) }, () => `d${randomInt(rng, 9)}`),
  work: randomInt(rng, 9),
  pressure: chance(rng, 0.2),
  ...(chance(rng, 0.5) && { tasks: [{ task: 't.1', memoryMiB: randomInt(rng, 2_000), gpuMemoryMiB: 0 }] }),
});

function someMember(rng: Rng): Member {
  const n = randomInt(rng, 6);
  return memberOf(
    `i-${n}`,
    {
      seat: seatOf(randomInt(rng, 4), 1 + randomInt(rng, 6), randomInt(rng, 3)),
      workload: one(rng, HEALTH),
      standby: one(rng, ['none', 'none', 'keep', 'release'] as const),
      specVersion: 1 + randomInt(rng, 3),
      pressure: chance(rng, 0.1),
      freeMemoryMiB: randomInt(rng, 2_000),
    },
    {
      address: { host: `10.0.0.${n}`, port: 7946 },
      incarnation: EPOCH_MS + randomInt(rng, 5) * 1_000,
      status: one(rng, ['alive', 'alive', 'left'] as const),
    },
  );
}

function someMessage(rng: Rng): Message {
  const [id, sender] = [`i-${randomInt(rng, 6)}`, `i-${randomInt(rng, 6)}`];
  const incarnation = EPOCH_MS + randomInt(rng, 5) * 1_000;
  return one<() => Message>(rng, [
    () => ({ type: 'alive', member: someMember(rng) }),
    () => ({ type: 'suspect', id, incarnation, accuser: sender }),
    () => ({ type: 'dead', id, incarnation, accuser: sender }),
    () => ({ type: 'ping', seq: randomInt(rng, 9), sender, target: id }),
    () => ({ type: 'ack', seq: randomInt(rng, 9), sender }),
    () => ({ type: 'nack', seq: randomInt(rng, 9), sender }),
  ])();
}

function someOutcome(rng: Rng, { call }: OpenCall): Outcome {
  if (chance(rng, 0.3)) return failure(one(rng, KINDS));
  const node = (): NodeView =>
    nodeViewOf(
      one(rng, [SELF, 'i-1', 'i-2', 'i-9']),
      chance(rng, 0.2) ? null : seatOf(randomInt(rng, 4), 1 + randomInt(rng, 6), randomInt(rng, 3)),
      {
        state: one(rng, ['pending', 'running', 'terminated', 'stopped'] as const),
        statusOk: one(rng, [true, false, null]),
      },
    );
  switch (call.op) {
    case 'launch':
      return { ok: true, value: { instanceIds: chance(rng, 0.5) ? ['i-9'] : [], errors: [] } };
    case 'findNodes':
      return { ok: true, value: Array.from({ length: randomInt(rng, 4) }, node) };
    case 'describeNode':
      return { ok: true, value: chance(rng, 0.3) ? null : node() };
    case 'readHint':
      return {
        ok: true,
        value: chance(rng, 0.5)
          ? null
          : { etag: 'e', position: seatOf(call.slot, 1 + randomInt(rng, 8), randomInt(rng, 4)) },
      };
    case 'writeHint':
      return { ok: true, value: { etag: 'e' } };
    case 'readSpec': {
      const text = JSON.stringify(specOf({ version: 1 + randomInt(rng, 3), desired: randomInt(rng, 4) }));
      return { ok: true, value: chance(rng, 0.3) ? text.slice(0, randomInt(rng, text.length)) : text };
    }
    default:
      return { ok: true, value: null };
  }
}

function someBody(rng: Rng, host: Host): string {
  const time = new Date(EPOCH_MS + host.now + randomInt(rng, 150_000) - 10_000).toISOString();
  return one(rng, [
    JSON.stringify({ action: one(rng, ['terminate', 'stop', 'hibernate', 'dance']), time }),
    JSON.stringify({ noticeTime: time }),
    JSON.stringify([{ Code: 'instance-stop', EventId: `e${randomInt(rng, 3)}`, NotBefore: time, State: 'active' }]),
    '<html>',
    '',
  ]);
}

/** One random event; notices and stops are rare, or every run would be over soon. */
function someStep(rng: Rng, host: Host): readonly NodeEffect[] {
  const from = { host: `10.0.0.${randomInt(rng, 6)}`, port: 7946 };
  const call = pick(rng, host.open);
  const roll = rng.next();
  if (roll < 0.35 && call !== undefined) return host.reply(call, someOutcome(rng, call));
  if (roll < 0.55) {
    const messages = Array.from({ length: 1 + randomInt(rng, 3) }, () => someMessage(rng));
    return host.step({ type: 'datagram', from, messages });
  }
  if (roll < 0.7) return host.health(one(rng, HEALTH), one(rng, [null, 0, 3]));
  if (roll < 0.72) return host.imds(one(rng, PATHS), one(rng, [200, 404, 503, 0]), someBody(rng, host));
  if (roll < 0.78) {
    const exchange = { sender: `i-${randomInt(rng, 6)}`, members: Array.from({ length: 3 }, () => someMember(rng)) };
    if (chance(rng, 0.5)) return host.step({ type: 'exchange', connection: randomInt(rng, 9), exchange });
    return host.step({ type: 'exchange-answer', to: from, exchange });
  }
  if (roll < 0.8) return host.step({ type: 'exchange-failed', to: from });
  if (roll < 0.803) return host.step({ type: 'stop', reason: one(rng, ['signal', 'crash-loop'] as const) });
  if (roll < 0.82) return host.step({ type: 'outcome', id: randomInt(rng, 500), outcome: failure('unknown') });
  if (roll < 0.85) return host.step({ type: 'publish', ...somePublication(rng) });
  host.now = chance(rng, 0.7)
    ? Math.max(host.now, Math.min(host.nextMs(), host.now + 60_000))
    : host.now + randomInt(rng, 3_000);
  return host.step();
}

/** What must hold of all that a brain ever asked for. */
class Watch {
  readonly #started = new Set<string>();
  readonly #stopped = new Set<string>();
  #lastId = 0;
  #exited = false;

  see(host: Host, effects: readonly NodeEffect[]): void {
    if (this.#exited) expect(effects).toEqual([]);
    for (const effect of effects) {
      switch (effect.type) {
        case 'call':
          expect(effect.id).toBeGreaterThan(this.#lastId);
          expect(effect.timeoutMs).toBeGreaterThan(0);
          this.#lastId = effect.id;
          if (effect.call.op === 'terminate') {
            expect(effect.call.instanceId).toBe(SELF);
            expect(host.state.fate.interruption).toBeNull();
          }
          break;
        case 'start-workload':
          expect(this.#started.has(effect.name)).toBe(false);
          expect(host.state.spec.workloads.map((w) => w.name)).toContain(effect.name);
          this.#started.add(effect.name);
          break;
        case 'stop-workload':
          expect(this.#started.has(effect.name)).toBe(true);
          expect(this.#stopped.has(effect.name)).toBe(false);
          expect(effect.graceMs).toBeGreaterThanOrEqual(0);
          expect(host.state.targets.every((target) => target.state === 'removed')).toBe(true);
          this.#stopped.add(effect.name);
          break;
        case 'datagram':
          expect(effect.messages.length).toBeGreaterThan(0);
          break;
        case 'exit':
          this.#exited = true;
          break;
        default:
          break;
      }
    }
    expect(Number.isNaN(host.nextMs())).toBe(false);
    expect(host.state.calls.size).toBeLessThan(20);
  }
}

describe('a brain under random events', () => {
  it('never throws, and asks only for what makes sense', () => {
    fc.assert(
      fc.property(fc.integer(), fc.boolean(), (seed, keepInstance) => {
        const rng = seededRng(seed);
        const host = new Host({ seed, keepInstance, seat: seatOf(randomInt(rng, 4), 1 + randomInt(rng, 3)) });
        const watch = new Watch();
        watch.see(host, host.step());
        for (let i = 0; i < 250; i++) watch.see(host, someStep(rng, host));
      }),
      { numRuns: 100 },
    );
  });

  it('the same events with the same seed bring the same effects', () => {
    const run = (): string => {
      const rng = seededRng('again');
      const host = new Host({ seed: 5 });
      for (let i = 0; i < 400; i++) someStep(rng, host);
      return JSON.stringify(host.effects);
    };
    expect(run()).toBe(run());
  });

  it('once it has done what is due, its next deadline lies ahead: a host that sleeps until then is never busy', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const rng = seededRng(seed);
        const host = new Host({ seed });
        for (let i = 0; i < 150; i++) {
          someStep(rng, host);
          host.step();
          expect(host.nextMs()).toBeGreaterThan(host.now);
        }
      }),
      { numRuns: 40 },
    );
  });
});
