import type { MonoMs } from '../../core/time.js';

/** A token bucket, as AWS throttles API calls: full at first, refilled steadily. */
export class Bucket {
  readonly #burst: number;
  readonly #perSecond: number;
  #tokens: number;
  #atMs: MonoMs;

  constructor(burst: number, perSecond: number, nowMs: MonoMs) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** False when it is empty. */
  take(nowMs: MonoMs): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#atMs) / 1000) * this.#perSecond);
    this.#atMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
