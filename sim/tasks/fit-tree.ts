/**
 * The room of each slot, for first-fit in O(log n): a maximum tree over slots (D. S. Johnson, "Near-optimal bin packing
 * algorithms", 1973, shows the idea). A slot without an instance holds -1.
 */
export class FitTree {
  #size = 64;
  #tree = new Float64Array(128).fill(-1);

  set(slot: number, room: number): void {
    while (slot >= this.#size) this.#grow();
    let i = this.#size + slot;
    this.#tree[i] = room;
    for (i >>= 1; i >= 1; i >>= 1) {
      const best = Math.max(this.#tree[2 * i] as number, this.#tree[2 * i + 1] as number);
      if (this.#tree[i] === best) break;
      this.#tree[i] = best;
    }
  }

  /** The first slot from `from` on with at least that room, or -1. */
  first(room: number, from = 0): number {
    if (from >= this.#size) return -1;
    let i = this.#size + from;
    if ((this.#tree[i] as number) >= room) return from;
    for (; i > 1; i >>= 1) {
      if ((i & 1) === 0 && (this.#tree[i + 1] as number) >= room) {
        i++;
        while (i < this.#size) i = (this.#tree[2 * i] as number) >= room ? 2 * i : 2 * i + 1;
        return i - this.#size;
      }
    }
    return -1;
  }

  #grow(): void {
    const old = this.#tree.subarray(this.#size);
    this.#size *= 2;
    this.#tree = new Float64Array(2 * this.#size).fill(-1);
    this.#tree.set(old, this.#size);
    for (let i = this.#size - 1; i >= 1; i--) {
      this.#tree[i] = Math.max(this.#tree[2 * i] as number, this.#tree[2 * i + 1] as number);
    }
  }
}
