import type { WorkerEffect, WorkerEvent } from '../../core/tasks/port.js';
import type { Context, MonoMs } from '../../core/time.js';

/** The worker of a node as its host drives it; a stand-in of tests is another one. */
export interface Brain {
  step(event: WorkerEvent, ctx: Context): readonly WorkerEffect[];
  nextDeadlineMs(ctx: Context): MonoMs;
  /** Tasks that aren't settled: while there are any, the node isn't done. */
  unsettled(): number;
  /** What the agent's pages show of it. */
  view(): BrainView;
}

export interface BrainView {
  readonly phase: string;
  /** By kind; grows only. */
  readonly counters: Readonly<Record<string, number>>;
  readonly tasks: readonly TaskView[];
  /** Open tasks seen in the queue. */
  readonly queued: number;
}

export interface TaskView {
  readonly task: string;
  readonly fence: number;
  readonly program: string;
  readonly memoryMiB: number;
  readonly gpuMemoryMiB: number;
  readonly progress: number | null;
  /** The checkpoint that its lease names. */
  readonly checkpoint: string | null;
}
