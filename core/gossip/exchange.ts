import { chance, pick, randomBetween } from '../rng.js';
import { after } from '../time.js';
import { EXCHANGE_MEMBERS_MAX } from './codec.js';
import { exchangePaceMs } from './config.js';
import type { Address, Member } from './member.js';
import { isLive, supersedes } from './merge.js';
import type { Exchange } from './message.js';
import { expectMany, liveCount, put, sample } from './roster.js';
import type { GossipState, Turn } from './state.js';
import { hearAlive, hearSuspect } from './words.js';

/**
 * Full state over TCP: repairs what datagrams lost, brings newcomers in (seeds), and heals partitions (the dead are
 * tried now and then).
 */

/** Seeds kept; the first ones given. */
const SEEDS_MAX = 64;
/** Seeds asked at one time. */
const SEEDS_AT_ONCE = 3;
/** A seed that never answers is given up after this many tries; with the back-off, minutes. */
const SEED_TRIES_MAX = 12;
const BACKOFF_DOUBLINGS_MAX = 5;
/** Records new to a node beyond its own number (and this) aren't news: it is the newcomer. */
const NEWCOMER_MIN = 16;
/** More new records than this are taken over without keeping the readers' lists sorted meanwhile. */
const EXPECT_MANY = 64;

export function fullState(state: GossipState): Exchange {
  const { roster } = state;
  const members: Member[] = [];
  for (const member of roster.byId.values()) {
    // Whose record is of another incarnation than its status can't be told in one; words on it travel by themselves.
    if (!roster.behind.has(member.id)) members.push(member);
    if (members.length >= EXCHANGE_MEMBERS_MAX) break;
  }
  return { sender: state.self.id, members };
}

export function mergeExchange(turn: Turn, { sender, members }: Exchange): void {
  const { roster } = turn.state;
  const unknown = members.length - roster.byId.size;
  const passOn = unknown <= Math.max(NEWCOMER_MIN, roster.byId.size);
  if (unknown > EXPECT_MANY) expectMany(roster);
  for (const member of members) {
    if (roster.byId.get(member.id) !== member) mergeMember(turn, member, sender, passOn);
  }
}

function mergeMember(turn: Turn, member: Member, sender: string, passOn: boolean): void {
  const { state } = turn;
  const { id, incarnation } = member;
  if (member.status === 'alive' || member.status === 'left') {
    hearAlive(turn, member, passOn);
    return;
  }
  const current = state.roster.byId.get(id);
  if (member.status === 'dead' && (current === undefined || !isLive(current))) {
    if (current === undefined || !supersedes(member, current)) return;
    state.roster.behind.delete(id);
    put(state.roster, member, state.config.tombstoneMax, turn.ctx);
    return;
  }
  // Dead for one isn't dead for all: the sender's word counts as an accusation, and the member gets its chance.
  if (id !== state.self.id) hearAlive(turn, { ...member, status: 'alive' }, passOn);
  hearSuspect(turn, { type: 'suspect', id, incarnation, accuser: sender });
}

export function beginJoin({ state, ctx }: Turn, seeds: readonly Address[]): void {
  for (const address of seeds) {
    if (state.join.pending.size >= SEEDS_MAX) break;
    const name = addressName(address);
    if (name !== addressName(state.self.address)) state.join.pending.set(name, { address, tries: 0 });
  }
  state.join.rounds = 0;
  state.join.nextMs = ctx.nowMs;
}

/** Asks seeds that aren't known as members yet; all of them in the end, or two halves might never meet. */
export function runJoin(turn: Turn): void {
  const { state, ctx } = turn;
  const { join } = state;
  if (join.pending.size === 0 || join.nextMs > ctx.nowMs) return;
  for (const id of state.roster.order) {
    const member = state.roster.byId.get(id);
    if (member !== undefined) join.pending.delete(addressName(member.address));
  }
  let asked = 0;
  for (const [name, seed] of join.pending) {
    if (asked >= SEEDS_AT_ONCE) break;
    asked++;
    // To the end of the line; for good after too many tries.
    join.pending.delete(name);
    seed.tries++;
    if (seed.tries < SEED_TRIES_MAX) join.pending.set(name, seed);
    exchangeWith(turn, seed.address);
  }
  const backoff = state.config.joinRetryMs * 2 ** Math.min(BACKOFF_DOUBLINGS_MAX, join.rounds);
  join.rounds++;
  join.nextMs = after(ctx.nowMs, Math.round(randomBetween(ctx.rng, backoff, backoff * 1.5)));
}

export function seedAnswered(state: GossipState, from: Address): void {
  state.join.pending.delete(addressName(from));
}

/** The regular exchange with somebody live. */
export function runExchange(turn: Turn): void {
  const { state, ctx } = turn;
  if (state.nextExchangeMs > ctx.nowMs || state.roster.order.length === 0) return;
  state.nextExchangeMs = after(ctx.nowMs, exchangePaceMs(state.config, liveCount(state.roster)));
  const [partner] = sample(state.roster, 1, ctx, (m) => m.status === 'alive');
  if (partner !== undefined) exchangeWith(turn, partner.address);
}

/** A try at somebody dead; the probability keeps the whole cluster's tries at about one a dead member and interval. */
export function runReconnect(turn: Turn): void {
  const { state, ctx } = turn;
  if (state.nextReconnectMs > ctx.nowMs || state.roster.tombstones.size === 0) return;
  state.nextReconnectMs = after(ctx.nowMs, state.config.reconnectIntervalMs);
  const dead: Member[] = [];
  for (const id of state.roster.tombstones.keys()) {
    const member = state.roster.byId.get(id);
    if (member?.status === 'dead') dead.push(member);
  }
  if (!chance(ctx.rng, dead.length / liveCount(state.roster))) return;
  const member = pick(ctx.rng, dead);
  if (member !== undefined) exchangeWith(turn, member.address);
}

function exchangeWith({ state, effects }: Turn, to: Address): void {
  state.counters.exchanges++;
  effects.push({ type: 'exchange', to, exchange: fullState(state) });
}

const addressName = (address: Address): string => `${address.host}:${address.port}`;
