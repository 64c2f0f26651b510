import type { MonoMs } from '../../../core/time.js';

export interface Entry {
  readonly atMs: MonoMs;
  readonly order: number;
  readonly action: () => void;
}

/** What is to happen under virtual time: a binary heap by time, then by the order of adding. */
export class Agenda {
  readonly #heap: Entry[] = [];
  #order = 0;

  add(atMs: MonoMs, action: () => void): void {
    const heap = this.#heap;
    const entry = { atMs, order: this.#order++, action };
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!earlier(entry, heap[parent] as Entry)) break;
      heap[at] = heap[parent] as Entry;
      at = parent;
    }
    heap[at] = entry;
  }

  /** Takes the first entry that is due by `untilMs`. */
  takeUntil(untilMs: number): Entry | null {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.atMs > untilMs) return null;
    const last = heap.pop() as Entry;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(entry: Entry): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && earlier(heap[child + 1] as Entry, heap[child] as Entry)) child++;
      if (!earlier(heap[child] as Entry, entry)) break;
      heap[at] = heap[child] as Entry;
      at = child;
    }
    heap[at] = entry;
  }
}

const earlier = (a: Entry, b: Entry): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
