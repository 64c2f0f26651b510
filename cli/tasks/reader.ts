/**
 * Reads the whole queue while agents go on changing it. A task that ends moves: record into a journal, then its open
 * object goes, then its lease. So these are read in that order too - open, leases, journals: whoever has left one place
 * before it was looked at is found in a later one. What is found twice counts once, and a final lease wins.
 */
import { ENDED, FAILED, LEASES, OPEN, parseLeaseKey, parseOpenKey } from '../../core/tasks/keys.js';
import { parseLease } from '../../core/tasks/parse.js';
import { type Lease, taskKey } from '../../core/tasks/task.js';
import { inParallel } from '../parallel.js';
import { readJournal } from './journal.js';
import type { Entry, QueueStore } from './store.js';
import { openView, type TaskView, truer } from './view.js';

export interface Snapshot {
  /** One a run, by id and run. */
  readonly tasks: readonly TaskView[];
  /** Objects that can't be read, each in a sentence; at most {@link MAX_PROBLEMS}. */
  readonly problems: readonly string[];
  /** The highest run of an id that has a lease but is no task: taken back, or forgotten. */
  readonly leftovers: ReadonlyMap<string, number>;
  /** S3's clock. */
  readonly nowMs: number;
}

export interface QueueReader {
  /** A second look costs the listings, and what has changed since. */
  read(): Promise<Snapshot>;
}

const MAX_PROBLEMS = 20;

export function queueReader(store: QueueStore, leaseMs: number): QueueReader {
  const leases = new Map<string, { readonly etag: string; readonly lease: Lease | null }>();
  /** Journals and records of poison tasks are never changed. */
  const ended = new Map<string, readonly TaskView[]>();

  async function readLease({ key, etag }: Entry, problems: string[]): Promise<void> {
    const known = leases.get(key);
    if (known?.etag === etag) return;
    const stored = await store.get(key);
    if (stored === null) {
      leases.delete(key);
      return;
    }
    const parsed = parseLease(stored.body);
    if (!parsed.ok) note(problems, `s3://${store.bucket}/${key} can't be read: ${parsed.problem}`);
    leases.set(key, { etag: stored.etag, lease: parsed.ok ? parsed.value : null });
  }

  async function readRecords({ key }: Entry, problems: string[]): Promise<void> {
    if (ended.has(key)) return;
    const stored = await store.get(key);
    if (stored === null) return;
    const { views, problems: found } = readJournal(stored.body);
    for (const problem of found) note(problems, `s3://${store.bucket}/${key} can't be read: ${problem}`);
    ended.set(key, views);
  }

  return {
    async read() {
      const problems: string[] = [];
      const open = await store.list(OPEN);
      const held = await store.list(LEASES);
      await inParallel(held.entries, (entry) => readLease(entry, problems));
      const records = [...(await store.list(ENDED)).entries, ...(await store.list(FAILED)).entries];
      await inParallel(records, (entry) => readRecords(entry, problems));

      const tasks = new Map<string, TaskView>();
      const add = (view: TaskView): void => {
        const other = tasks.get(view.key);
        tasks.set(view.key, other === undefined ? view : truer(other, view));
      };
      const ages = new Map<string, number>();
      const leaseOf = new Map<string, Lease | null>();
      for (const { key, modifiedMs } of held.entries) {
        const named = parseLeaseKey(key);
        const known = leases.get(key);
        if (named === null || known === undefined) continue;
        leaseOf.set(taskKey(named), known.lease);
        ages.set(taskKey(named), held.nowMs - modifiedMs);
      }
      for (const { key } of open.entries) {
        const entry = parseOpenKey(key);
        if (entry === null) note(problems, `s3://${store.bucket}/${key} is no task's key.`);
        else add(openView(entry, leaseOf.get(taskKey(entry)) ?? null, ages.get(taskKey(entry)) ?? 0, leaseMs));
      }
      for (const { key } of records) for (const view of ended.get(key) ?? []) add(view);
      forget(leases, held.entries);
      const leftovers = new Map<string, number>();
      for (const { key } of held.entries) {
        const named = parseLeaseKey(key);
        if (named === null || tasks.has(taskKey(named))) continue;
        leftovers.set(named.id, Math.max(named.run, leftovers.get(named.id) ?? 0));
      }
      return { tasks: [...tasks.values()].sort(byKey), leftovers, problems, nowMs: open.nowMs };
    },
  };
}

function note(problems: string[], sentence: string): void {
  if (problems.length < MAX_PROBLEMS) problems.push(sentence);
}

function forget(known: Map<string, unknown>, entries: readonly Entry[]): void {
  const there = new Set(entries.map(({ key }) => key));
  for (const key of known.keys()) if (!there.has(key)) known.delete(key);
}

const byKey = (a: TaskView, b: TaskView): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : a.run - b.run);
