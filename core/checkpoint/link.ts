/**
 * How a node's one link is shared among tasks that must leave it: the reasoning that the simulator's plan (plan.ts) and
 * the agents' (evacuate.ts) have in common.
 */
export interface LinkShares {
  /** At least this share of a task's state must get through for a full checkpoint. Default 0.8. */
  readonly fullShare: number;
  /** Below this share nothing is sent and the task restarts. Default 0.3. */
  readonly partialShare: number;
}

export const LINK_SHARES: LinkShares = { fullShare: 0.8, partialShare: 0.3 };

/** What is sent first: the most work a MiB, since what comes late may not get through. */
export const worthPerMiB = (workMs: number, stateMiB: number): number => workMs / (stateMiB + 1);

/** Milliseconds that a transfer takes with the link for itself. */
export const wholeTransferMs = (stateMiB: number, bandwidthMiBps: number): number =>
  Math.ceil((stateMiB / bandwidthMiBps) * 1000);

/** The share of a transfer that gets through in the time that is left for it. */
export const shareThrough = (transferMs: number, wholeMs: number): number => (wholeMs === 0 ? 1 : transferMs / wholeMs);
