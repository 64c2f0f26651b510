import type { Lease } from '../../../core/tasks/task.js';

/**
 * What a rehearsal of tasks adds to the timeline: what was submitted, every write to the tasks' registers as S3 saw it,
 * what S3 holds at the end, and what the executions wrote down of themselves. The verdict is made of these alone.
 */
export interface TaskFacts {
  /** In order of submission. */
  readonly tasks: readonly SubmittedTask[];
  /** In the order in which S3 carried them out; wall clock. */
  readonly writes: readonly TaskWrite[];
  /** Records in the journals of ended tasks and in `failed/` at the end. */
  readonly records: readonly RecordFound[];
  /** Objects of the queue, and registers that aren't final, that are there at the end; by `id.run`. */
  readonly openLeft: readonly string[];
  readonly leasesLeft: readonly string[];
  /** Empty when the user's own tasks are rehearsed: those aren't witnesses. */
  readonly executions: readonly Execution[];
  readonly pauses: readonly Pause[];
  /** Conditional writes of nodes that S3 refused. */
  readonly refusals: readonly { readonly atMs: number; readonly by: string }[];
  readonly submittedMs: number;
  /** When the last task had ended; null: the time was up before. */
  readonly allEndedMs: number | null;
  /** How long was waited for the tasks at most. */
  readonly limitMs: number;
  readonly leaseMs: number;
  readonly cost: TaskCost;
}

export interface SubmittedTask {
  /** `id.run`. */
  readonly key: string;
  /** Computing time without any interruption; null: not known. */
  readonly lengthMs: number | null;
  /** Steps of {@link lengthMs}; null: it isn't the rehearsal's own. */
  readonly steps: number | null;
  /** Null: nobody but the task knows. */
  readonly result: string | null;
  /** Between checkpoints; null: it has none. */
  readonly intervalMs: number | null;
}

/** A node's instance id, or `user` for the command line. */
export type Writer = string;

export type TaskWrite = { readonly atMs: number; readonly by: Writer; readonly task: string } & (
  | {
      readonly type: 'lease';
      readonly state: Lease['state'];
      readonly fence: number;
      readonly holder: string | null;
      readonly nonce: string;
      /** Manifest that the lease names. */
      readonly checkpoint: string | null;
    }
  /** The register is deleted: the task was archived. */
  | { readonly type: 'lease-deleted' }
  /** The object of the queue. */
  | { readonly type: 'open' }
  | { readonly type: 'open-deleted' }
  /** Of files and manifests; `fence` is the one in their keys. */
  | { readonly type: 'checkpoint'; readonly fence: number; readonly seq: number | null }
  | { readonly type: 'checkpoint-deleted'; readonly fence: number; readonly manifest: string | null }
);

export interface RecordFound {
  readonly task: string;
  readonly lease: Lease;
}

/** One run of a task's program, as it tells it. */
export interface Execution {
  readonly task: string;
  readonly startedMs: number;
  /** Of its last step. */
  readonly endedMs: number;
  /** Step where it began, and the last one that it did. */
  readonly from: number;
  readonly to: number;
  readonly state: 'running' | 'done' | 'torn';
}

/** A node stood still (SIGSTOP to all of its processes), and went on. */
export interface Pause {
  readonly instanceId: string;
  readonly fromMs: number;
  /** Null: it never went on. */
  readonly toMs: number | null;
}

/** US dollars, by the prices of the rehearsal's pools. */
export interface TaskCost {
  /** Every second of every instance from the submission to the end of the last task, at its own price. */
  readonly usd: number;
  readonly instanceSeconds: number;
  /** The wished number of on-demand nodes for the same time. */
  readonly onDemandUsd: number;
}
