import { seededRng } from '../../core/rng.js';
import type { Rng } from '../../core/time.js';
import { drawExponential, drawNormal, rounded } from '../draw.js';
import { END_OF_TIME_MS, type Lane, type Market, type PoolMarket } from './market.js';

export interface SyntheticMarketOptions {
  readonly seed: number | string;
  readonly zones: number;
  /** Instance types a zone; a pool is a type in a zone. */
  readonly types: number;
  readonly onDemandUsdPerHour: number;
  /** Mean spot price. */
  readonly spotUsdPerHour: number;
  /** Mean interruptions per instance and hour. */
  readonly interruptionsPerHour: number;
  /** `constant`: price and hazard stand still. `ou`: both move as below. */
  readonly kind: 'constant' | 'ou';
  /** Stationary standard deviation of the price's logarithm. Default 0.2. */
  readonly volatility: number;
  /** The same of the hazard's. Default 0.5. */
  readonly hazardVolatility: number;
  /** Speed of the return to the mean, 1/h. Default 0.5. */
  readonly reversionPerHour: number;
  /** Amplitude of the daily cycle, as a share of the mean. Default 0.1. */
  readonly dailyAmplitude: number;
  /** Correlation between pools of one zone. Default 0.6. */
  readonly zoneCorrelation: number;
}

const STEP_MS = 300_000;
const HOUR_MS = 3_600_000;
const STEPS_PER_DAY = (24 * HOUR_MS) / STEP_MS;
/** Correlation between a pool's price and its hazard: both rise when capacity gets scarce. */
const PRICE_HAZARD_CORRELATION = 0.5;

/**
 * Prices and hazards whose logarithms are Ornstein-Uhlenbeck processes around a daily cycle, in steps of five minutes,
 * by the exact discretization x(t+h) = x(t) e^(-kh) + s sqrt(1 - e^(-2kh)) N(0,1), which has no error in h (D. T.
 * Gillespie, "Exact numerical simulation of the Ornstein-Uhlenbeck process and its integral", Physical Review E 54
 * (1996)). Means are kept: exp(x - s^2/2) has mean 1. A price never exceeds on-demand (AWS caps it there).
 */
export function syntheticMarket(options: SyntheticMarketOptions): Market {
  const pools: PoolMarket[] = [];
  for (let z = 0; z < options.zones; z++) {
    const shared = new SharedNoise(seededRng(`${options.seed}:zone:${z}`));
    for (let t = 0; t < options.types; t++) {
      const zone = `zone-${String.fromCharCode(97 + z)}`;
      pools.push(new SyntheticPool(`${zone}/type-${t + 1}`, zone, options, shared));
    }
  }
  return { pools };
}

/** The zone's part of the noise, the same for all of its pools. */
class SharedNoise {
  readonly #rng: Rng;
  readonly #values: number[] = [];

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  at(index: number): number {
    while (this.#values.length <= index) this.#values.push(drawNormal(this.#rng));
    return this.#values[index] as number;
  }
}

class SyntheticPool implements PoolMarket {
  readonly name: string;
  readonly zone: string;
  readonly onDemandUsdPerHour: number;
  readonly classes = 1;
  readonly lanes = Number.POSITIVE_INFINITY;
  readonly #options: SyntheticMarketOptions;
  readonly #shared: SharedNoise;
  readonly #rng: Rng;
  readonly #price: number[] = [];
  /** Sums up to each step's start: USD, and expected interruptions. */
  readonly #spent: number[] = [0];
  readonly #hazard: number[] = [0];
  #logPrice = 0;
  #logHazard = 0;

  constructor(name: string, zone: string, options: SyntheticMarketOptions, shared: SharedNoise) {
    this.name = name;
    this.zone = zone;
    this.onDemandUsdPerHour = options.onDemandUsdPerHour;
    this.#options = options;
    this.#shared = shared;
    this.#rng = seededRng(`${options.seed}:pool:${name}`);
  }

