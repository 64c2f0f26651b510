/**
 * A market for the simulator from EC2's own spot price history. Prices are those of the past, from a chosen moment of it
 * on and, past its end, again from its start. Interruptions aren't in the history: they come at an assumed rate, each
 * node's by itself.
 */
import { seededRng } from '../../../core/rng.js';
import { drawExponential } from '../../../sim/draw.js';
import type { Lane, Market, PoolMarket } from '../../../sim/market/market.js';
import type { PricePoint } from '../prices.js';

export interface PoolHistory {
  /** `m7g.large us-east-1a`. */
  readonly name: string;
  readonly zone: string;
  /** 0 where it isn't known: then nothing may be launched on-demand. */
  readonly onDemandUsdPerHour: number;
  /** In order of time, at least one. */
  readonly points: readonly PricePoint[];
}

export interface HistoryMarketOptions {
  readonly seed: string;
  /** On-demand nodes are of the first one's type. */
  readonly pools: readonly PoolHistory[];
  readonly fromMs: number;
  readonly toMs: number;
  /** Where in the history the run begins, 0 to 1. */
  readonly startShare: number;
  /** Of a node in an hour. */
  readonly interruptionsPerHour: number;
}

const HOUR_MS = 3_600_000;

export function historyMarket(options: HistoryMarketOptions): Market {
  return { pools: options.pools.map((pool) => new HistoryPool(pool, options)) };
}

class HistoryPool implements PoolMarket {
  readonly name: string;
  readonly zone: string;
  readonly onDemandUsdPerHour: number;
  readonly classes = 1;
  readonly lanes = Number.POSITIVE_INFINITY;
  readonly #seed: string;
  readonly #rate: number;
  readonly #spanMs: number;
  readonly #offsetMs: number;
  /** Steps of the price, the first at 0, and what a node costs up to each. */
  readonly #times: number[] = [];
  readonly #prices: number[] = [];
  readonly #spent: number[] = [];

  constructor({ name, zone, onDemandUsdPerHour, points }: PoolHistory, options: HistoryMarketOptions) {
    this.name = name;
    this.zone = zone;
    this.onDemandUsdPerHour = onDemandUsdPerHour;
    this.#seed = `${options.seed}:${name}`;
    this.#rate = options.interruptionsPerHour;
    this.#spanMs = Math.max(1, options.toMs - options.fromMs);
    this.#offsetMs = Math.floor(options.startShare * this.#spanMs);
    for (const { fromMs, usdPerHour } of points) {
      // The first price also stands for the time before it; of several before the start the last one holds there.
      const at = this.#times.length === 0 ? 0 : Math.max(0, fromMs - options.fromMs);
      if (at >= this.#spanMs) break;
      if (at === this.#times.at(-1)) this.#prices[this.#prices.length - 1] = usdPerHour;
      else {
        const [last, price] = [this.#times.at(-1) ?? 0, this.#prices.at(-1) ?? 0];
        this.#spent.push((this.#spent.at(-1) ?? 0) + (price * (at - last)) / HOUR_MS);
        this.#times.push(at);
        this.#prices.push(usdPerHour);
      }
    }
  }

  priceAt(ms: number): number {
    return this.#prices[this.#step((this.#offsetMs + ms) % this.#spanMs)] ?? 0;
  }

  spend(fromMs: number, toMs: number): number {
    return this.#upTo(this.#offsetMs + toMs) - this.#upTo(this.#offsetMs + fromMs);
  }

  hazardAt(): number {
    return this.#rate;
  }

  isUp(): boolean {
    return true;
  }

  nextRise(): number {
    return Number.POSITIVE_INFINITY;
  }

  lane(index: number): Lane {
    const rng = seededRng(`${this.#seed}:${index}`);
    const gapMs = (): number => Math.ceil((drawExponential(rng) / this.#rate) * HOUR_MS);
    let nextMs = this.#rate === 0 ? Number.POSITIVE_INFINITY : gapMs();
    return {
      interruptionAfter: (ms) => {
        for (let i = 0; i < 1_000_000 && nextMs <= ms; i++) nextMs += gapMs();
        return nextMs;
      },
    };
  }

  /** The step that holds at a moment of the history. */
  #step(ms: number): number {
    let [low, high] = [0, this.#times.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#times[middle] as number) <= ms) low = middle;
      else high = middle;
    }
    return low;
  }

  #upTo(ms: number): number {
    const rounds = Math.floor(ms / this.#spanMs);
    return rounds * this.#within(this.#spanMs) + this.#within(ms - rounds * this.#spanMs);
  }

  #within(ms: number): number {
    const step = this.#step(ms);
    const [at, price] = [this.#times[step] ?? 0, this.#prices[step] ?? 0];
    return (this.#spent[step] ?? 0) + (price * (ms - at)) / HOUR_MS;
  }
}
