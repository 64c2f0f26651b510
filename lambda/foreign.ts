import { after, type MonoMs } from '../core/time.js';

/** Ids that are remembered, and for how long: events of an account's other instances come in bursts. */
const MAX_IDS = 2_000;
const KEEP_MS = 600_000;

/**
 * Instances that are none of the cluster's. Events carry no tags, so every spot instance of the account gets here; the
 * same one isn't looked up again and again. The oldest are forgotten first, and a mistake (describes lag) soon.
 */
export class Foreign {
  readonly #untilMs = new Map<string, MonoMs>();

  has(instanceId: string, nowMs: MonoMs): boolean {
    const untilMs = this.#untilMs.get(instanceId);
    return untilMs !== undefined && untilMs > nowMs;
  }

  add(instanceId: string, nowMs: MonoMs): void {
    this.#untilMs.delete(instanceId);
    this.#untilMs.set(instanceId, after(nowMs, KEEP_MS));
    for (const oldest of this.#untilMs.keys()) {
      if (this.#untilMs.size <= MAX_IDS) break;
      this.#untilMs.delete(oldest);
    }
  }

  get size(): number {
    return this.#untilMs.size;
  }
}