  priceAt(ms: number): number {
    if (this.#options.kind === 'constant') return this.#options.spotUsdPerHour;
    const step = Math.floor(ms / STEP_MS);
    this.#extend(step);
    return this.#price[step] as number;
  }

  hazardAt(ms: number): number {
    if (this.#options.kind === 'constant') return this.#options.interruptionsPerHour;
    const step = Math.floor(ms / STEP_MS);
    this.#extend(step);
    return (((this.#hazard[step + 1] as number) - (this.#hazard[step] as number)) * HOUR_MS) / STEP_MS;
  }

  spend(fromMs: number, toMs: number): number {
    if (this.#options.kind === 'constant') return ((toMs - fromMs) / HOUR_MS) * this.#options.spotUsdPerHour;
    return this.#sum(this.#spent, toMs) - this.#sum(this.#spent, fromMs);
  }

  isUp(): boolean {
    return true;
  }

  nextRise(): number {
    return Number.POSITIVE_INFINITY;
  }

  lane(index: number): Lane {
    const rng = seededRng(`${this.#options.seed}:lane:${this.name}:${index}`);
    // A Poisson process in the clock of expected interruptions is one of the wanted rate in real time.
    let next = drawExponential(rng);
    const nextAfter = (ms: number): number => {
      const from = this.#expectedUpTo(ms);
      for (let i = 0; i < 1_000_000 && next <= from; i++) next += drawExponential(rng);
      return next;
    };
    return {
      interruptionAfter: (ms) => this.#whenExpected(nextAfter(ms), ms),
      // A constant market knows without drawing anything.
      isSafeUntil: (ms, untilMs) => this.#options.kind !== 'constant' && nextAfter(ms) > this.#expectedUpTo(untilMs),
    };
  }

  #expectedUpTo(ms: number): number {
    if (this.#options.kind === 'constant') return (ms / HOUR_MS) * this.#options.interruptionsPerHour;
    return this.#sum(this.#hazard, ms);
  }

  #whenExpected(expected: number, afterMs: number): number {
    const rate = this.#options.interruptionsPerHour;
    if (rate === 0) return Number.POSITIVE_INFINITY;
    if (this.#options.kind === 'constant') return Math.max(afterMs + 1, Math.ceil((expected / rate) * HOUR_MS));
    while ((this.#hazard.at(-1) as number) <= expected) {
      if (this.#price.length * STEP_MS > END_OF_TIME_MS) return Number.POSITIVE_INFINITY;
      this.#extend(this.#price.length + 63);
    }
    let low = Math.floor(afterMs / STEP_MS);
    let high = this.#hazard.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#hazard[middle] as number) <= expected) low = middle;
      else high = middle;
    }
    const start = this.#hazard[low] as number;
    const share = (expected - start) / ((this.#hazard[low + 1] as number) - start);
    return Math.max(afterMs + 1, Math.ceil((low + share) * STEP_MS));
  }

  #sum(sums: readonly number[], ms: number): number {
    const step = Math.floor(ms / STEP_MS);
    this.#extend(step);
    const start = sums[step] as number;
    return start + (((sums[step + 1] as number) - start) * (ms - step * STEP_MS)) / STEP_MS;
  }

  #extend(step: number): void {
    // Asked at every look at a price; mostly it is there already.
    if (step >= this.#price.length) this.#draw(step);
  }

  #draw(step: number): void {
    const o = this.#options;
    const shared = this.#shared;
    const rng = this.#rng;
    const [prices, spent, hazards] = [this.#price, this.#spent, this.#hazard];
    const hours = STEP_MS / HOUR_MS;
    const decay = rounded(Math.exp(-o.reversionPerHour * hours));
    const noise = rounded(Math.sqrt(1 - decay * decay));
    const ownPart = Math.sqrt(1 - o.zoneCorrelation);
    const zonePart = Math.sqrt(o.zoneCorrelation);
    const otherPart = Math.sqrt(1 - PRICE_HAZARD_CORRELATION ** 2);
    const priceShift = o.volatility ** 2 / 2;
    const hazardShift = o.hazardVolatility ** 2 / 2;
    let logPrice = this.#logPrice;
    let logHazard = this.#logHazard;
    for (let i = prices.length; i <= step; i++) {
      const priceShock = zonePart * shared.at(2 * i) + ownPart * drawNormal(rng);
      const otherShock = zonePart * shared.at(2 * i + 1) + ownPart * drawNormal(rng);
      const hazardShock = PRICE_HAZARD_CORRELATION * priceShock + otherPart * otherShock;
      // The first value is drawn from the stationary distribution, so that a run has no warm-up.
      logPrice = i === 0 ? priceShock : rounded(logPrice * decay + noise * priceShock);
      logHazard = i === 0 ? hazardShock : rounded(logHazard * decay + noise * hazardShock);
      const cycle = 1 + o.dailyAmplitude * rounded(Math.sin((2 * Math.PI * i) / STEPS_PER_DAY));
      const relativePrice = Math.exp(o.volatility * logPrice - priceShift);
      const relativeHazard = Math.exp(o.hazardVolatility * logHazard - hazardShift);
      const price = Math.min(o.onDemandUsdPerHour, rounded(o.spotUsdPerHour * cycle * relativePrice));
      prices.push(price);
      spent.push((spent[i] as number) + price * hours);
      const hazard = rounded(o.interruptionsPerHour * cycle * relativeHazard * hours);
      hazards.push((hazards[i] as number) + hazard);
    }
    this.#logPrice = logPrice;
    this.#logHazard = logHazard;
  }
}
