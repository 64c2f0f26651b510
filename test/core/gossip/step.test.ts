import { describe, expect, it } from 'vitest';
import { GOSSIP_PRESETS } from '../../../core/gossip/config.js';
import {
  createGossip,
  type GossipEffect,
  type GossipEvent,
  type GossipState,
  gossipHealth,
  liveMembers,
  member,
  nextGossipDeadlineMs,
  stepGossip,
} from '../../../core/gossip/gossip.js';
import type { Member } from '../../../core/gossip/member.js';
import type { Message } from '../../../core/gossip/message.js';
import { seededRng } from '../../../core/rng.js';
import { monoMs, wallMs } from '../../../core/time.js';
import { plainMeta } from './world.js';

const rng = seededRng('step');
const someone = (id: string, incarnation = 100, zone = 'a'): Member => ({
  id,
  address: { host: id, port: 7946 },
  incarnation,
  status: 'alive',
  meta: { ...plainMeta(0), zone },
});

/** One node on a bench: events in, effects out. */
class Bench {
  nowMs = 0;
  state: GossipState;

  constructor(...others: readonly Member[]) {
    this.state = createGossip(someone('me'), GOSSIP_PRESETS.lan, this.#context());
    if (others.length > 0) this.step({ type: 'exchange', connection: 1, exchange: { sender: 'x', members: others } });
  }

  step(event: GossipEvent): readonly GossipEffect[] {
    const { state, effects } = stepGossip(this.state, event, this.#context());
    this.state = state;
    return effects;
  }

  hear(...messages: readonly Message[]): readonly GossipEffect[] {
    return this.step({ type: 'datagram', from: { host: 'from', port: 1 }, messages });
  }

  /** Ticks on time for so long. */
  pass(ms: number): readonly GossipEffect[] {
    const effects: GossipEffect[] = [];
    const end = this.nowMs + ms;
    for (let due = nextGossipDeadlineMs(this.state); due <= end; due = nextGossipDeadlineMs(this.state)) {
      this.nowMs = Math.max(this.nowMs, due);
      effects.push(...this.step({ type: 'tick' }));
    }
    this.nowMs = end;
    return effects;
  }

  #context() {
    return { nowMs: monoMs(this.nowMs), wallMs: wallMs(this.nowMs), rng };
  }
}

const sent = (effects: readonly GossipEffect[]): readonly Message[] =>
  effects.flatMap((e) => (e.type === 'datagram' ? e.messages : []));
const sentTo = (effects: readonly GossipEffect[], host: string): readonly Message[] =>
  sent(effects.filter((e) => e.type === 'datagram' && e.to.host === host));
const changes = (effects: readonly GossipEffect[]): string[] =>
  effects.flatMap((e) => (e.type === 'member' ? [`${e.change} ${e.member.id}`] : []));
const suspect = (id: string, incarnation: number, accuser = 'x'): Message => ({
  type: 'suspect',
  id,
  incarnation,
  accuser,
});

describe('one node', () => {
  it('needs nothing while it is alone', () => {
    const bench = new Bench();
    expect(nextGossipDeadlineMs(bench.state)).toBe(Number.POSITIVE_INFINITY);
    expect(bench.step({ type: 'meta', meta: plainMeta(1) })).toEqual([]);
    expect(nextGossipDeadlineMs(bench.state)).toBe(Number.POSITIVE_INFINITY);
  });

  it('refuses an identity that cannot be sent', () => {
    const context = { nowMs: monoMs(0), wallMs: wallMs(0), rng };
    expect(() => createGossip(someone(''), GOSSIP_PRESETS.lan, context)).toThrow(RangeError);
  });

  it('acks a ping for itself, not one for the former holder of its address', () => {
    const bench = new Bench();
    const ping = { type: 'ping', seq: 5, sender: 'x' } as const;
    expect(sent(bench.hear({ ...ping, target: 'me' }))).toEqual([{ type: 'ack', seq: 5, sender: 'me' }]);
    expect(bench.hear({ ...ping, target: 'other' })).toEqual([]);
    expect(gossipHealth(bench.state).counters.misaddressed).toBe(1);
  });

  it('refutes a suspicion in the very answer, with a higher incarnation', () => {
    const bench = new Bench(someone('x'));
    const before = bench.state.self.incarnation;
    const ping: Message = { type: 'ping', seq: 5, sender: 'x', target: 'me' };
    const answer = bench.hear(ping, suspect('me', before + 7));
    expect(sentTo(answer, 'from')).toContainEqual({ type: 'alive', member: bench.state.self });
    expect(bench.state.self.incarnation).toBe(before + 8);
    expect(gossipHealth(bench.state).awareness).toBe(1);
    bench.pass(10_000);
    const outdated = sentTo(bench.hear(ping, suspect('me', before)), 'from');
    expect(outdated).toContainEqual({ type: 'alive', member: bench.state.self });
    expect(bench.state.self.incarnation).toBe(before + 8);
  });

  it('refutes its death and a goodbye it never said', () => {
    const bench = new Bench(someone('x'));
    bench.hear({ type: 'dead', id: 'me', incarnation: 100, accuser: 'x' });
    expect(bench.state.self.incarnation).toBe(101);
    bench.hear({ type: 'alive', member: { ...someone('me', 200), status: 'left' } });
    expect(bench.state.self.incarnation).toBe(201);
  });

  it('stays left once it has left, but still answers', () => {
    const bench = new Bench(someone('x'));
    bench.step({ type: 'leave' });
    bench.hear({ type: 'dead', id: 'me', incarnation: 500, accuser: 'x' });
    expect(bench.state.self.status).toBe('left');
    expect(sent(bench.hear({ type: 'ping', seq: 1, sender: 'x', target: 'me' }))[0]).toMatchObject({ type: 'ack' });
    const later = bench.pass(60_000);
    expect(sent(later).some((m) => m.type === 'ping')).toBe(false);
    expect(later.some((e) => e.type === 'exchange')).toBe(false);
  });

  it('says goodbye to several peers directly', () => {
    const bench = new Bench(...['a', 'b', 'c', 'd', 'e', 'f'].map((id) => someone(id)));
    bench.pass(5_000);
    const told = bench.step({ type: 'leave' }).flatMap((e) => (e.type === 'datagram' ? [e.to.host] : []));
    expect(new Set(told).size).toBe(6);
  });

  it('tells one whom it suspects, or holds for dead, when it hears from it', () => {
    const bench = new Bench(someone('x'), someone('y'));
    const ping: Message = { type: 'ping', seq: 5, sender: 'y', target: 'me' };
    bench.hear(suspect('y', 100));
    expect(sentTo(bench.hear(ping), 'from')).toContainEqual(suspect('y', 100));
    bench.hear({ type: 'dead', id: 'y', incarnation: 100, accuser: 'x' });
    expect(sentTo(bench.hear(ping), 'from')).toContainEqual({
      type: 'dead',
      id: 'y',
      incarnation: 100,
      accuser: 'me',
    });
  });

  it('tells a suspected member in the ping that probes it', () => {
    const bench = new Bench(someone('y'));
    bench.hear(suspect('y', 100));
    const probe = bench
      .pass(2_000)
      .find((e) => e.type === 'datagram' && e.to.host === 'y' && e.messages[0]?.type === 'ping');
    expect(probe?.type === 'datagram' && probe.messages).toContainEqual(suspect('y', 100));
  });

  it('asks helpers in different zones, counts the nacks, and then suspects', () => {
    const others = ['a1', 'a2', 'a3', 'b1', 'c1'].map((id) => someone(id, 100, id[0] ?? ''));
    const bench = new Bench(...others);
    const effects: GossipEffect[] = [];
    while (!sent(effects).some((m) => m.type === 'ping')) effects.push(...bench.pass(10));
    effects.push(...bench.pass(600));
    const ping = sent(effects).find((m) => m.type === 'ping');
    const target = ping?.type === 'ping' ? ping.target : '';
    const asked = effects.flatMap((e) =>
      e.type === 'datagram' && e.messages.some((m) => m.type === 'ping-req' && m.target === target) ? [e.to.host] : [],
    );
    expect(asked).toHaveLength(3);
    const zonesLeft = new Set(others.filter((m) => m.id !== target).map((m) => m.meta.zone));
    expect(new Set(asked.map((id) => id[0])).size).toBe(zonesLeft.size);
    const seq = ping?.type === 'ping' ? ping.seq : 0;
    for (const helper of asked) bench.hear({ type: 'nack', seq, sender: helper });
    bench.hear({ type: 'ack', seq, sender: 'somebody else' });
    bench.pass(450);
    expect(member(bench.state, target)?.status).toBe('suspect');
    expect(gossipHealth(bench.state).awareness).toBe(0);
    bench.pass(600);
    expect(gossipHealth(bench.state).awareness).toBe(3);
  });

  it('helps: pings for another, passes the ack on, or says that none came', () => {
    const bench = new Bench(someone('x'));
    const request: Message = {
      type: 'ping-req',
      seq: 9,
      sender: 'x',
      target: 'z',
      targetAddress: { host: 'z', port: 7946 },
    };
    const ping = sentTo(bench.hear(request), 'z')[0];
    const seq = ping?.type === 'ping' ? ping.seq : -1;
    expect(sentTo(bench.hear({ type: 'ack', seq, sender: 'z' }), 'from')).toContainEqual({
      type: 'ack',
      seq: 9,
      sender: 'z',
    });
    bench.hear(request);
    expect(sentTo(bench.pass(500), 'from')).toContainEqual({ type: 'nack', seq: 9, sender: 'me' });
  });

  it('waits for confirmations before it gives one up', () => {
    const bench = new Bench(...['a', 'b', 'c', 'd', 'e', 'y'].map((id) => someone(id)));
    expect(changes(bench.hear(suspect('y', 100, 'a')))).toEqual(['suspected y']);
    expect(changes(bench.hear(suspect('y', 100, 'a')))).toEqual([]);
    bench.nowMs += 4_000 - 1;
    bench.hear(suspect('y', 100, 'b'), suspect('y', 100, 'c'));
    expect(member(bench.state, 'y')?.status).toBe('suspect');
  });

  it('does not blame others for the time that it was stopped itself', () => {
    const bench = new Bench(...['a', 'b', 'c', 'd', 'e', 'y'].map((id) => someone(id)));
    bench.hear(suspect('y', 100, 'a'), suspect('y', 100, 'b'), suspect('y', 100, 'c'));
    bench.nowMs += 30_000;
    expect(changes(bench.step({ type: 'tick' }))).toEqual([]);
    expect(changes(bench.hear({ type: 'alive', member: someone('y', 101) }))).toEqual(['refuted y']);
    expect(gossipHealth(bench.state)).toMatchObject({ awareness: 1, suspects: 0, counters: { stalls: 1 } });
  });

  it('ignores what is said of strangers, and old words on the gone', () => {
    const bench = new Bench(someone('y'));
    expect(changes(bench.hear(suspect('z', 1), { type: 'dead', id: 'z', incarnation: 1, accuser: 'x' }))).toEqual([]);
    expect(changes(bench.hear({ type: 'alive', member: { ...someone('z'), status: 'left' } }))).toEqual([]);
    expect(member(bench.state, 'z')).toBeUndefined();
    bench.hear({ type: 'dead', id: 'y', incarnation: 100, accuser: 'x' });
    const old: Message[] = [{ type: 'alive', member: someone('y') }, suspect('y', 100), suspect('y', 300)];
    expect(changes(bench.hear(...old))).toEqual([]);
    expect(changes(bench.hear({ type: 'alive', member: someone('y', 101) }))).toEqual(['joined y']);
  });

  it('keeps the record that fits the incarnation when a suspicion overtakes it', () => {
    const bench = new Bench(someone('y', 100), someone('z'));
    bench.hear(suspect('y', 101));
    const reply = bench.step({ type: 'exchange', connection: 2, exchange: { sender: 'z', members: [] } });
    const told = reply.flatMap((e) => (e.type === 'exchange-reply' ? e.exchange.members.map((m) => m.id) : []));
    expect(told).toEqual(['me', 'z']);
    const renewed = { ...someone('y', 101), meta: { ...plainMeta(0), freeMemoryMiB: 7 } };
    expect(changes(bench.hear({ type: 'alive', member: renewed }))).toEqual(['updated y']);
    expect(member(bench.state, 'y')).toMatchObject({ status: 'suspect', meta: { freeMemoryMiB: 7 } });
  });

  it("takes another's verdict in an exchange as a suspicion only", () => {
    const bench = new Bench(someone('y'), someone('z'));
    const verdict: Member = { ...someone('y'), status: 'dead' };
    const effects = bench.step({ type: 'exchange', connection: 2, exchange: { sender: 'z', members: [verdict] } });
    expect(changes(effects)).toEqual(['suspected y']);
    expect(liveMembers(bench.state).map((m) => m.id)).toEqual(['me', 'y', 'z']);
  });
});
