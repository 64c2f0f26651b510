/** A workload of which the cluster wants some copies, as one brain sees it. */
import { describe, expect, it } from 'vitest';
import type { CloudCall } from '../../../core/cloud.js';
import type { Member, Meta } from '../../../core/gossip/member.js';
import type { WorkloadStatus } from '../../../core/node/port.js';
import { revisionOf } from '../../../core/spec/revision.js';
import type { ProcessWorkload, Spec } from '../../../core/spec/spec.js';
import { wallMs } from '../../../core/time.js';
import { EPOCH_MS, memberOf, policyOf, seatOf, specOf, TARGET_GROUP } from '../fixtures.js';
import { Host, type OpenCall } from './host.js';

const GROUP = TARGET_GROUP.replace('web', 'model');
const ANSWERED: readonly CloudCall['op'][] = ['registerTarget', 'deregisterTarget', 'tagNode', 'putObject'];
const OK = { ok: true, value: null } as const;
const [every] = specOf().workloads as [ProcessWorkload];

function specWith(copies: number, change: Partial<ProcessWorkload> = {}, desired = 3): Spec {
  const model = { ...every, name: 'model', port: 9_000, targetGroupArns: [GROUP], copies, memoryMiB: 600, ...change };
  return specOf({
    desired,
    workloads: [every, model],
    launch: { ...specOf().launch, templateVersion: 1 },
    policy: policyOf({ keepServingMs: 5_000, drainMs: 20_000 }),
  });
}

const MODEL = 2;

/** A peer that has a second bit's workload, or hasn't. */
function peer(slot: number, spec: Spec, meta: Partial<Meta> = {}, n = 1): Member {
  const record = { seat: seatOf(slot), revision: revisionOf(1, spec), copyMemoryMiB: 1_000, ...meta };
  const change = { address: { host: `10.0.0.${10 + slot}`, port: 7946 }, incarnation: EPOCH_MS + n };
  return memberOf(`i-${slot}`, record, change);
}

class CopyHost extends Host {
  say(name: string, health: WorkloadStatus['health'], inFlight = 0): void {
    this.step({ type: 'workload', name, status: { health, inFlight } });
  }

  /** Time passes in a cloud that does what it is told, among peers that answer pings. */
  live(ms: number): void {
    const until = this.now + ms;
    while (this.now < until) {
      const before = this.effects.length;
      this.pass(Math.min(100, until - this.now), ({ call }: OpenCall) => (ANSWERED.includes(call.op) ? OK : null));
      for (const effect of this.effects.slice(before)) {
        if (effect.type !== 'datagram') continue;
        for (const message of effect.messages) {
          if (message.type !== 'ping') continue;
          const ack = { type: 'ack', seq: message.seq, sender: message.target } as const;
          this.step({ type: 'datagram', from: effect.to, messages: [ack] });
        }
      }
    }
  }

  started(name: string): number {
    return this.effects.filter((e) => e.type === 'start-workload' && e.name === name).length;
  }

  stopped(name: string): number {
    return this.effects.filter((e) => e.type === 'stop-workload' && e.name === name).length;
  }

  targets(op: CloudCall['op']): number {
    return this.calls(op).filter((call) => 'targetGroupArn' in call && call.targetGroupArn === GROUP).length;
  }
}

/** One that serves what runs on every node, among peers in the other slots. */
function among(spec: Spec, peers: readonly Member[]): CopyHost {
  const host = new CopyHost({ spec });
  host.step();
  host.answer('findNodes', { ok: true, value: [] });
  for (const one of peers) host.hear(one);
  host.say('api', 'healthy');
  host.live(50);
  return host;
}

