import { after, earliest, type MonoMs, NEVER } from '../time.js';
import { adjust, scaled } from './awareness.js';
import { probePaceMs } from './config.js';
import type { Address, Member } from './member.js';
import type { Message } from './message.js';
import { liveCount, nextInRound, sample } from './roster.js';
import { type GossipState, type Probe, send, type Turn } from './state.js';
import { hearSuspect, wordAgainst } from './words.js';

/**
 * Probing (SWIM, DSN 2002, section 3.1, with Lifeguard's additions). One probe's life:
 *
 *     ping -> ack: healthy
 *          -> nothing by probeTimeout: ping-req to helpers in other zones and pools
 *               -> ack through a helper: healthy
 *               -> nothing by probeDeadline: suspected; helpers that sent no nack either cast doubt on this node itself
 *
 * A suspected member is told so in the very ping that probes it (buddy notification).
 */

/** Probes in flight beyond which suspected members wait for their turn. */
const PROBES_MAX = 16;
/** Probes made for others at one time; more are refused, the asker has other helpers. */
const RELAYS_MAX = 256;
/** A helper says "no answer" after this share of the time-out (Lifeguard, section IV-A), so that it comes in time. */
const NACK_SHARE = 0.8;

export function runProbes(turn: Turn): void {
  for (const [seq, probe] of turn.state.probes) {
    if (probe.deadlineMs <= turn.ctx.nowMs) failProbe(turn, seq, probe);
    else if (probe.helpers === null && probe.indirectMs <= turn.ctx.nowMs) askHelpers(turn, seq, probe);
  }
  runRelays(turn);
}

/** Starts the round's next probe when it is due, and those of freshly suspected members at once. */
export function startProbes(turn: Turn): void {
  const { state, ctx } = turn;
  while (state.probeFirst.length > 0 && state.probes.size < PROBES_MAX) {
    const suspected = state.roster.byId.get(state.probeFirst.shift() ?? '');
    if (suspected?.status === 'suspect') startProbe(turn, suspected);
  }
  if (state.nextProbeMs > ctx.nowMs || state.roster.order.length === 0) return;
  const paceMs = probePaceMs(state.config, liveCount(state.roster));
  state.nextProbeMs = after(ctx.nowMs, scaled(state.awareness, paceMs));
  const target = nextInRound(state.roster, ctx);
  if (target !== null) startProbe(turn, target);
}

function startProbe(turn: Turn, target: Member): void {
  const { state, ctx } = turn;
  const { config, awareness } = state;
  const seq = takeSeq(state);
  state.counters.probes++;
  state.probes.set(seq, {
    target: target.id,
    incarnation: target.incarnation,
    indirectMs: after(ctx.nowMs, scaled(awareness, config.probeTimeoutMs)),
    deadlineMs: after(ctx.nowMs, scaled(awareness, config.probeDeadlineMs)),
    helpers: null,
    nacks: new Set(),
  });
  const ping: Message = { type: 'ping', seq, sender: state.self.id, target: target.id };
  const against = wordAgainst(turn, target.id);
  send(turn, target.address, against === null ? [ping] : [ping, against]);
}

export function hearAck(turn: Turn, seq: number, sender: string): void {
  const { state } = turn;
  const probe = state.probes.get(seq);
  if (probe !== undefined && probe.target === sender) {
    state.probes.delete(seq);
    adjust(state.awareness, -1);
    return;
  }
  const relay = state.relays.get(seq);
  if (relay === undefined || relay.target !== sender) return;
  state.relays.delete(seq);
  send(turn, relay.requester, [{ type: 'ack', seq: relay.requesterSeq, sender }]);
}

export function hearNack({ state }: Turn, seq: number, sender: string): void {
  const probe = state.probes.get(seq);
  if (probe?.helpers?.includes(sender)) probe.nacks.add(sender);
}

