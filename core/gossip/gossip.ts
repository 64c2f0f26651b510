import { randomInt } from '../rng.js';
import { after, type Context, earliest, type MonoMs, NEVER } from '../time.js';
import { adjust, createAwareness } from './awareness.js';
import { unsendable } from './codec.js';
import { exchangePaceMs, type GossipConfig, probePaceMs } from './config.js';
import { beginJoin, fullState, mergeExchange, runExchange, runJoin, runReconnect, seedAnswered } from './exchange.js';
import type { Address, Member, Meta } from './member.js';
import type { Exchange, Message } from './message.js';
import { dropProbes, hearAck, hearNack, hearPingReq, nextProbeDeadlineMs, runProbes, startProbes } from './probe.js';
import { createQueue } from './queue.js';
import { allMembers, createRoster, forgetGone, liveOnes, nextForgetMs, sample } from './roster.js';
import { type GossipCounters, type GossipEffect, type GossipState, hasLeft, send, type Turn } from './state.js';
import { postponeSuspicion } from './suspicion.js';
import { announce, endSuspicions, hearAlive, hearDead, hearSuspect, wordAgainst } from './words.js';

export type { GossipCounters, GossipEffect, GossipState, MemberChange } from './state.js';

/**
 * Membership by gossip: SWIM (Das, Gupta, Motivala, DSN 2002) with Lifeguard (Dadgar, Phillips, Currey, DSN 2018), as a
 * decision function. The host opens, sends and times; everything else is here.
 *
 * Who is trusted: whoever holds the cluster's key. Old datagrams are harmless: incarnations only grow, the gone are
 * remembered, and answers fit only a question in flight.
 */
export type GossipEvent =
  /** `nextGossipDeadlineMs` has passed. */
  | { readonly type: 'tick' }
  /** A datagram that could be opened and decoded. */
  | { readonly type: 'datagram'; readonly from: Address; readonly messages: readonly Message[] }
  | { readonly type: 'exchange'; readonly connection: number; readonly exchange: Exchange }
  | { readonly type: 'exchange-answer'; readonly to: Address; readonly exchange: Exchange }
  | { readonly type: 'exchange-failed'; readonly to: Address }
  /** Seeds are asked until each has answered, is known as a member, or was tried 12 times. */
  | { readonly type: 'join'; readonly seeds: readonly Address[] }
  /** This node's own record changed. */
  | { readonly type: 'meta'; readonly meta: Meta }
  /** This node goes: the others are told; from here it only answers and passes on. */
  | { readonly type: 'leave' };

export interface GossipStep {
  readonly state: GossipState;
  readonly effects: readonly GossipEffect[];
}

/** How gossip is doing on this node; for metrics and `doctor`. */
export interface GossipHealth {
  /** 0: healthy; up to `awarenessMax` - 1: this node seems slow itself. */
  readonly awareness: number;
  readonly live: number;
  readonly suspects: number;
  /** Words waiting to be passed on, and those dropped as the queue was full. */
  readonly queued: number;
  readonly queueDropped: number;
  readonly counters: Readonly<GossipCounters>;
}

/**
 * Gossip of a node that knows only itself. `self.status` must be alive.
 *
 * @throws RangeError when the record can't be sent (a broken identity: nothing could work).
 */
export function createGossip(self: Member, config: GossipConfig, ctx: Context): GossipState {
  const problem = unsendable(self);
  if (problem !== null) throw new RangeError(problem);
  const someTime = (withinMs: number): MonoMs => after(ctx.nowMs, randomInt(ctx.rng, withinMs));
  return {
    self,
    config,
    roster: createRoster(self),
    queue: createQueue(config.queueMax),
    awareness: createAwareness(config.awarenessMax),
    suspicions: new Map(),
    suspicionDueMs: NEVER,
    probes: new Map(),
    relays: new Map(),
    probeFirst: [],
    // Random, so that an answer to a former life isn't taken for one to this.
    nextSeq: randomInt(ctx.rng, 2 ** 31),
    nextProbeMs: someTime(probePaceMs(config, 1)),
    nextGossipMs: ctx.nowMs,
    nextExchangeMs: someTime(exchangePaceMs(config, 1)),
    nextReconnectMs: someTime(config.reconnectIntervalMs),
    join: { pending: new Map(), nextMs: NEVER, rounds: 0 },
    counters: {
      probes: 0,
      probeFailures: 0,
      indirectProbes: 0,
      accusations: 0,
      refutations: 0,
      departures: 0,
      exchanges: 0,
      exchangeFailures: 0,
      misaddressed: 0,
      stalls: 0,
    },
  };
}

export function stepGossip(state: GossipState, event: GossipEvent, ctx: Context): GossipStep {
  const turn: Turn = { state, ctx, effects: [] };
  allowForStall(turn);
  switch (event.type) {
    case 'tick':
      break;
    case 'datagram':
      hearDatagram(turn, event.from, event.messages);
      break;
    case 'exchange':
      mergeExchange(turn, event.exchange);
      turn.effects.push({ type: 'exchange-reply', connection: event.connection, exchange: fullState(state) });
      break;
    case 'exchange-answer':
      seedAnswered(state, event.to);
      mergeExchange(turn, event.exchange);
      break;
    case 'exchange-failed':
      state.counters.exchangeFailures++;
      break;
    case 'join':
      beginJoin(turn, event.seeds);
      break;
    case 'meta':
      if (hasLeft(state)) break;
      announce(turn, { meta: event.meta }, state.self.incarnation, state.config.gossipFanout);
      break;
    case 'leave':
      if (hasLeft(state)) break;
      announce(turn, { status: 'left' }, state.self.incarnation, state.config.gossipFanout * 2);
      break;
  }
  runDue(turn);
  return { state, effects: turn.effects };
}

