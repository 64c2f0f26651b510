import { randomInt, shuffled } from '../rng.js';
import { after, type Context, type MonoMs, NEVER } from '../time.js';
import type { Member } from './member.js';
import { isLive } from './merge.js';
import { byMemberId, putSorted, removeSorted } from './sorted.js';

/**
 * Everybody this node knows, itself included: the facts, the order of probing, and the memory of the gone. Members are
 * shared, never changed; a change puts a new one. Lists for readers are made when first read, then kept up to date.
 */
export interface Roster {
  readonly selfId: string;
  readonly byId: Map<string, Member>;
  /** Since when a dead or left member is remembered, oldest first. */
  readonly tombstones: Map<string, MonoMs>;
  /**
   * Members of whose present incarnation only a suspicion or death was heard, with the incarnation their address and
   * meta are of. Not told to others in full; mended by the member's own word.
   */
  readonly behind: Map<string, number>;
  /** The live others, in the order they are probed in this round. */
  readonly order: string[];
  cursor: number;
  /** What {@link allMembers} and {@link liveOnes} give; null: to be made. */
  all: Member[] | null;
  live: Member[] | null;
}

export function createRoster(self: Member): Roster {
  const byId = new Map([[self.id, self]]);
  return {
    selfId: self.id,
    byId,
    tombstones: new Map(),
    behind: new Map(),
    order: [],
    cursor: 0,
    all: null,
    live: null,
  };
}

/** Live members, this node included. */
export const liveCount = (roster: Roster): number => roster.order.length + 1;

/** Everybody known, the remembered gone included, by id. */
export function allMembers(roster: Roster): readonly Member[] {
  roster.all ??= [...roster.byId.values()].sort(byMemberId);
  return roster.all;
}

/** The live ones and this node, by id. */
export function liveOnes(roster: Roster): readonly Member[] {
  roster.live ??= [...roster.byId.values()].filter((m) => isLive(m) || m.id === roster.selfId).sort(byMemberId);
  return roster.live;
}

/** Before many are put at once: the lists are rather made anew when next read. */
export function expectMany(roster: Roster): void {
  roster.all = null;
  roster.live = null;
}

/** Takes a fact over, whatever was known before. */
export function put(roster: Roster, member: Member, tombstoneMax: number, ctx: Context): void {
  const { id } = member;
  const before = roster.byId.get(id);
  const isSelf = id === roster.selfId;
  roster.byId.set(id, member);
  if (roster.all !== null) putSorted(roster.all, member);
  if (isSelf || isLive(member)) {
    if (roster.live !== null) putSorted(roster.live, member);
    if (!isSelf && (before === undefined || !isLive(before))) addToOrder(roster, id, ctx);
    roster.tombstones.delete(id);
    return;
  }
  if (before !== undefined && isLive(before)) removeLive(roster, id);
  // Set anew, so that the memory stays ordered by time.
  roster.tombstones.delete(id);
  roster.tombstones.set(id, ctx.nowMs);
  if (roster.tombstones.size > tombstoneMax) forgetOldest(roster);
}

/** Forgets those who have been gone for longer than `tombstoneMs`. */
export function forgetGone(roster: Roster, tombstoneMs: number, nowMs: MonoMs): void {
  while (nextForgetMs(roster, tombstoneMs) <= nowMs) forgetOldest(roster);
}

export function nextForgetMs(roster: Roster, tombstoneMs: number): MonoMs {
  const first = roster.tombstones.values().next();
  return first.done ? NEVER : after(first.value, tombstoneMs);
}

/** The next member of this round; a new round is shuffled anew. */
export function nextInRound(roster: Roster, ctx: Context): Member | null {
  if (roster.cursor >= roster.order.length) {
    roster.cursor = 0;
    const { order } = roster;
    for (let i = order.length - 1; i > 0; i--) swap(order, i, randomInt(ctx.rng, i + 1));
  }
  const id = roster.order[roster.cursor++];
  return id === undefined ? null : (roster.byId.get(id) ?? null);
}

/** Up to `count` different live others that `accept` takes, at random. */
export function sample(
  roster: Roster,
  count: number,
  ctx: Context,
  accept: (member: Member) => boolean,
): readonly Member[] {
  const { order } = roster;
  const found: Member[] = [];
  // Few members: look at all of them. Many: draw, since nearly all will do; a bounded number of misses.
  const draws = count * 4;
  const all = order.length <= draws ? shuffled(ctx.rng, order) : null;
  for (let i = 0; i < draws && found.length < count; i++) {
    const id = all === null ? order[randomInt(ctx.rng, order.length)] : all[i];
    const member = id === undefined ? undefined : roster.byId.get(id);
    if (member !== undefined && !found.includes(member) && accept(member)) found.push(member);
  }
  return found;
}

function addToOrder({ order }: Roster, id: string, ctx: Context): void {
  order.push(id);
  // A random place, so that newcomers aren't all probed last.
  swap(order, order.length - 1, randomInt(ctx.rng, order.length));
}

function removeLive(roster: Roster, id: string): void {
  const at = roster.order.indexOf(id);
  roster.order.splice(at, 1);
  if (at < roster.cursor) roster.cursor--;
  if (roster.live !== null) removeSorted(roster.live, id);
}

function forgetOldest(roster: Roster): void {
  const first = roster.tombstones.keys().next();
  if (first.done) return;
  roster.tombstones.delete(first.value);
  roster.byId.delete(first.value);
  roster.behind.delete(first.value);
  if (roster.all !== null) removeSorted(roster.all, first.value);
}

function swap(list: string[], i: number, j: number): void {
  [list[i], list[j]] = [list[j] as string, list[i] as string];
}
