import type { Context, MonoMs } from '../time.js';
import type { Awareness } from './awareness.js';
import { encodedSize, MESSAGES_BUDGET } from './codec.js';
import { type GossipConfig, retransmitLimit } from './config.js';
import type { Address, Member } from './member.js';
import type { Exchange, Message } from './message.js';
import { type BroadcastQueue, enqueue, take } from './queue.js';
import { liveCount, type Roster } from './roster.js';
import type { Suspicion } from './suspicion.js';

/** The state of one node's gossip. Owned by `stepGossip`, which updates it in place. */
export interface GossipState {
  self: Member;
  readonly config: GossipConfig;
  readonly roster: Roster;
  readonly queue: BroadcastQueue;
  readonly awareness: Awareness;
  readonly suspicions: Map<string, Suspicion>;
  /** Not later than the first suspicion's deadline. */
  suspicionDueMs: MonoMs;
  /** Probes in flight, by seq. */
  readonly probes: Map<number, Probe>;
  /** Probes made for others, by the seq used towards the target. */
  readonly relays: Map<number, Relay>;
  /** Freshly suspected members to probe out of turn. */
  readonly probeFirst: string[];
  nextSeq: number;
  nextProbeMs: MonoMs;
  nextGossipMs: MonoMs;
  nextExchangeMs: MonoMs;
  nextReconnectMs: MonoMs;
  readonly join: JoinState;
  readonly counters: GossipCounters;
}

export interface Probe {
  readonly target: string;
  readonly incarnation: number;
  /** Helpers are asked then; passed when `helpers` is set. */
  readonly indirectMs: MonoMs;
  readonly deadlineMs: MonoMs;
  helpers: readonly string[] | null;
  /** Helpers that said that they got no answer either. */
  readonly nacks: Set<string>;
}

export interface Relay {
  readonly requester: Address;
  readonly requesterSeq: number;
  readonly target: string;
  readonly nackMs: MonoMs;
  readonly endMs: MonoMs;
  nacked: boolean;
}

export interface JoinState {
  /** Seeds that neither answered nor are known as members yet. */
  readonly pending: Map<string, { readonly address: Address; tries: number }>;
  nextMs: MonoMs;
  rounds: number;
}

/** All since the start. */
export interface GossipCounters {
  probes: number;
  probeFailures: number;
  indirectProbes: number;
  /** Suspicions that this node raised itself. */
  accusations: number;
  /** Own refutations. */
  refutations: number;
  /** Members that this node saw die or leave. */
  departures: number;
  exchanges: number;
  exchangeFailures: number;
  /** Pings for another id: the address changed hands. */
  misaddressed: number;
  /** Times that this node found itself stopped for longer than a probe. */
  stalls: number;
}

export type GossipEffect =
  | { readonly type: 'datagram'; readonly to: Address; readonly messages: readonly Message[] }
  /** Connect, send, and report `exchange-answer` or `exchange-failed`. */
  | { readonly type: 'exchange'; readonly to: Address; readonly exchange: Exchange }
  | { readonly type: 'exchange-reply'; readonly connection: number; readonly exchange: Exchange }
  | { readonly type: 'member'; readonly change: MemberChange; readonly member: Member };

/** `left` is also given for a member that dies after it said that it would go. */
export type MemberChange = 'joined' | 'updated' | 'suspected' | 'refuted' | 'died' | 'left';

/** One step in the making. */
export interface Turn {
  readonly state: GossipState;
  readonly ctx: Context;
  readonly effects: GossipEffect[];
}

/** Queues news on a member for the others. */
export function spread({ state }: Turn, id: string, message: Message, urgent = false): void {
  enqueue(state.queue, id, message, encodedSize(message), urgent);
}

/** Sends `head`, and as much news as fits beside it. */
export function send({ state, effects }: Turn, to: Address, head: readonly Message[]): void {
  let budget = MESSAGES_BUDGET;
  for (const message of head) budget -= encodedSize(message);
  const news = take(state.queue, budget, retransmitLimit(state.config, liveCount(state.roster)));
  const messages = head.length === 0 ? news : [...head, ...news];
  if (messages.length > 0) effects.push({ type: 'datagram', to, messages });
}

export const hasLeft = (state: GossipState): boolean => state.self.status === 'left';
