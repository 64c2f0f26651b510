import type { PolicySpec } from '../spec/spec.js';

/**
 * How a drain spends the time that is really left. Each step may end early and leave its rest to the later ones; none
 * may start late. Moments are ms from the start of the drain.
 */
export interface DrainPlan {
  /** How long to serve after the deregistration, since the load balancer may still send; ms. */
  readonly keepServingMs: number;
  /** Requests in flight are waited for until then. */
  readonly inFlightUntil: number;
  /** The workload must be gone by then; SIGKILL comes at this moment. */
  readonly stoppedBy: number;
  /** Last words are tried until then. */
  readonly lastWordsBy: number;
}

/** Kept free before the deadline: clocks differ, and AWS isn't late. At most 2 s, and 5% of a short notice. */
const MARGIN_MS = 2_000;
/** For last words: two tries of an S3 put. At most 5 s, and 10% of a short notice. */
const LAST_WORDS_MS = 5_000;

/**
 * Shares: margin 5%, last words 10%, the stop a quarter at most, still serving 40% at most, and requests in flight get
 * what the others leave. With 120 s and the defaults: serve 25 s on, in flight until 83 s, stopped by 113 s, words by 118 s.
 * With 20 s: serve 8 s on, in flight until 12 s, stopped by 17 s, words by 19 s.
 * @param remainingMs until the deadline; 0 or less gives a plan that does all at once
 * @param stopGraceMs the longest grace that a workload of the node asks for
 */
export function planDrain(remainingMs: number, policy: PolicySpec, stopGraceMs: number): DrainPlan {
  const left = Math.max(0, remainingMs);
  const lastWordsBy = left - Math.min(MARGIN_MS, 0.05 * left);
  const stoppedBy = lastWordsBy - Math.min(LAST_WORDS_MS, 0.1 * left);
  const inFlightUntil = stoppedBy - Math.min(stopGraceMs, 0.25 * left);
  return {
    keepServingMs: Math.round(Math.min(policy.keepServingMs, 0.4 * left, inFlightUntil)),
    inFlightUntil: Math.round(inFlightUntil),
    stoppedBy: Math.round(stoppedBy),
    lastWordsBy: Math.round(lastWordsBy),
  };
}
