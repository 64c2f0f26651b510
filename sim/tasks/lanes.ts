import type { Lane, PoolMarket } from '../market/market.js';

/** Who holds which lane of a pool; always the lowest free one, so that policies of like size meet like fates. */
export class Lanes {
  readonly #pool: PoolMarket;
  readonly #free: number[][];
  readonly #opened: number[];
  readonly #lanes = new Map<number, Lane>();

  constructor(pool: PoolMarket) {
    this.#pool = pool;
    this.#free = Array.from({ length: pool.classes }, () => []);
    this.#opened = Array.from({ length: pool.classes }, () => 0);
  }

  isAvailable(ms: number): boolean {
    return this.#lowest(ms) !== null;
  }

  /** Takes a lane and says when it will be lost; null when there is no capacity. */
  take(ms: number): { readonly lane: number; readonly interruptedAtMs: number } | null {
    const lane = this.claim(ms);
    return lane === -1 ? null : { lane, interruptedAtMs: this.fateOf(lane).interruptionAfter(ms) };
  }

  /** Takes a lane without a look at when it will be lost; -1 when there is no capacity. */
  claim(ms: number): number {
    const found = this.#lowest(ms);
    if (found === null) return -1;
    const { lane, laneClass, isNew } = found;
    if (isNew) this.#opened[laneClass] = (this.#opened[laneClass] as number) + 1;
    else popLowest(this.#free[laneClass] as number[]);
    return lane;
  }

  fateOf(lane: number): Lane {
    let fate = this.#lanes.get(lane);
    if (fate === undefined) {
      fate = this.#pool.lane(lane);
      this.#lanes.set(lane, fate);
    }
    return fate;
  }

  release(lane: number): void {
    pushLowest(this.#free[lane % this.#pool.classes] as number[], lane);
  }

  #lowest(ms: number): { lane: number; laneClass: number; isNew: boolean } | null {
    let best: { lane: number; laneClass: number; isNew: boolean } | null = null;
    for (let c = 0; c < this.#pool.classes; c++) {
      if (!this.#pool.isUp(c, ms)) continue;
      const free = this.#free[c]?.[0];
      const lane = free ?? c + (this.#opened[c] as number) * this.#pool.classes;
      if (lane >= this.#pool.lanes) continue;
      if (best === null || lane < best.lane) best = { lane, laneClass: c, isNew: free === undefined };
    }
    return best;
  }
}

function pushLowest(heap: number[], value: number): void {
  let i = heap.length;
  heap.push(value);
  while (i > 0 && (heap[(i - 1) >> 1] as number) > value) {
    heap[i] = heap[(i - 1) >> 1] as number;
    i = (i - 1) >> 1;
  }
  heap[i] = value;
}

function popLowest(heap: number[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let i = 0;
  for (let child = 1; child < heap.length; child = 2 * i + 1) {
    if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++;
    if ((heap[child] as number) >= last) break;
    heap[i] = heap[child] as number;
    i = child;
  }
  heap[i] = last;
}
