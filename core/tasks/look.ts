/**
 * Looking for work: a listing of the open tasks, which is the queue in order, and then one of the leases. With
 * nothing open the second one is left out, but for a sweep now and then that finds what a crash left behind.
 *
 * What may be claimed is shared out: each task is one node's turn (rendezvous hashing over all that stay). A node that has room
 * and nothing left of its own looks again, and takes what it sees unclaimed although the one whose turn it is had its
 * time. So nodes with equal views hardly ever go for the same task.
 */
import { randomBetween } from '../rng.js';
import { after, type Context, earliest, type MonoMs, NEVER } from '../time.js';
import { callStore, isAsking, log } from './calls.js';
import { keepsRoom } from './keep.js';
import { LEASES, OPEN, type OpenEntry, parseLeaseKey, parseOpenKey } from './keys.js';
import { looksFree } from './leases.js';
import type { StoreListing, StoreOutcome } from './port.js';
import { acceptsWork, freeRoom, hasRoom } from './room.js';
import { ageOf, claimable, withoutTwins } from './seen.js';
import { type Ranked, ranked, rankOf, turnOf } from './spread.js';
import type { Emit, Look, SeenLease, Turn, WorkerState } from './state.js';
import { taskKey } from './task.js';
import { CLOCK_STEP_MS, retryDelayMs } from './timings.js';

/** Pages of 1,000 keys that one look reads of the queue, and of the leases, at most. */
const OPEN_PAGES = 10;
const LEASE_PAGES = 50;
/** Tasks of others that a deputy takes up in one look, at most. */
const MOST_STOLEN = 32;
/** Failed tries after which a look is given up, until the next one. */
const MOST_TRIES = 5;
/** A sweep for leases without a task, in polls. */
const SWEEP_POLLS = 20;
/** A renewal is due after a third of a lease: one that is older than this share is probably running out. */
const OVERDUE_SHARE = 0.7;

export function reconcileLook(state: WorkerState, ctx: Context, emit: Emit): void {
  const { queue } = state;
  if (queue.look !== null) {
    const { look } = queue;
    if (!isAsking(state, (p) => p.for === 'look') && look.retryMs <= ctx.nowMs) sendPage(state, look, ctx, emit);
    return;
  }
  if (queue.dueMs > ctx.nowMs || !wantsToLook(state)) return;
  const sweep = queue.sweepDueMs <= ctx.nowMs && isWatcher(state);
  const look: Look = {
    ...{ stage: 'open', sentMs: ctx.nowMs, sweep, open: [], leases: new Map(), after: null, pages: 0 },
    ...{ retryMs: ctx.nowMs, tries: 0, requests: 0 },
  };
  queue.look = look;
  sendPage(state, look, ctx, emit);
}

/** With room; or, where no node may have any, one looks for all, so that deadlines are seen. */
export const wantsToLook = (state: WorkerState): boolean =>
  acceptsWork(state) && (hasRoom(freeRoom(state)) || isWatcher(state));

export function isWatcher(state: WorkerState): boolean {
  const [self, others] = everybody(state);
  return rankOf('watcher', self, others) === 0;
}

export function nextLookMs(state: WorkerState): MonoMs {
  const { look, dueMs } = state.queue;
  if (look !== null) return isAsking(state, (p) => p.for === 'look') ? NEVER : look.retryMs;
  return wantsToLook(state) ? dueMs : NEVER;
}

/** Not later than that; a little apart from others who were told the same. */
export function lookSoon(state: WorkerState, inMs: number, ctx: Context): void {
  const jitter = randomBetween(ctx.rng, 0, state.timings.lookSpacingMs);
  state.queue.dueMs = earliest(state.queue.dueMs, after(ctx.nowMs, Math.round(inMs + jitter)));
  state.queue.fruitless = 0;
}

function sendPage(state: WorkerState, look: Look, ctx: Context, emit: Emit): void {
  look.requests++;
  const prefix = look.stage === 'open' ? OPEN : LEASES;
  callStore(state, { for: 'look' }, { op: 'list', prefix, after: look.after }, ctx, emit);
}

export function afterPage(state: WorkerState, outcome: StoreOutcome<'list'>, ctx: Context, emit: Emit): void {
  const { queue } = state;
  const { look } = queue;
  if (look === null) return;
  if (!outcome.ok) {
    if (look.tries === 0) log(emit, 'warn', 'look-failed', { kind: outcome.error.kind, code: outcome.error.code });
    look.retryMs = after(ctx.nowMs, retryDelayMs(state.timings, look.tries++));
    if (look.tries < MOST_TRIES) return;
    queue.look = null;
    queue.dueMs = look.retryMs;
    return;
  }
  look.tries = 0;
  const { value } = outcome;
  const last = value.entries.at(-1)?.key ?? null;
  look.pages++;
  if (look.stage === 'open') takeOpen(look, value);
  else takeLeases(look, value, ctx);
  const mostPages = look.stage === 'open' ? OPEN_PAGES : LEASE_PAGES;
  if (value.more && last !== null && look.pages < mostPages) {
    look.after = last;
    sendPage(state, look, ctx, emit);
    return;
  }
  if (look.stage === 'open' && (look.open.length > 0 || look.sweep)) {
    Object.assign(look, { stage: 'leases', after: null, pages: 0 });
    sendPage(state, look, ctx, emit);
    return;
  }
  queue.look = null;
  finish(state, look, ctx);
}