describe('a copy', () => {
  it('is started where the layout gives it for a while, registered when healthy, and told of', () => {
    const spec = specWith(3);
    const host = among(spec, [peer(0, spec, { runs: MODEL, serves: MODEL }), peer(2, spec)]);
    expect(host.started('model')).toBe(0);
    expect(host.state.meta).toMatchObject({ workload: 'healthy', runs: 0, copyMemoryMiB: 1_024 });
    host.live(1_100);
    expect(host.started('model')).toBe(1);
    expect(host.state.meta).toMatchObject({ workload: 'starting', runs: MODEL, serves: 0 });
    expect(host.targets('registerTarget')).toBe(0);
    host.say('model', 'healthy');
    host.live(100);
    expect(host.targets('registerTarget')).toBe(1);
    expect(host.state.meta).toMatchObject({ workload: 'healthy', runs: MODEL, serves: MODEL });
  });

  it('is not started where others hold as many as are wanted, nor where it has no room: such a node is healthy', () => {
    const held = specWith(2);
    const two = [0, 2].map((slot) => peer(slot, held, { runs: MODEL, serves: MODEL }));
    const large = specWith(3, { memoryMiB: 2_000 });
    for (const host of [among(held, two), among(large, [peer(0, large), peer(2, large)])]) {
      host.live(5_000);
      expect(host.started('model')).toBe(0);
      expect(host.state.meta.workload).toBe('healthy');
      // A former life may have left a target behind.
      expect(host.targets('deregisterTarget')).toBe(1);
    }
  });

  it('of a node that leaves is started at once', () => {
    const spec = specWith(1);
    const host = among(spec, [peer(0, spec, { runs: MODEL, serves: MODEL }), peer(2, spec, { copyMemoryMiB: 0 })]);
    host.live(3_000);
    expect(host.started('model')).toBe(0);
    const leaving = { cause: 'interruption', deadlineMs: wallMs(EPOCH_MS + 120_000) } as const;
    host.hear(peer(0, spec, { runs: MODEL, serves: MODEL, leaving }, 2));
    expect(host.started('model')).toBe(1);
  });

  it('too many is deregistered, serves on, and is stopped; given again it is started anew', () => {
    const spec = specWith(1);
    const host = running(spec);
    // Another one serves it, too, and keeps it for its lower id.
    host.hear(peer(0, spec, { runs: MODEL, serves: MODEL }, 2));
    host.live(900);
    expect(host.targets('deregisterTarget')).toBe(0);
    host.live(300);
    expect(host.targets('deregisterTarget')).toBe(1);
    expect(host.state.meta.serves).toBe(0);
    host.live(4_000);
    expect(host.stopped('model')).toBe(0);
    host.live(2_000);
    host.say('model', 'healthy', 3);
    host.live(2_000);
    expect(host.stopped('model')).toBe(0);
    host.say('model', 'healthy', 0);
    expect(host.stopped('model')).toBe(1);
    host.say('model', 'stopped');
    expect(host.state.meta).toMatchObject({ workload: 'healthy', runs: 0 });
    host.hear(peer(0, spec, {}, 3));
    host.hear(peer(0, spec, { copyMemoryMiB: 0 }, 4));
    host.hear(peer(2, spec, { copyMemoryMiB: 0 }, 4));
    host.live(1_200);
    expect(host.started('model')).toBe(2);
    host.say('model', 'healthy');
    host.live(100);
    expect(host.state.meta).toMatchObject({ workload: 'healthy', serves: MODEL });
  });

  it('too many is kept while the other one does not serve, or once it does no more', () => {
    const spec = specWith(1);
    const host = running(spec);
    host.hear(peer(0, spec, { runs: MODEL, serves: MODEL }, 2));
    host.live(2_500);
    expect(host.targets('deregisterTarget')).toBe(1);
    host.hear(peer(0, spec, { runs: MODEL }, 3));
    host.live(10_000);
    expect(host.stopped('model')).toBe(0);
    expect(host.targets('registerTarget')).toBe(2);
    expect(host.state.meta.serves).toBe(MODEL);
  });

  it('is served elsewhere before its node gives way to a successor', () => {
    const spec = specWith(1);
    const host = running(spec);
    const next = { seat: seatOf(1, 5) };
    host.hear(peer(3, spec, next, 2));
    host.live(6_000);
    expect(host.state.leaving).toBeNull();
    expect(host.state.waiting?.reason).toContain('The copy of model on this node');
    host.hear(peer(0, spec, { runs: MODEL, serves: MODEL }, 3));
    host.live(1_000);
    expect(host.state.leaving?.cause).toBe('superseded');
  });

  it('goes with the drain of its node', () => {
    const host = running(specWith(1));
    host.interrupt(60_000);
    host.live(300);
    expect(host.targets('deregisterTarget')).toBe(1);
    host.live(8_000);
    host.say('api', 'healthy', 0);
    host.say('model', 'healthy', 0);
    host.live(500);
    expect(host.stopped('model')).toBe(1);
  });
});

/** It runs the only copy. */
function running(spec: Spec): CopyHost {
  const host = among(
    spec,
    [0, 2].map((slot) => peer(slot, spec, { copyMemoryMiB: slot === 0 ? 500 : 0 })),
  );
  host.live(1_100);
  host.say('model', 'healthy');
  host.live(100);
  expect(host.state.meta).toMatchObject({ runs: MODEL, serves: MODEL });
  host.hear(peer(0, spec, {}, 1));
  return host;
}

it('the number of copies is no part of a revision', () => {
  expect(revisionOf(1, specWith(1))).toBe(revisionOf(1, specWith(4)));
  expect(revisionOf(1, specWith(1))).not.toBe(revisionOf(1, specWith(1, { memoryMiB: 700 })));
});
