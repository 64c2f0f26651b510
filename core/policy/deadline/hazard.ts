/**
 * How long spot stays, and stays away. Recorded run lengths are heavy-tailed: the longer a run has lasted, the longer it
 * is likely to go on. So the hazard at age x is taken as m a / (x + b) + c, a Lomax (Pareto type II) hazard over a floor,
 * where the multiplier m is learned from the runs seen so far.
 */
export interface HazardShape {
  /** Dimensionless. */
  readonly a: number;
  /** Hours. */
  readonly b: number;
  /** 1/h. */
  readonly c: number;
}

/**
 * Most likely for the run lengths in all traces of skypilot-org/spot-traces but those of `availability/1-node/aws-02-15-2023`,
 * on which the policy is measured (`bench/sim-hazard.ts` fits them).
 */
export const SPOT_STAYS: HazardShape = { a: 1.2, b: 0.8, c: 0.01 };
export const SPOT_STAYS_AWAY: HazardShape = { a: 1.5, b: 0.8, c: 0 };

/** So many runs' worth of belief that m is 1, before anything was seen. */
const PRIOR_RUNS = 12;
const LEAST = 0.2;
const MOST = 5;

/** Learns m: ends seen over ends expected, with a gamma prior of mean 1 (the conjugate one, the floor left aside). */
export class HazardEstimate {
  readonly shape: HazardShape;
  #ends = PRIOR_RUNS;
  #expected = PRIOR_RUNS;

  constructor(shape: HazardShape) {
    this.shape = shape;
  }

  get multiplier(): number {
    return Math.min(MOST, Math.max(LEAST, this.#ends / this.#expected));
  }

  /** A run went from one age to another, in hours, and ended there or not. */
  observe(fromHours: number, toHours: number, ended: boolean): void {
    this.#expected += expectedEnds(this.shape, 1, fromHours, toHours);
    if (ended) this.#ends++;
  }
}

/** Integral of the hazard from one age to another. */
export function expectedEnds(shape: HazardShape, multiplier: number, fromHours: number, toHours: number): number {
  const grown = Math.log((toHours + shape.b) / (fromHours + shape.b));
  return Math.round((multiplier * shape.a * grown + shape.c * (toHours - fromHours)) * 1e9) / 1e9;
}

/** Probability that a run of that age ends within the next `hours`. */
export function endsWithin(shape: HazardShape, multiplier: number, ageHours: number, hours: number): number {
  return Math.round((1 - Math.exp(-expectedEnds(shape, multiplier, ageHours, ageHours + hours))) * 1e9) / 1e9;
}