function takeOpen(look: Look, listing: StoreListing): void {
  for (const { key } of listing.entries) {
    const entry = parseOpenKey(key);
    if (entry !== null) look.open.push(entry);
  }
}

function takeLeases(look: Look, listing: StoreListing, ctx: Context): void {
  for (const { key, etag, bytes, modifiedMs } of listing.entries) {
    const named = parseLeaseKey(key);
    if (named === null) continue;
    const ageMs = Math.max(0, listing.nowMs - modifiedMs);
    look.leases.set(taskKey(named), { etag, ageMs, seenMs: ctx.nowMs, lease: null, free: looksFree(bytes) });
  }
}

function finish(state: WorkerState, look: Look, ctx: Context): void {
  const { queue, timings } = state;
  queue.entries = withoutTwins(look.open);
  queue.seenMs = look.sentMs;
  queue.changed = true;
  takeSeenLeases(state, look);
  const known = new Set(queue.entries.map(taskKey));
  for (const task of queue.specs.keys()) if (!known.has(task)) queue.specs.delete(task);
  if (look.stage === 'leases') noteOrphans(state, look, known, ctx);
  if (look.sweep) {
    const nextMs = queue.orphans.size > 0 ? 3 * timings.lingerMs + timings.pollMs : SWEEP_POLLS * timings.pollMs;
    queue.sweepDueMs = after(ctx.nowMs, nextMs);
  }
  const leftover = shareOut(state, ctx);
  if (leftover > state.work) state.work = leftover;
  const spacingMs = timings.lookSpacingMs * 2 ** Math.min(queue.fruitless, 20);
  if (queue.turn.length > 0) {
    queue.fruitless = 0;
    queue.dueMs = after(ctx.nowMs, timings.queueAgeMs);
    return;
  }
  queue.fruitless++;
  // A listing a poll: a look with two of them waits twice as long.
  const pollMs = timings.pollMs * look.requests;
  const waitMs = Math.min(pollMs, spacingMs) * randomBetween(ctx.rng, 1, 1.1);
  queue.dueMs = after(ctx.nowMs, Math.round(waitMs));
  queue.dueMs = earliest(queue.dueMs, after(overdueMs(state, ctx), timings.lookSpacingMs));
}

/** What was read of a lease still holds where the ETag is the same. */
function takeSeenLeases(state: WorkerState, look: Look): void {
  const { queue } = state;
  for (const [task, seen] of queue.leases) {
    const fresh = look.leases.get(task);
    if (fresh !== undefined && fresh.etag === seen.etag) look.leases.set(task, { ...fresh, lease: seen.lease });
  }
  queue.leases.clear();
  for (const [task, seen] of look.leases) queue.leases.set(task, seen);
}

/**
 * Leases whose task isn't open: remains of what has ended, unless the next look says otherwise. Only one that was there
 * before the open objects were listed says so: a task that was submitted and claimed since then isn't in that listing.
 */
function noteOrphans(state: WorkerState, look: Look, open: ReadonlySet<string>, ctx: Context): void {
  const { queue } = state;
  const orphans = new Map<string, MonoMs>();
  // A queue that wasn't read to its end says nothing about what is missing.
  const whole = look.open.length < OPEN_PAGES * 1_000;
  for (const [task, seen] of whole ? look.leases : []) {
    if (open.has(task) || state.held.has(task)) continue;
    const before = ageOf(seen, ctx) > ctx.nowMs - look.sentMs + CLOCK_STEP_MS;
    const sinceMs = queue.orphans.get(task) ?? (before ? look.sentMs : null);
    if (sinceMs !== null) orphans.set(task, sinceMs);
  }
  queue.orphans = orphans;
}

