/** A binary heap of timed events; equal times come out in the order they went in. */
export interface Timed<T> {
  readonly atMs: number;
  readonly order: number;
  readonly event: T;
}

export class EventHeap<T> {
  readonly #items: Timed<T>[] = [];
  #order = 0;

  get size(): number {
    return this.#items.length;
  }

  peekMs(): number {
    return this.#items[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** The first of so many places in the order, to be given to `push` later. */
  reserve(places: number): number {
    const first = this.#order;
    this.#order += places;
    return first;
  }

  push(atMs: number, event: T, order = this.reserve(1)): void {
    const item = { atMs, order, event };
    let i = this.#items.length;
    this.#items.push(item);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = this.#items[parent] as Timed<T>;
      if (!before(item, above)) break;
      this.#items[i] = above;
      i = parent;
    }
    this.#items[i] = item;
  }

  pop(): Timed<T> | undefined {
    const top = this.#items[0];
    const last = this.#items.pop();
    if (top === undefined || last === undefined || this.#items.length === 0) return top;
    const size = this.#items.length;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= size) break;
      const right = child + 1;
      if (right < size && before(this.#items[right] as Timed<T>, this.#items[child] as Timed<T>)) child = right;
      const below = this.#items[child] as Timed<T>;
      if (!before(below, last)) break;
      this.#items[i] = below;
      i = child;
    }
    this.#items[i] = last;
    return top;
  }
}

function before<T>(a: Timed<T>, b: Timed<T>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
