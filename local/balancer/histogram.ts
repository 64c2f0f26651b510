/**
 * Durations in buckets whose bounds grow by 2%, so that a percentile is told within 1% however many came, in about
 * 3 KiB. Bucket 0 holds what is at most {@link FLOOR_MS}; bucket i > 0 holds FLOOR x 1.02^(i-1) < x <= FLOOR x 1.02^i.
 */
export const GROWTH = 1.02;
/** Below a tenth of a millisecond nothing is told apart. */
export const FLOOR_MS = 0.1;
/** Longer than any time-out of a load balancer (4,000 s); what is longer counts into the last bucket. */
const CEILING_MS = 10_000_000;

const LOG_GROWTH = Math.log(GROWTH);
const BUCKETS = Math.ceil(Math.log(CEILING_MS / FLOOR_MS) / LOG_GROWTH) + 1;

export class Histogram {
  readonly #buckets = new Uint32Array(BUCKETS);
  #count = 0;
  #sumMs = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  get sumMs(): number {
    return this.#sumMs;
  }

  /** Infinity when it is empty. */
  get minMs(): number {
    return this.#minMs;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  /** Anything that isn't a duration counts as 0. */
  add(ms: number): void {
    const value = ms > 0 ? Math.min(ms, CEILING_MS) : 0;
    const index = value <= FLOOR_MS ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(value / FLOOR_MS) / LOG_GROWTH));
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    this.#count++;
    this.#sumMs += value;
    if (value < this.#minMs) this.#minMs = value;
    if (value > this.#maxMs) this.#maxMs = value;
  }

  merge(other: Histogram): void {
    for (let i = 0; i < BUCKETS; i++) this.#buckets[i] = (this.#buckets[i] ?? 0) + (other.#buckets[i] ?? 0);
    this.#count += other.#count;
    this.#sumMs += other.#sumMs;
    this.#minMs = Math.min(this.#minMs, other.#minMs);
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
  }

  /**
   * The nearest-rank percentile: of n values in order the one at ceil(percent / 100 x n), from 1. What is told is the
   * middle of its bucket, 2 x upper / (1 + 1.02), which is at most (1.02 - 1) / (1.02 + 1) = 1% off either bound, and never
   * outside what came. Null when it is empty.
   */
  percentileMs(percent: number): number | null {
    if (this.#count === 0) return null;
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#count));
    let seen = 0;
    let index = 0;
    while (index < BUCKETS - 1) {
      seen += this.#buckets[index] ?? 0;
      if (seen >= rank) break;
      index++;
    }
    const upper = FLOOR_MS * GROWTH ** index;
    return Math.min(this.#maxMs, Math.max(this.#minMs, (2 * upper) / (1 + GROWTH)));
  }
}
