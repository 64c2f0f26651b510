import { chance, randomBetween } from '../../core/rng.js';
import type { Rng } from '../../core/time.js';

export interface NetworkFaults {
  /** Chances, for each datagram. */
  loss: number;
  duplicate: number;
  /** Chance of a delay of up to two seconds, which also reorders. */
  slow: number;
}

/** Who hears whom, and how late. */
export class Network {
  readonly faults: NetworkFaults = { loss: 0, duplicate: 0, slow: 0 };
  readonly #rng: Rng;
  /** Group of each host; hosts of different groups don't hear each other. Null: all hear all. */
  #groups: ReadonlyMap<string, number> | null = null;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  partition(groups: ReadonlyMap<string, number> | null): void {
    this.#groups = groups;
  }

  get partitioned(): boolean {
    return this.#groups !== null;
  }

  reachable(from: string, to: string): boolean {
    return this.#groups === null || (this.#groups.get(from) ?? 0) === (this.#groups.get(to) ?? 0);
  }

  /** Delays in ms of the copies that arrive: none, one or two. */
  datagram(from: string, to: string): number[] {
    if (!this.reachable(from, to) || chance(this.#rng, this.faults.loss)) return [];
    const copies = chance(this.#rng, this.faults.duplicate) ? 2 : 1;
    return Array.from({ length: copies }, () => this.#delay());
  }

  /** Delay in ms of one way of a connection; null: it breaks. */
  stream(from: string, to: string): number | null {
    if (!this.reachable(from, to) || chance(this.#rng, this.faults.loss / 4)) return null;
    return this.#delay();
  }

  #delay(): number {
    if (chance(this.#rng, this.faults.slow)) return randomBetween(this.#rng, 50, 2_000);
    return randomBetween(this.#rng, 0.3, 5);
  }
}
