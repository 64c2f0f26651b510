/**
 * A job with a deadline on one node: at each look, run on spot, run on-demand or idle. The model is that of "Can't Be
 * Late: Optimizing Spot Instance Savings under Deadlines" (Wu et al., NSDI 2024), section 3: each move to an instance
 * costs a changeover without progress, charged at the new instance's price; stopping is free.
 */
export interface DeadlineView {
  /** Since the job's start. */
  readonly elapsedMs: number;
  /** Whole time given, C(0)'s R(0). */
  readonly deadlineMs: number;
  /** Whole work C(0), and what is left of it. */
  readonly workMs: number;
  readonly leftMs: number;
  /** Changeover delay d, and what is left of the present one. */
  readonly changeoverMs: number;
  readonly changeoverLeftMs: number;
  /** Time to the next look. */
  readonly tickMs: number;
  /** What runs now. A lost spot instance is seen as idle. */
  readonly running: Placement;
  /** Whether spot can be had (and, where it runs, goes on), by zone. */
  readonly available: readonly boolean[];
  /** On-demand price over spot price. */
  readonly priceRatio: number;
}

export type Placement =
  | { readonly kind: 'idle' }
  | { readonly kind: 'on-demand' }
  | { readonly kind: 'spot'; readonly zone: number };

/** Holds what it has learned; one for each job. */
export interface DeadlinePolicy {
  readonly name: string;
  step(view: DeadlineView): Placement;
}

export const IDLE: Placement = { kind: 'idle' };
export const ON_DEMAND: Placement = { kind: 'on-demand' };

/** The zone that spot runs in, if it may go on there, else the first one that has some; null when none has. */
export function someSpot(view: DeadlineView): Placement | null {
  if (view.running.kind === 'spot' && view.available[view.running.zone] === true) return view.running;
  const zone = view.available.indexOf(true);
  return zone === -1 ? null : { kind: 'spot', zone };
}

/**
 * The paper's safety net, R(t) < C(t) + 2d: no more room for a changeover to spot that fails and one to on-demand. A
 * look may come a tick late, so with ticks longer than d the tick counts in d's place.
 */
export function mustRunOnDemand(view: DeadlineView): boolean {
  const timeLeft = view.deadlineMs - view.elapsedMs;
  return timeLeft < view.leftMs + view.changeoverMs + Math.max(view.changeoverMs, view.tickMs);
}
