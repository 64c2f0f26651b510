import { chance } from '../rng.js';
import { earliest, NEVER } from '../time.js';
import { adjust } from './awareness.js';
import type { Member } from './member.js';
import { isLive, supersedes } from './merge.js';
import type { Message } from './message.js';
import { liveCount, put, sample } from './roster.js';
import { hasLeft, type MemberChange, spread, type Turn } from './state.js';
import { beginSuspicion, confirmSuspicion, type Suspicion } from './suspicion.js';

/**
 * What a node does with a word on a member: itself (refute), or another (take it over if it is news, pass it on, tell
 * the node's brain). A word on somebody unknown counts only if it is that member's own.
 */

type Suspect = Extract<Message, { type: 'suspect' }>;
type Dead = Extract<Message, { type: 'dead' }>;

/** Suspected members waiting to be probed out of turn, at most. */
const PROBE_FIRST_MAX = 16;

export function hearAlive(turn: Turn, incoming: Member, passOn = true): void {
  const { state } = turn;
  if (incoming.id === state.self.id) {
    // Own words come back harmlessly; a higher incarnation is of an earlier life whose clock was ahead.
    const outdone = incoming.incarnation > state.self.incarnation;
    const goodbye = incoming.status === 'left' && incoming.incarnation === state.self.incarnation;
    if (outdone || goodbye) refute(turn, incoming.incarnation);
    return;
  }
  const current = state.roster.byId.get(incoming.id);
  if (current === undefined) {
    if (!isLive(incoming)) return;
    take(turn, incoming, 'joined');
    if (passOn) spread(turn, incoming.id, { type: 'alive', member: incoming });
    return;
  }
  if (!supersedes(incoming, current)) {
    if (incoming.incarnation === current.incarnation && state.roster.behind.has(current.id)) {
      take(turn, { ...incoming, status: current.status }, isLive(current) ? 'updated' : null);
    }
    return;
  }
  endSuspicion(turn, incoming.id);
  take(turn, incoming, changeTo(incoming, current));
  if (passOn) spread(turn, incoming.id, { type: 'alive', member: incoming });
}

export function hearSuspect(turn: Turn, word: Suspect): void {
  const { state, ctx } = turn;
  if (word.id === state.self.id) {
    if (word.incarnation >= state.self.incarnation) blamed(turn, word.incarnation);
    return;
  }
  const current = state.roster.byId.get(word.id);
  if (current === undefined || word.incarnation < current.incarnation) return;
  const running = state.suspicions.get(word.id);
  if (running !== undefined && word.incarnation === running.incarnation) {
    if (!confirmSuspicion(running, word.accuser)) return;
    state.suspicionDueMs = earliest(state.suspicionDueMs, running.deadlineMs);
    spread(turn, word.id, word);
    return;
  }
  // A suspicion of a later incarnation says of a gone member no more than that it came back; its own word tells that.
  if (!isLive(current)) return;
  const live = liveCount(state.roster);
  const suspicion = beginSuspicion(state.config, live, word.incarnation, word.accuser, ctx.nowMs);
  state.suspicions.set(word.id, suspicion);
  state.suspicionDueMs = earliest(state.suspicionDueMs, suspicion.deadlineMs);
  judge(turn, current, 'suspect', word.incarnation, running === undefined ? 'suspected' : null);
  spread(turn, word.id, word);
  const others = word.accuser !== state.self.id && state.probeFirst.length < PROBE_FIRST_MAX;
  if (others && chance(ctx.rng, state.config.confirmingProbes / live)) state.probeFirst.push(word.id);
}

export function hearDead(turn: Turn, word: Dead): void {
  const { state } = turn;
  if (word.id === state.self.id) {
    if (word.incarnation >= state.self.incarnation) blamed(turn, word.incarnation);
    return;
  }
  const current = state.roster.byId.get(word.id);
  if (current === undefined || !supersedes({ incarnation: word.incarnation, status: 'dead' }, current)) return;
  endSuspicion(turn, word.id);
  judge(turn, current, 'dead', word.incarnation, changeTo({ ...current, status: 'dead' }, current));
  spread(turn, word.id, word);
}

