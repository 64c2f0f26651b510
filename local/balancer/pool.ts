import type { Candidate } from './source.js';

/** Chooses the next target. Pure bookkeeping of turns and of requests in flight. */
export class Pool {
  readonly #inFlight = new Map<string, number>();
  #turn = 0;

  inFlight(key: string): number {
    return this.#inFlight.get(key) ?? 0;
  }

  begin(key: string): void {
    this.#inFlight.set(key, this.inFlight(key) + 1);
  }

  end(key: string): void {
    const left = this.inFlight(key) - 1;
    if (left > 0) this.#inFlight.set(key, left);
    else this.#inFlight.delete(key);
  }

  /** Null when there is no candidate. With least outstanding requests, ties go round robin. */
  pick(candidates: readonly Candidate[], algorithm: 'round_robin' | 'least_outstanding_requests'): Candidate | null {
    const size = candidates.length;
    if (size === 0) return null;
    this.#turn = (this.#turn + 1) % size;
    let chosen = candidates[this.#turn] ?? null;
    if (algorithm === 'round_robin' || chosen === null) return chosen;
    for (let step = 1; step < size; step++) {
      const other = candidates[(this.#turn + step) % size];
      if (other !== undefined && this.inFlight(other.key) < this.inFlight(chosen.key)) chosen = other;
    }
    return chosen;
  }
}
