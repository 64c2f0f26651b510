/** How long the parts of a leave took: what a ledger comes to in a few figures. Agents and functions count the same ones. */
import type { DrainStep, Ledger } from './ledger.js';

/** In ms; null: it doesn't apply, or it isn't known. */
export interface DrainFigures {
  /** From the interruption notice to its node's knowing of it. */
  readonly detectionMs: number | null;
  /** From knowing of the leave to being out of the last target group: from then on others serve. */
  readonly failoverMs: number | null;
  /** From knowing of the leave to EC2's answer that launched the replacement. */
  readonly replacementMs: number | null;
  /** From knowing of the leave to the stop of the workloads. */
  readonly drainMs: number | null;
  /** Requests were still in flight, or a workload still ran, when the time was over. */
  readonly cut: boolean;
  /** Requests that were in flight when the workloads ended, as last counted. */
  readonly requestsLost: number | null;
}

/** EC2 gives a notice so long before the deadline that stands in it. */
export const NOTICE_MS = 120_000;
const CUTTING: readonly DrainStep[] = ['wait-in-flight', 'stop'];

export function drainFigures({
  cause,
  detectedMs,
  deadlineMs,
  steps,
  requestsLost,
}: Pick<Ledger, 'detectedMs' | 'deadlineMs' | 'steps' | 'requestsLost'> & { readonly cause: string }): DrainFigures {
  const took = (step: DrainStep): number | null => {
    const { endedMs, outcome } = steps[step];
    return outcome === 'done' && endedMs !== null ? Math.max(0, endedMs - detectedMs) : null;
  };
  const noticed = cause === 'interruption' && deadlineMs !== null;
  return {
    // A rehearsal may give less notice than EC2: then nothing can be told from the deadline.
    detectionMs: noticed ? Math.max(0, detectedMs - (deadlineMs - NOTICE_MS)) : null,
    failoverMs: took('deregister'),
    replacementMs: took('request-replacement'),
    drainMs: took('stop'),
    cut: CUTTING.some((step) => steps[step].outcome === 'out-of-time'),
    requestsLost,
  };
}