export function hearPingReq(turn: Turn, from: Address, word: Extract<Message, { type: 'ping-req' }>): void {
  const { state, ctx } = turn;
  if (state.relays.size >= RELAYS_MAX) return;
  const seq = takeSeq(state);
  state.relays.set(seq, {
    requester: from,
    requesterSeq: word.seq,
    target: word.target,
    nackMs: after(ctx.nowMs, Math.round(state.config.probeTimeoutMs * NACK_SHARE)),
    endMs: after(ctx.nowMs, state.config.probeDeadlineMs),
    nacked: false,
  });
  const ping: Message = { type: 'ping', seq, sender: state.self.id, target: word.target };
  const against = wordAgainst(turn, word.target);
  send(turn, word.targetAddress, against === null ? [ping] : [ping, against]);
}

export function nextProbeDeadlineMs(state: GossipState): MonoMs {
  let next = NEVER;
  for (const probe of state.probes.values()) {
    next = earliest(next, probe.helpers === null ? probe.indirectMs : probe.deadlineMs);
  }
  for (const relay of state.relays.values()) next = earliest(next, relay.nacked ? relay.endMs : relay.nackMs);
  return next;
}

/** Drops the probes in flight: this node was stopped and can't tell who didn't answer. */
export function dropProbes(state: GossipState): void {
  state.probes.clear();
  state.relays.clear();
}

function askHelpers(turn: Turn, seq: number, probe: Probe): void {
  const { state } = turn;
  const target = state.roster.byId.get(probe.target);
  const helpers = target === undefined ? [] : pickHelpers(turn, target);
  probe.helpers = helpers.map((helper) => helper.id);
  if (target === undefined) return;
  state.counters.indirectProbes += helpers.length;
  for (const helper of helpers) {
    const sender = state.self.id;
    send(turn, helper.address, [{ type: 'ping-req', seq, sender, target: target.id, targetAddress: target.address }]);
  }
}

/** Alive helpers, spread over zones, then over pools: what ails one zone or pool doesn't silence them all. */
function pickHelpers(turn: Turn, target: Member): readonly Member[] {
  const { state, ctx } = turn;
  const count = state.config.indirectProbes;
  const able = (m: Member): boolean => m.status === 'alive' && m.id !== target.id;
  const candidates = [...sample(state.roster, count * 4, ctx, able)];
  const chosen: Member[] = [];
  const zones = new Set<string>();
  const pools = new Set<string>();
  while (chosen.length < count && candidates.length > 0) {
    const pool = (m: Member): string => `${m.meta.zone}/${m.meta.instanceType}`;
    let at = candidates.findIndex((m) => !zones.has(m.meta.zone));
    if (at < 0) at = candidates.findIndex((m) => !pools.has(pool(m)));
    const [helper] = candidates.splice(Math.max(0, at), 1);
    if (helper === undefined) break;
    chosen.push(helper);
    zones.add(helper.meta.zone);
    pools.add(pool(helper));
  }
  return chosen;
}

function failProbe(turn: Turn, seq: number, probe: Probe): void {
  const { state } = turn;
  state.probes.delete(seq);
  const target = state.roster.byId.get(probe.target);
  if (target === undefined || target.incarnation !== probe.incarnation || target.status === 'dead') return;
  if (target.status === 'left') return;
  state.counters.probeFailures++;
  // As memberlist: with helpers that owe a nack, only missing nacks speak against this node.
  const helpers = probe.helpers ?? [];
  adjust(state.awareness, helpers.length === 0 ? 1 : helpers.length - probe.nacks.size);
  if (target.status === 'alive') state.counters.accusations++;
  const accuser = state.self.id;
  hearSuspect(turn, { type: 'suspect', id: target.id, incarnation: target.incarnation, accuser });
}

function runRelays(turn: Turn): void {
  const { state, ctx } = turn;
  for (const [seq, relay] of state.relays) {
    if (relay.endMs <= ctx.nowMs) state.relays.delete(seq);
    else if (!relay.nacked && relay.nackMs <= ctx.nowMs) {
      relay.nacked = true;
      send(turn, relay.requester, [{ type: 'nack', seq: relay.requesterSeq, sender: state.self.id }]);
    }
  }
}

/** Below 2^40, so that a seq stays a safe whole number for ever. */
function takeSeq(state: GossipState): number {
  const seq = state.nextSeq;
  state.nextSeq = (seq + 1) % 2 ** 40;
  return seq;
}