/** When the host must call with `tick` at the latest. */
export function nextGossipDeadlineMs(state: GossipState): MonoMs {
  const { roster, config } = state;
  const reachable = roster.order.length > 0;
  const active = !hasLeft(state);
  return earliest(
    nextProbeDeadlineMs(state),
    state.suspicions.size > 0 ? state.suspicionDueMs : NEVER,
    nextForgetMs(roster, config.tombstoneMs),
    reachable && state.queue.byId.size > 0 ? state.nextGossipMs : NEVER,
    active && reachable ? earliest(state.nextProbeMs, state.nextExchangeMs) : NEVER,
    active && roster.tombstones.size > 0 ? state.nextReconnectMs : NEVER,
    active && state.join.pending.size > 0 ? state.join.nextMs : NEVER,
  );
}

/** Everybody known, by id: this node, the live, and the gone that are remembered. Valid until the next step. */
export const members = (state: GossipState): readonly Member[] => allMembers(state.roster);

export const member = (state: GossipState, id: string): Member | undefined => state.roster.byId.get(id);

/** Alive and suspected members, this node always included, by id. Valid until the next step. */
export const liveMembers = (state: GossipState): readonly Member[] => liveOnes(state.roster);

export function gossipHealth(state: GossipState): GossipHealth {
  return {
    awareness: state.awareness.score,
    live: state.roster.order.length + 1,
    suspects: state.suspicions.size,
    queued: state.queue.byId.size,
    queueDropped: state.queue.dropped,
    counters: { ...state.counters },
  };
}

/**
 * A node that was stopped (a busy machine, a suspended one) finds all its deadlines passed and would blame everybody
 * else. It takes the time that it missed out of its accusations, and doubts itself.
 */
function allowForStall({ state, ctx }: Turn): void {
  if (state.awareness.max <= 1) return;
  const missedMs = ctx.nowMs - nextGossipDeadlineMs(state);
  if (missedMs <= state.config.probeTimeoutMs) return;
  state.counters.stalls++;
  adjust(state.awareness, 1);
  dropProbes(state);
  for (const suspicion of state.suspicions.values()) postponeSuspicion(suspicion, missedMs);
  state.suspicionDueMs = after(state.suspicionDueMs, missedMs);
}

/** News first, then questions, so that an answer carries what the news led to: a refutation above all. */
function hearDatagram(turn: Turn, from: Address, messages: readonly Message[]): void {
  const { state } = turn;
  let outdated = false;
  for (const message of messages) {
    switch (message.type) {
      case 'alive':
        hearAlive(turn, message.member);
        break;
      case 'suspect':
      case 'dead':
        outdated ||= message.id === state.self.id && message.incarnation < state.self.incarnation;
        if (message.type === 'suspect') hearSuspect(turn, message);
        else hearDead(turn, message);
        break;
      case 'ack':
        hearAck(turn, message.seq, message.sender);
        break;
      case 'nack':
        hearNack(turn, message.seq, message.sender);
        break;
      case 'ping':
      case 'ping-req':
        break;
    }
  }
  for (const message of messages) {
    if (message.type === 'ping') answerPing(turn, from, message, outdated);
    else if (message.type === 'ping-req') hearPingReq(turn, from, message);
  }
}

/** `outdated`: the asker suspects an incarnation that was refuted, so it missed the refutation. */
function answerPing(turn: Turn, from: Address, ping: Extract<Message, { type: 'ping' }>, outdated: boolean): void {
  const { state } = turn;
  if (ping.target !== state.self.id) {
    state.counters.misaddressed++;
    return;
  }
  const head: Message[] = [{ type: 'ack', seq: ping.seq, sender: state.self.id }];
  if (outdated) head.push({ type: 'alive', member: state.self });
  const against = wordAgainst(turn, ping.sender);
  if (against !== null) head.push(against);
  send(turn, from, head);
}

/** Everything whose time has come. */
function runDue(turn: Turn): void {
  const { state, ctx } = turn;
  runProbes(turn);
  endSuspicions(turn);
  forgetGone(state.roster, state.config.tombstoneMs, ctx.nowMs);
  if (!hasLeft(state)) {
    runJoin(turn);
    startProbes(turn);
    runExchange(turn);
    runReconnect(turn);
  }
  if (state.nextGossipMs <= ctx.nowMs && state.queue.byId.size > 0) passOn(turn);
  // What could not be done for want of anybody or anything isn't overdue; otherwise it would look like a stall.
  state.nextProbeMs = notPast(state.nextProbeMs, ctx);
  state.nextGossipMs = notPast(state.nextGossipMs, ctx);
  state.nextExchangeMs = notPast(state.nextExchangeMs, ctx);
  state.nextReconnectMs = notPast(state.nextReconnectMs, ctx);
}

/** Passes news on to some live members. */
function passOn(turn: Turn): void {
  const { state, ctx } = turn;
  const peers = sample(state.roster, state.config.gossipFanout, ctx, () => true);
  for (const peer of peers) send(turn, peer.address, []);
  state.nextGossipMs = after(ctx.nowMs, state.config.gossipIntervalMs);
}

const notPast = (dueMs: MonoMs, ctx: Context): MonoMs => (dueMs < ctx.nowMs ? ctx.nowMs : dueMs);
