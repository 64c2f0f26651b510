import { LINK_SHARES, type LinkShares, shareThrough, wholeTransferMs, worthPerMiB } from './link.js';

/**
 * What the agent of a node that goes does for each of its tasks in the time that is really left. Here a checkpoint
 * counts as a whole or not at all (its manifest is written last), so the shares of plan.ts, which are proportional in the
 * simulator, say here how far an estimate is trusted: sizes, rates and lengths are measured or guessed.
 *
 * The plan is cheap, and is to be asked again when a size, the rate or the deadline has changed. What is on its way then
 * should be given with the bytes that are still to go.
 */
export interface EvacuatedTask {
  /** `id.run`; ties break by it. */
  readonly task: string;
  /** Of the checkpoint's folder. What isn't measured yet counts as little: a try costs nothing, a restart does. */
  readonly bytes: number;
  /** Of these, what changed since the last checkpoint that was sent whole: what is to be sent. */
  readonly changedBytes: number;
  /** Computing time that would have to be done again from the last saved checkpoint, in ms. */
  readonly sinceSavedMs: number;
  /** Computing time of the task so far, in ms. */
  readonly doneMs: number;
  /** What its owner's estimate leaves, in ms; null, or not above 0 (the estimate is used up): not known. */
  readonly leftMs: number | null;
  /** The folder holds a consistent state, marked by the task, that isn't saved yet: it can be sent while the task runs. */
  readonly committed: boolean;
  /** False: it has no checkpoints. Default true. */
  readonly canSave?: boolean;
}

export interface EvacuationLimits extends Partial<LinkShares> {
  /** Until the machine ends, or until this node must have gone, in ms. */
  readonly leftMs: number;
  /** Measured rate of uploads, bytes/s, over all that run together. */
  readonly bytesPerSecond: number;
  /** Kept free before the end, in ms. Default {@link settleMsOf} the time that is left. */
  readonly settleMs?: number;
  /** SIGTERM to SIGKILL at most, in ms: what a task may take to write its last state. */
  readonly stopGraceMs: number;
}

export interface Evacuation {
  readonly task: string;
  /**
   * - finish: it computes on, and should complete before the end.
   * - full: told and stopped at `startMs`, so that it writes its state; the whole of that is sent by `byMs`.
   * - partial: its latest marked state is sent from `startMs` on, while it computes on; newer work is lost.
   * - restart: nothing is sent; it goes on elsewhere from the checkpoint that is saved. Stopped at `startMs`.
   */
  readonly kind: 'finish' | 'full' | 'partial' | 'restart';
  /** Ms from now. */
  readonly startMs: number;
  /** Ms from now by which its program must have ended, or is killed: for a full one, when its upload has to begin. */
  readonly stopByMs: number;
  /** Ms from now by which it must be over; never later than the node's end. */
  readonly byMs: number;
}

/**
 * Most of the time that is left that a task may take to stop. Programs that stop at once have long graces by default: what
 * would fill the whole time must leave some for the upload.
 */
const GRACE_SHARE = 0.5;

/** Kept free before the end for the manifest, the lease and the word to the receiver. */
export const SETTLE_MS = 2_000;
/** Of a short notice no more than this share. */
const SETTLE_SHARE = 1 / 3;

export const settleMsOf = (leftMs: number): number =>
  Math.max(0, Math.min(SETTLE_MS, Math.floor(leftMs * SETTLE_SHARE)));

const MIB = 1024 * 1024;

/** One decision a task, in the order given; the same for the same tasks in any order. */
export function planEvacuation(tasks: readonly EvacuatedTask[], limits: EvacuationLimits): Evacuation[] {
  const { fullShare = LINK_SHARES.fullShare, partialShare = LINK_SHARES.partialShare } = limits;
  const endMs = Math.max(0, Math.floor(limits.leftMs));
  const windowMs = Math.max(0, endMs - (limits.settleMs ?? settleMsOf(endMs)));
  const graceMs = Math.min(Math.max(0, limits.stopGraceMs), Math.floor(windowMs * GRACE_SHARE));
  const decisions = new Map<string, Evacuation>();
  const movable: EvacuatedTask[] = [];
  for (const task of tasks) {
    if (task.leftMs !== null && task.leftMs > 0 && task.leftMs <= windowMs * fullShare) {
      decisions.set(task.task, { task: task.task, kind: 'finish', startMs: 0, stopByMs: endMs, byMs: endMs });
    } else if (task.canSave !== false && task.doneMs > 0 && task.sinceSavedMs > 0) movable.push(task);
  }
  movable.sort((a, b) => worth(b) - worth(a) || (a.task < b.task ? -1 : 1));
  const rate = Math.max(0, limits.bytesPerSecond) / MIB;
  let freeMs = 0;
  for (const task of movable) {
    const wholeMs = task.changedBytes <= 0 ? 0 : wholeTransferMs(task.changedBytes / MIB, rate);
    // One task writes its last state while another's is on the link.
    const fromMs = Math.max(freeMs, graceMs);
    if (windowMs > 0 && trusted(windowMs - fromMs, wholeMs) >= fullShare) {
      const byMs = Math.min(windowMs, fromMs + wholeMs);
      decisions.set(task.task, { task: task.task, kind: 'full', startMs: fromMs - graceMs, stopByMs: fromMs, byMs });
      freeMs = byMs;
    } else if (task.committed && windowMs > freeMs && trusted(windowMs - freeMs, wholeMs) >= partialShare) {
      const byMs = Math.min(windowMs, freeMs + wholeMs);
      decisions.set(task.task, { task: task.task, kind: 'partial', startMs: freeMs, stopByMs: endMs, byMs });
      freeMs = byMs;
    }
  }
  const byMs = Math.min(endMs, Math.max(0, limits.stopGraceMs));
  const restart = { kind: 'restart', startMs: 0, stopByMs: byMs, byMs } as const;
  return tasks.map(({ task }) => decisions.get(task) ?? { task, ...restart });
}

const worth = (task: EvacuatedTask): number => worthPerMiB(task.sinceSavedMs, Math.max(0, task.changedBytes) / MIB);

const trusted = (roomMs: number, wholeMs: number): number =>
  shareThrough(Math.max(0, Math.min(roomMs, wholeMs)), wholeMs);