/** Works out whose turn each task is. Answers with the wall second of the newest task that is left to others. */
function shareOut(state: WorkerState, ctx: Context): number {
  const { queue, timings } = state;
  const [self, all] = everybody(state);
  const roomy = new Set(state.peers.filter((peer) => peer.freeMemoryMiB > 0).map((peer) => peer.id));
  const withRoom = all.filter(({ id }) => roomy.has(id));
  const seenMs = queue.seenMs ?? ctx.nowMs;
  const since = new Map<string, MonoMs>();
  const mine: Turn[] = [];
  const others: Other[] = [];
  const places = new Map<string, number>();
  const heads = new Map<string, { readonly task: string; readonly sinceMs: MonoMs }>();
  const firstSince = new Map<string, MonoMs>();
  for (const entry of queue.entries) {
    const task = taskKey(entry);
    if (state.held.has(task)) continue;
    const now = claimable(state, task, ctx);
    if (now.type === 'busy' || now.type === 'bad') continue;
    const sinceMs = queue.claimableSince.get(task) ?? seenMs;
    since.set(task, sinceMs);
    const owner = turnOf(task, [self, ...all]) ?? self.id;
    const place = places.get(owner) ?? 0;
    places.set(owner, place + 1);
    const head = queue.heads.get(owner);
    if (place === 0) heads.set(owner, head?.task === task ? head : { task, sinceMs: seenMs });
    const firstMs = queue.firstSince.get(task) ?? (place === 0 ? seenMs : null);
    if (firstMs !== null) firstSince.set(task, firstMs);
    const standsFirstMs = firstMs === null ? 0 : seenMs - firstMs;
    if (owner === self.id) mine.push({ entry, untilMs: NEVER, keeps: keepsRoom(0, standsFirstMs, timings.keepMs) });
    else others.push({ entry, owner, place, waitedMs: seenMs - sinceMs, standsFirstMs });
  }
  queue.heads = heads;
  queue.firstSince = firstSince;
  if (mine.length > 0) queue.idleSinceMs = null;
  else queue.idleSinceMs ??= seenMs;
  const stolen = steal(state, mine[0]?.entry.priority ?? null, others, self, all, withRoom, ctx);
  const turn = [...stolen, ...mine].sort((a, b) => (a.entry.key < b.entry.key ? -1 : 1));
  const taken = new Set(turn.slice(0, Math.max(0, freeRoom(state).slots)).map(({ entry }) => entry));
  let leftover = 0;
  for (const { entry } of [...mine, ...others]) {
    if (!taken.has(entry)) leftover = Math.max(leftover, Math.floor(entry.submittedMs / 1_000));
  }
  queue.turn = turn;
  queue.claimableSince = since;
  return leftover;
}

interface Other {
  readonly entry: OpenEntry;
  readonly owner: string;
  /** In the list of the one whose turn it is. */
  readonly place: number;
  readonly waitedMs: number;
  readonly standsFirstMs: number;
}

/**
 * What a node takes of the others' turns. While it has work of its own, only what is more urgent and has waited for long. The
 * first ones of each are left to the one whose turn they are, since that one takes them next, unless it
 * hasn't taken its first one for long. Idle nodes share it out among those that have room; the deputies wait a step each.
 * What is starving (keep.ts) may be taken by its deputies at any time.
 */
function steal(
  state: WorkerState,
  best: number | null,
  others: readonly Other[],
  self: Ranked,
  all: readonly Ranked[],
  withRoom: readonly Ranked[],
  ctx: Context,
): Turn[] {
  const { queue, timings, options } = state;
  const idleMs = queue.seenMs === null || queue.idleSinceMs === null ? 0 : queue.seenMs - queue.idleSinceMs;
  const stolen: Turn[] = [];
  for (const { entry, owner, place, waitedMs, standsFirstMs } of others) {
    if (stolen.length >= MOST_STOLEN) break;
    if (
      standsFirstMs >= timings.keepMs &&
      keepsRoom(rankOf(taskKey(entry), self, all), standsFirstMs, timings.keepMs)
    ) {
      stolen.push({ entry, untilMs: after(ctx.nowMs, timings.queueAgeMs), keeps: true });
      continue;
    }
    if (best !== null && entry.priority <= best) continue;
    if (waitedMs < (best === null ? timings.stepMs : timings.queueAgeMs)) continue;
    const headMs = (queue.seenMs ?? 0) - (queue.heads.get(owner)?.sinceMs ?? 0);
    if (place < options.workload.maxTasks && headMs < timings.headMs) continue;
    const rank = rankOf(taskKey(entry), self, withRoom);
    if (rank > 0 && idleMs < rank * timings.stepMs) continue;
    stolen.push({ entry, untilMs: after(ctx.nowMs, timings.freshMs), keeps: false });
  }
  return stolen;
}

/** When the first lease that is overdue for its renewal has run out, or a back-off ends; {@link NEVER}: none. */
function overdueMs(state: WorkerState, ctx: Context): MonoMs {
  const { queue } = state;
  let first = NEVER;
  for (const entry of queue.entries) {
    const task = taskKey(entry);
    const seen = queue.leases.get(task);
    if (seen === undefined || state.held.has(task)) continue;
    if (!isOverdue(state, seen)) continue;
    const now = claimable(state, task, ctx);
    if (now.type === 'busy') first = earliest(first, now.untilMs);
  }
  return first;
}

const isOverdue = (state: WorkerState, seen: SeenLease): boolean =>
  seen.ageMs > OVERDUE_SHARE * state.options.workload.leaseMs ||
  (typeof seen.lease === 'object' && seen.lease?.state === 'free');

function everybody(state: WorkerState): readonly [self: Ranked, all: readonly Ranked[]] {
  const { id } = state.options.identity;
  const others = state.peers.filter((peer) => !peer.leaving && peer.id !== id).map((peer) => peer.id);
  const [self, ...rest] = ranked([id, ...others]);
  return [self as Ranked, rest];
}
