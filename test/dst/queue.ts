/** Virtual time: what happens next, in order; equal moments in the order in which they were planned. */
export class EventQueue {
  readonly #heap: { readonly atMs: number; readonly order: number; readonly run: () => void }[] = [];
  #order = 0;
  nowMs = 0;

  at(atMs: number, run: () => void): void {
    const item = { atMs: Math.max(this.nowMs, Math.round(atMs)), order: this.#order++, run };
    let i = this.#heap.push(item) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#before(i, parent)) break;
      this.#swap(i, parent);
      i = parent;
    }
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run);
  }

  /** Runs everything up to `untilMs`, then stands there. */
  runUntil(untilMs: number, afterEach: () => void): void {
    while (this.#heap.length > 0 && (this.#heap[0]?.atMs ?? 0) <= untilMs) {
      const item = this.#pop();
      this.nowMs = item.atMs;
      item.run();
      afterEach();
    }
    this.nowMs = untilMs;
  }

  #pop(): { readonly atMs: number; readonly run: () => void } {
    const [first] = this.#heap;
    const last = this.#heap.pop();
    if (first === undefined || last === undefined) throw new Error('The queue is empty.');
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink();
    }
    return first;
  }

  #sink(): void {
    let i = 0;
    for (;;) {
      const left = 2 * i + 1;
      if (left >= this.#heap.length) return;
      const right = left + 1;
      const least = right < this.#heap.length && this.#before(right, left) ? right : left;
      if (!this.#before(least, i)) return;
      this.#swap(least, i);
      i = least;
    }
  }

  #before(a: number, b: number): boolean {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    if (x === undefined || y === undefined) return false;
    return x.atMs < y.atMs || (x.atMs === y.atMs && x.order < y.order);
  }

  #swap(a: number, b: number): void {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    if (x === undefined || y === undefined) return;
    this.#heap[a] = y;
    this.#heap[b] = x;
  }
}
