/**
 * The tasks that have ended, kept by whoever looks again and again: each journal is read once, some at a look, and after the
 * first listing only its end is listed. Journals that the bucket has deleted meanwhile are found by a whole listing now and then.
 */
import { ENDED, timeDigits } from '../../core/tasks/keys.js';
import { inParallel } from '../parallel.js';
import { readJournal } from './journal.js';
import type { QueueStore } from './store.js';
import { type State, truer } from './view.js';

export interface EndedTask {
  /** `id.run`. */
  readonly key: string;
  readonly state: State;
  readonly lease: { readonly fence: number };
}

export interface EndedBounds {
  /** Pages of 1,000 journals listed at a look. */
  readonly pages: number;
  /** Journals read at a look, and their bytes. */
  readonly reads: number;
  readonly bytes: number;
  /** Journals, and records in them, that are kept in all. */
  readonly journals: number;
  readonly records: number;
}

export const ENDED_BOUNDS: EndedBounds = {
  pages: 5,
  reads: 100,
  bytes: 16 * 1_048_576,
  journals: 100_000,
  records: 100_000,
};

/** A journal's key has its writer's time; it may come so much later, by the writer's clock and by repeats. */
const LATE_MS = 900_000;
const WHOLE_MS = 3_600_000;

export class EndedTasks {
  readonly #bounds: EndedBounds;
  /** By journal, in the order in which they were found. */
  readonly #journals = new Map<string, readonly EndedTask[]>();
  /** Not read yet, with their bytes. */
  readonly #unread = new Map<string, number>();
  /** What the whole listing under way has shown so far; null: none is. */
  #listed: Set<string> | null = new Set();
  #after: string | undefined;
  #wholeMs = 0;
  /** The last listing was cut, or something can't be read or kept. */
  #more = false;
  #lost = false;

  constructor(bounds = ENDED_BOUNDS) {
    this.#bounds = bounds;
  }

  /** There are more than are known here. */
  get more(): boolean {
    return this.#more || this.#lost || this.#unread.size > 0;
  }

  /** By `id.run`. Two nodes may have archived the same. */
  get tasks(): ReadonlyMap<string, EndedTask> {
    const tasks = new Map<string, EndedTask>();
    for (const records of this.#journals.values()) {
      for (const record of records) {
        const other = tasks.get(record.key);
        tasks.set(record.key, other === undefined ? record : truer(other, record));
      }
    }
    return tasks;
  }

  /** Throws as the store does; what was read before is kept. */
  async look(store: QueueStore): Promise<void> {
    await this.#list(store);
    await this.#read(store);
  }

  async #list(store: QueueStore): Promise<void> {
    const { entries, nowMs, more } = await store.listSome(ENDED, { pages: this.#bounds.pages, after: this.#after });
    for (const { key, bytes } of entries) {
      this.#listed?.add(key);
      if (this.#journals.has(key) || this.#unread.has(key)) continue;
      const full = this.#journals.size + this.#unread.size >= this.#bounds.journals;
      if (full || bytes > this.#bounds.bytes) this.#lost = true;
      else this.#unread.set(key, bytes);
    }
    this.#more = more;
    if (more) {
      this.#after = entries.at(-1)?.key;
      return;
    }
    if (this.#listed !== null) {
      for (const map of [this.#journals, this.#unread]) {
        for (const key of map.keys()) if (!this.#listed.has(key)) map.delete(key);
      }
      this.#listed = null;
      this.#wholeMs = nowMs;
    }
    if (nowMs - this.#wholeMs < WHOLE_MS) this.#after = `${ENDED}${timeDigits(Math.max(0, nowMs - LATE_MS))}`;
    else {
      this.#after = undefined;
      this.#listed = new Set();
    }
  }

  async #read(store: QueueStore): Promise<void> {
    let records = 0;
    for (const kept of this.#journals.values()) records += kept.length;
    const chosen: string[] = [];
    let bytes = 0;
    for (const [key, size] of this.#unread) {
      bytes += size;
      const enough = chosen.length >= this.#bounds.reads || bytes > this.#bounds.bytes;
      if (enough || records >= this.#bounds.records) break;
      chosen.push(key);
    }
    await inParallel(chosen, async (key) => {
      const stored = await store.get(key);
      this.#unread.delete(key);
      if (stored === null) return;
      const { views, problems } = readJournal(stored.body);
      const found = views.map((view) => ({
        key: view.key,
        state: view.state,
        lease: { fence: view.lease?.fence ?? 0 },
      }));
      const room = Math.max(0, this.#bounds.records - records);
      if (problems.length > 0 || found.length > room) this.#lost = true;
      records += Math.min(found.length, room);
      this.#journals.set(key, found.slice(0, room));
    });
  }
}
