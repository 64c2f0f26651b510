/** How long until the next look: as wished, twice as long each time that AWS asks for fewer calls. */
const MOST_MS = 300_000;

export class Pace {
  readonly #everyMs: number;
  #nowMs: number;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
    this.#nowMs = everyMs;
  }

  get ms(): number {
    return this.#nowMs;
  }

  after(throttled: boolean): void {
    this.#nowMs = throttled ? Math.min(Math.max(this.#everyMs, MOST_MS), this.#nowMs * 2) : this.#everyMs;
  }
}
