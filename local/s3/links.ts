import type { Principal } from '../wire/service.js';

/** Callers that are remembered. */
const MAX_LINKS = 10_000;

/**
 * Slow uploads: each node has a link of its own, and what it sends passes through one request after another, as through a
 * network that can't take more. People and functions aren't slowed.
 */
export class UploadLinks {
  readonly #bytesPerSecond: number | null;
  /** When each node's link is free again. */
  readonly #freeAtMs = new Map<string, number>();

  /** Null: no limit. */
  constructor(bytesPerSecond: number | null) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** How long a request of so many bytes, that begins now, takes; 0 where there is no limit. */
  delayMs(by: Principal, bytes: number, nowMs: number): number {
    if (this.#bytesPerSecond === null || by.kind !== 'node') return 0;
    const from = Math.max(nowMs, this.#freeAtMs.get(by.instanceId) ?? 0);
    const until = from + Math.round((bytes * 1_000) / this.#bytesPerSecond);
    if (this.#freeAtMs.size >= MAX_LINKS) this.#freeAtMs.clear();
    this.#freeAtMs.set(by.instanceId, until);
    return until - nowMs;
  }
}
