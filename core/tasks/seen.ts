/**
 * What this node has seen of tasks that it doesn't hold, and what follows from it. Leases are judged by S3's clock alone: a
 * listing gives S3's own time and the time of each object's last change, and what passed here since then is added, which
 * only makes the age smaller than it is. An object that was changed since has another ETag, so the claim then conflicts.
 */
import { after, type Context, type MonoMs } from '../time.js';
import type { OpenEntry } from './keys.js';
import type { Queue, SeenLease, WorkerState } from './state.js';
import { type Lease, taskKey } from './task.js';
import { CLOCK_STEP_MS, failureBackoffMs } from './timings.js';

/**
 * - first: nobody has claimed it yet
 * - again: its lease has run out, or is free
 * - read: its lease may be claimable (it has run out, or looks free), but has to be read first
 * - final: it has ended, and whoever ended it didn't clear it away
 * - busy: until then, somebody is at it or it must wait
 * - bad: what stands in place of its lease can't be read
 */
export type Claimable =
  | { readonly type: 'first' | 'read' | 'bad' }
  | { readonly type: 'again' | 'final'; readonly seen: SeenLease; readonly lease: Lease }
  | { readonly type: 'busy'; readonly untilMs: MonoMs };

export function claimable(state: WorkerState, task: string, ctx: Context): Claimable {
  const seen = state.queue.leases.get(task);
  if (seen === undefined) return { type: 'first' };
  const ageMs = ageOf(seen, ctx);
  const runOutMs = state.options.workload.leaseMs + CLOCK_STEP_MS;
  const { lease } = seen;
  if (lease === 'bad') return { type: 'bad' };
  if (lease?.state === 'free') {
    const waitMs = failureBackoffMs(state.timings, lease.failures) - ageMs;
    return waitMs > 0 ? { type: 'busy', untilMs: after(ctx.nowMs, waitMs) } : { type: 'again', seen, lease };
  }
  if (lease === null && seen.free === true) return { type: 'read' };
  if (ageMs <= runOutMs) return { type: 'busy', untilMs: after(ctx.nowMs, runOutMs - ageMs + 1) };
  if (lease === null) return { type: 'read' };
  return { type: lease.state === 'held' ? 'again' : 'final', seen, lease };
}

export const ageOf = (seen: SeenLease, ctx: Context): number => seen.ageMs + (ctx.nowMs - seen.seenMs);

/** Somebody else was faster, or this node wrote it: it counts as changed just now. */
export function sawLease(queue: Queue, task: string, etag: string, lease: SeenLease['lease'], ctx: Context): void {
  const known = queue.leases.get(task);
  const same = known !== undefined && known.etag === etag;
  queue.leases.set(task, same ? { ...known, lease } : { etag, lease, ageMs: 0, seenMs: ctx.nowMs });
  queue.changed = true;
}

/** Its open object is gone: it has ended. */
export function forgetEntry(queue: Queue, task: string): void {
  queue.entries = queue.entries.filter((entry) => taskKey(entry) !== task);
  queue.turn = queue.turn.filter(({ entry }) => taskKey(entry) !== task);
  queue.leases.delete(task);
  queue.specs.delete(task);
  queue.claimableSince.delete(task);
  queue.firstSince.delete(task);
}

/** The moment of the last request that showed the open object. */
export function openSeenMs(queue: Queue, task: string): MonoMs {
  const read = queue.specs.get(task)?.seenMs ?? (0 as MonoMs);
  const listed = queue.seenMs ?? (0 as MonoMs);
  return listed > read && queue.entries.some((entry) => taskKey(entry) === task) ? listed : read;
}

/** Two submissions of one id and run are one task: the earlier counts. */
export function withoutTwins(entries: readonly OpenEntry[]): OpenEntry[] {
  const first = new Map<string, OpenEntry>();
  for (const entry of entries) {
    const other = first.get(taskKey(entry));
    if (other === undefined || entry.submittedMs < other.submittedMs) first.set(taskKey(entry), entry);
  }
  return entries.filter((entry) => first.get(taskKey(entry)) === entry);
}
