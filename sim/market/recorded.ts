import type { Lane, Market, PoolMarket } from './market.js';
import type { Trace } from './trace.js';

export interface RecordedMarketOptions {
  readonly traces: readonly Trace[];
  /** Where in the traces the run begins, in ticks; past their end they go on from their start. */
  readonly startTick: number;
  readonly onDemandUsdPerHour: number;
  /** For traces without prices. */
  readonly spotUsdPerHour: number;
  /** `recorded`: as many instances as nodes were probed. `scaled`: each recorded node stands for any number of
   * instances, every k-th of the pool's. */
  readonly capacity: 'recorded' | 'scaled';
}

/** One pool a trace. A fall of the recorded number by k interrupts the k highest lanes (of each k-fold when scaled). */
export function recordedMarket(options: RecordedMarketOptions): Market {
  return { pools: options.traces.map((trace) => new RecordedPool(trace, options)) };
}

const HOUR_MS = 3_600_000;

class RecordedPool implements PoolMarket {
  readonly name: string;
  readonly zone: string;
  readonly onDemandUsdPerHour: number;
  readonly classes: number;
  readonly lanes: number;
  readonly #trace: Trace;
  readonly #start: number;
  readonly #spot: number;
  /** Sums of prices up to each tick. */
  readonly #sums: Float64Array | null;

  constructor(trace: Trace, options: RecordedMarketOptions) {
    this.name = trace.name;
    this.zone = trace.name;
    this.onDemandUsdPerHour = options.onDemandUsdPerHour;
    this.classes = Math.max(1, trace.nodes);
    this.lanes = options.capacity === 'recorded' ? this.classes : Number.POSITIVE_INFINITY;
    this.#trace = trace;
    this.#start = options.startTick;
    this.#spot = options.spotUsdPerHour;
    this.#sums = trace.prices === null ? null : new Float64Array(trace.prices.length + 1);
    trace.prices?.forEach((price, i) => {
      if (this.#sums !== null) this.#sums[i + 1] = (this.#sums[i] as number) + price;
    });
  }

  priceAt(ms: number): number {
    return this.#trace.prices?.[this.#index(Math.floor(ms / this.#trace.gapMs))] ?? this.#spot;
  }

  hazardAt(): null {
    return null;
  }

  spend(fromMs: number, toMs: number): number {
    if (this.#sums === null) return ((toMs - fromMs) / HOUR_MS) * this.#spot;
    return ((this.#pricedTicks(toMs) - this.#pricedTicks(fromMs)) * this.#trace.gapMs) / HOUR_MS;
  }

  isUp(laneClass: number, ms: number): boolean {
    return this.#count(Math.floor(ms / this.#trace.gapMs)) > laneClass;
  }

  nextRise(ms: number): number {
    const tick = Math.floor(ms / this.#trace.gapMs);
    for (let i = 1; i <= this.#trace.data.length; i++) {
      if (this.#count(tick + i) > this.#count(tick + i - 1)) return (tick + i) * this.#trace.gapMs;
    }
    return Number.POSITIVE_INFINITY;
  }

  lane(index: number): Lane {
    const laneClass = index % this.classes;
    return {
      interruptionAfter: (ms) => {
        const tick = Math.floor(ms / this.#trace.gapMs);
        for (let i = 1; i <= this.#trace.data.length; i++) {
          if (this.#count(tick + i) <= laneClass) return (tick + i) * this.#trace.gapMs;
        }
        return Number.POSITIVE_INFINITY;
      },
    };
  }

  #index(tick: number): number {
    return (this.#start + tick) % this.#trace.data.length;
  }

  #count(tick: number): number {
    return this.#trace.data[this.#index(tick)] as number;
  }

  /** Sum of prices from the run's start to a time, in USD an hour times ticks. */
  #pricedTicks(ms: number): number {
    const sums = this.#sums as Float64Array;
    const ticks = this.#start + ms / this.#trace.gapMs;
    const whole = Math.floor(ticks);
    const rounds = Math.floor(whole / this.#trace.data.length);
    const index = whole % this.#trace.data.length;
    const part = ((sums[index + 1] as number) - (sums[index] as number)) * (ticks - whole);
    return rounds * (sums.at(-1) as number) + (sums[index] as number) + part;
  }
}