/** The suspected whose time is over are dead. */
export function endSuspicions(turn: Turn): void {
  const { state, ctx } = turn;
  if (state.suspicionDueMs > ctx.nowMs) return;
  const over: [string, Suspicion][] = [];
  let next = NEVER;
  for (const [id, suspicion] of state.suspicions) {
    if (suspicion.deadlineMs <= ctx.nowMs) over.push([id, suspicion]);
    else next = earliest(next, suspicion.deadlineMs);
  }
  state.suspicionDueMs = next;
  for (const [id, { incarnation }] of over) hearDead(turn, { type: 'dead', id, incarnation, accuser: state.self.id });
}

/** What is held against a member that seems not to know it; null when nothing is. */
export function wordAgainst(turn: Turn, id: string): Message | null {
  const { state } = turn;
  const current = state.roster.byId.get(id);
  if (current === undefined || id === state.self.id) return null;
  switch (current.status) {
    case 'alive':
      return null;
    case 'suspect': {
      const suspicion = state.suspicions.get(id);
      const accuser = suspicion?.accusers[0] ?? state.self.id;
      return { type: 'suspect', id, incarnation: suspicion?.incarnation ?? current.incarnation, accuser };
    }
    case 'dead':
      return { type: 'dead', id, incarnation: current.incarnation, accuser: state.self.id };
    case 'left':
      return { type: 'alive', member: current };
  }
}

/**
 * A new word of this node on itself: sent at once to `direct` members, and passed on before all else. Its incarnation is
 * higher than `above`.
 */
export function announce(
  turn: Turn,
  own: Partial<Pick<Member, 'meta' | 'status'>>,
  above: number,
  direct: number,
): void {
  const { state, ctx, effects } = turn;
  state.self = { ...state.self, ...own, incarnation: Math.max(state.self.incarnation, above) + 1 };
  put(state.roster, state.self, state.config.tombstoneMax, ctx);
  const word: Message = { type: 'alive', member: state.self };
  for (const peer of sample(state.roster, direct, ctx, () => true)) {
    effects.push({ type: 'datagram', to: peer.address, messages: [word] });
  }
  spread(turn, state.self.id, word, true);
}

/** A node that has left stays so: the others are right to think it gone. */
function refute(turn: Turn, incarnation: number): void {
  if (hasLeft(turn.state)) return;
  turn.state.counters.refutations++;
  announce(turn, {}, incarnation, turn.state.config.gossipFanout);
}

/** Being suspected hints at being slow (Lifeguard: refuting costs a point of health). */
function blamed(turn: Turn, incarnation: number): void {
  if (!hasLeft(turn.state)) adjust(turn.state.awareness, 1);
  refute(turn, incarnation);
}

function endSuspicion({ state }: Turn, id: string): void {
  state.suspicions.delete(id);
}

/** Takes over a member's own record. */
function take(turn: Turn, member: Member, change: MemberChange | null): void {
  turn.state.roster.behind.delete(member.id);
  store(turn, member, change);
}

/** Takes over what others say of a member; its record stays that of the incarnation it is of. */
function judge(
  turn: Turn,
  current: Member,
  status: 'suspect' | 'dead',
  incarnation: number,
  change: MemberChange | null,
): void {
  const { behind } = turn.state.roster;
  if (incarnation > current.incarnation && !behind.has(current.id)) behind.set(current.id, current.incarnation);
  store(turn, { ...current, status, incarnation }, change);
}

function store({ state, ctx, effects }: Turn, member: Member, change: MemberChange | null): void {
  put(state.roster, member, state.config.tombstoneMax, ctx);
  if (change === null) return;
  if (change === 'died' || change === 'left') state.counters.departures++;
  effects.push({ type: 'member', change, member });
}

/** null: between two kinds of gone, which is news to nobody. */
function changeTo(next: Member, before: Member): MemberChange | null {
  switch (next.status) {
    case 'alive':
      if (!isLive(before)) return 'joined';
      return before.status === 'suspect' ? 'refuted' : 'updated';
    case 'suspect':
      return before.status === 'alive' ? 'suspected' : null;
    case 'dead':
    case 'left':
      if (!isLive(before)) return null;
      return next.status === 'left' || before.meta.leaving !== null ? 'left' : 'died';
  }
}
