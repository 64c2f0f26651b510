import { LINK_SHARES, type LinkShares, shareThrough, wholeTransferMs, worthPerMiB } from './link.js';

/**
 * What to save in the two minutes between an interruption notice and the end. All transfers share the node's link, so
 * the plan orders them: the most work per MiB first, since what comes late may not get through.
 */
export interface CheckpointTask {
  readonly id: number;
  /** State that must move for the task to go on elsewhere, in MiB. */
  readonly stateMiB: number;
  /** Work done so far and work left, in ms of computing. */
  readonly doneMs: number;
  readonly leftMs: number;
}

export interface CheckpointLimits extends LinkShares {
  /** Time until the node ends, in ms. */
  readonly windowMs: number;
  /** What the link carries, in MiB/s. */
  readonly bandwidthMiBps: number;
}

export const CHECKPOINT_DEFAULTS = { windowMs: 120_000, ...LINK_SHARES };

export type CheckpointDecision =
  /** It completes before the node ends. */
  | { readonly kind: 'finish'; readonly id: number }
  /** Computes on until `startMs`, then sends for `transferMs`; `share` of its progress at that moment is kept. */
  | {
      readonly kind: 'full' | 'partial';
      readonly id: number;
      readonly startMs: number;
      readonly transferMs: number;
      readonly sentMiB: number;
      readonly share: number;
    }
  /** Nothing is kept. */
  | { readonly kind: 'restart'; readonly id: number };

/**
 * One decision a task, in the order given. Progress kept is proportional to the state that got through (the prefix of a
 * KV cache stands for the tokens that made it), also above `fullShare`: nothing is rounded up to a whole checkpoint.
 */
export function planCheckpoints(tasks: readonly CheckpointTask[], limits: CheckpointLimits): CheckpointDecision[] {
  const decisions = new Map<number, CheckpointDecision>();
  const movable: CheckpointTask[] = [];
  for (const task of tasks) {
    if (task.leftMs <= limits.windowMs) decisions.set(task.id, { kind: 'finish', id: task.id });
    else if (task.doneMs <= 0) decisions.set(task.id, { kind: 'restart', id: task.id });
    else movable.push(task);
  }
  movable.sort((a, b) => worthPerMiB(b.doneMs, b.stateMiB) - worthPerMiB(a.doneMs, a.stateMiB) || a.id - b.id);
  let clockMs = 0;
  for (const task of movable) {
    const wholeMs = wholeTransferMs(task.stateMiB, limits.bandwidthMiBps);
    const transferMs = Math.min(wholeMs, limits.windowMs - clockMs);
    const share = shareThrough(transferMs, wholeMs);
    if (share < limits.partialShare) {
      decisions.set(task.id, { kind: 'restart', id: task.id });
      continue;
    }
    const kind = share >= limits.fullShare ? 'full' : 'partial';
    const sentMiB = task.stateMiB * share;
    decisions.set(task.id, { kind, id: task.id, startMs: clockMs, transferMs, sentMiB, share });
    clockMs += transferMs;
  }
  return tasks.map((task) => decisions.get(task.id) ?? { kind: 'restart', id: task.id });
}
