/**
 * How many tasks there are in each state, from listings alone: a lease is told by its age and length, not read. Where a
 * listing wasn't read to its end, what is counted is the least that there is, and said to be so.
 */
import { leaseKey, parseLeaseKey, parseOpenKey } from '../../core/tasks/keys.js';
import { looksFree } from '../../core/tasks/leases.js';
import { taskKey } from '../../core/tasks/task.js';
import type { SomeKeys } from './store.js';
import type { State } from './view.js';

export interface Tally extends Readonly<Record<State, number>> {
  /** There may be more of those that wait and run, and of those that have ended. */
  readonly least: { readonly open: boolean; readonly ended: boolean };
}

export interface Listed {
  readonly open: SomeKeys;
  readonly leases: SomeKeys;
  /** By `id.run`. */
  readonly ended: ReadonlyMap<string, { readonly state: State }>;
  /** Some of their records weren't read. */
  readonly endedMore: boolean;
}

/**
 * An open task runs if its lease was renewed in time and doesn't look free. So one that has just ended counts as running
 * until its record is in a journal; agents see to that within half the lease's length.
 */
export function tallyOf({ open, leases, ended, endedMore }: Listed, leaseMs: number): Tally {
  const counts = { waiting: 0, running: 0, done: 0, failed: 0, cancelled: 0 };
  const renewed = new Set<string>();
  for (const { key, modifiedMs, bytes } of leases.entries) {
    const named = parseLeaseKey(key);
    if (named !== null && !looksFree(bytes) && leases.nowMs - modifiedMs <= leaseMs) renewed.add(taskKey(named));
  }
  const lastLease = leases.more ? (leases.entries.at(-1)?.key ?? '') : null;
  const seen = new Set<string>();
  for (const { key } of open.entries) {
    const entry = parseOpenKey(key);
    if (entry === null) continue;
    const task = taskKey(entry);
    if (seen.has(task) || ended.has(task)) continue;
    seen.add(task);
    if (renewed.has(task)) counts.running += 1;
    else if (lastLease === null || leaseKey(entry) <= lastLease) counts.waiting += 1;
  }
  for (const { state } of ended.values()) counts[state] += 1;
  return { ...counts, least: { open: open.more || leases.more, ended: endedMore } };
}
