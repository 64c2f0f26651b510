import type { Candidate, CandidateSource } from './source.js';

/** Chooses the next target. Pure bookkeeping of turns and of requests in flight. */
export class Pool {
  readonly #inFlight = new Map<string, number>();
  readonly #turns = new WeakMap<CandidateSource, number>();

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
  pick(source: CandidateSource): Candidate | null {
    const candidates = source.candidates();
    const size = candidates.length;
    if (size === 0) return null;
    const turn = ((this.#turns.get(source) ?? 0) + 1) % size;
    this.#turns.set(source, turn);
    let chosen = candidates[turn] ?? null;
    if (source.algorithm() === 'round_robin' || chosen === null) return chosen;
    for (let step = 1; step < size; step++) {
      const other = candidates[(turn + step) % size];
      if (other !== undefined && this.inFlight(other.key) < this.inFlight(chosen.key)) chosen = other;
    }
    return chosen;
  }
}
