/**
 * The market that all policies of a run meet: prices and interruptions are its own, drawn before any policy acts
 * (common random numbers). An instance takes a lane of its pool; each lane has interruption times that don't depend on
 * who uses it, so two policies that hold the same lane at the same time lose it at the same time.
 */
export interface Market {
  readonly pools: readonly PoolMarket[];
}

export interface PoolMarket {
  readonly name: string;
  readonly zone: string;
  readonly onDemandUsdPerHour: number;
  /** Spot price at that time, in USD an hour. */
  priceAt(ms: number): number;
  /** What an instance costs from one time to another at the market's prices, in USD. */
  spend(fromMs: number, toMs: number): number;
  /** Interruptions an hour that an instance runs the risk of; null when the market is a recording. */
  hazardAt(ms: number): number | null;
  /** Lanes l, l + classes, l + 2 classes, ... share their fate of being up or down. */
  readonly classes: number;
  /** Number of lanes; Infinity when the market has no end. */
  readonly lanes: number;
  isUp(laneClass: number, ms: number): boolean;
  /** The next time after `ms` when the pool has more capacity than at `ms`; Infinity when never. */
  nextRise(ms: number): number;
  /** A lane's interruptions, to be asked for with growing times. */
  lane(index: number): Lane;
}

export interface Lane {
  /** When an instance that starts at `ms` in this lane is reclaimed; Infinity when never. */
  interruptionAfter(ms: number): number;
  /** Whether such an instance surely isn't reclaimed before `untilMs`, for markets that would have to draw further ahead
   * to say when it is. Left out: ask `interruptionAfter`. */
  isSafeUntil?(ms: number, untilMs: number): boolean;
}

/** No simulation goes on for longer: ten years. */
export const END_OF_TIME_MS = 10 * 365 * 24 * 3_600_000;
