import type { MonoMs, WallMs } from '../time.js';

/**
 * What users submit and what becomes of it. A task is known by `id.run`: a run is one submission, and `synkti tasks
 * retry` makes the next run of the same id. Of each run at most one execution completes.
 */
export interface TaskSpec {
  readonly format: 1;
  /** Lower case letters, digits and hyphens, at most 63, letter or digit first. */
  readonly id: string;
  /** From 1. */
  readonly run: number;
  readonly submittedMs: WallMs;
  readonly work: TaskWork;
  readonly environment: Readonly<Record<string, string>>;
  /** Room that it takes on a node, in MiB. */
  readonly memoryMiB: number;
  readonly gpuMemoryMiB: number;
  /** Computing time that its owner expects, in ms; null: not known. */
  readonly expectedMs: number | null;
  readonly deadline: TaskDeadline | null;
  readonly checkpoint: CheckpointSpec | null;
  /** Executions that may end badly of themselves (not by interruption) beyond the first, before the task has failed. */
  readonly retries: number;
  /** 0 to 9, 9 first. */
  readonly priority: number;
  /** `s3://bucket/prefix` of data that a node fetches before the start and keeps: a node that has it is warm. */
  readonly data: readonly string[];
  /** SIGTERM to SIGKILL at most, in ms. */
  readonly stopGraceMs: number;
  /** Where this run begins; null: from nothing. */
  readonly resume: CheckpointRef | null;
}

export type TaskWork =
  /** Program and arguments; no shell. */
  | { readonly kind: 'process'; readonly command: readonly string[] }
  | { readonly kind: 'container'; readonly image: string; readonly args: readonly string[]; readonly gpus: number };

export interface TaskDeadline {
  readonly atMs: WallMs;
  /** How spot and on-demand capacity are weighed: policies of core/policy/deadline. */
  readonly policy: 'uniform-progress' | 'adaptive';
}

export interface CheckpointSpec {
  /**
   * Folder that is saved, relative to the task's working folder, which it never leaves. The task finds its path in
   * SYNKTI_CHECKPOINT_DIR, and there, at a start, what was saved last.
   */
  readonly folder: string;
  /** Longest time between two checkpoints, in ms; null: only on the task's own signal and at a notice. */
  readonly intervalMs: number | null;
  /**
   * How a notice is told to the task before SIGTERM. `http`: a POST to the port and path given.
   * `none`: it hears of it by SIGTERM.
   */
  readonly notify: { readonly by: 'signal' } | { readonly by: 'http'; readonly url: string } | { readonly by: 'none' };
}

/** A whole checkpoint: its manifest is there, and so is every file that it names. */
export interface CheckpointRef {
  /** Fencing number of the holder that wrote it, and its count from 1. */
  readonly fence: number;
  readonly seq: number;
  /** Key of the manifest in the cluster's bucket. */
  readonly manifest: string;
  readonly bytes: number;
  /** Share of the task's work that it stands for, 0 to 1; null: the task doesn't say. */
  readonly progress: number | null;
  /** Computing time up to it over all executions, in ms. */
  readonly doneMs: number;
}

/**
 * The one register of a run, `lease/<id>.<run>`: whoever changes it does so by a conditional write, so of two that try
 * one wins. `held` ends by the lease's age on S3's own clock, not by anybody's word. Everything but held and free is final.
 */
export interface Lease {
  readonly format: 1;
  readonly id: string;
  readonly run: number;
  readonly state: 'held' | 'free' | 'done' | 'failed' | 'cancelled';
  /** Grows with each holder. */
  readonly fence: number;
  /** Instance id of the holder; null unless held. */
  readonly holder: string | null;
  /** Tells two writes of the same holder apart, so that a lost reply can be recognised as one's own. */
  readonly nonce: string;
  readonly checkpoint: CheckpointRef | null;
  readonly progress: number | null;
  /** Executions, the present one last; at most {@link MAX_ATTEMPTS}, older ones are dropped from the middle. */
  readonly attempts: readonly Attempt[];
  /** Executions that ended badly of themselves. */
  readonly failures: number;
  /** Why the latest try to save a checkpoint failed, at most {@link MAX_SAVE_PROBLEM} characters; null: it didn't. */
  readonly saveProblem: string | null;
  /** The last lines that it wrote, at most 4 KiB; of final leases and of failed attempts. */
  readonly tail: string;
}

export const MAX_ATTEMPTS = 50;
export const MAX_SAVE_PROBLEM = 200;

/** One execution. Its cost is worked out by those who know prices: see `share`. */
export interface Attempt {
  readonly fence: number;
  readonly instanceId: string;
  readonly instanceType: string;
  readonly zone: string;
  readonly lifecycle: 'spot' | 'on-demand';
  readonly startedMs: WallMs;
  /** Null: it runs, or its end isn't known. */
  readonly endedMs: WallMs | null;
  /** `lost`: its holder went without a word. */
  readonly end: 'done' | 'failed' | 'interrupted' | 'handed-over' | 'cancelled' | 'lost' | null;
  readonly exitCode: number | null;
  /** Part of the node that it took, 0 to 1: the larger of its shares of memory and of GPU memory. */
  readonly share: number;
  /** Computing time, in ms, that a later execution had to do again. */
  readonly redoneMs: number;
}

/** What stands in the journals of ended tasks, and what `synkti tasks` shows. */
export interface TaskRecord {
  readonly spec: TaskSpec;
  readonly lease: Lease;
}

/** The folder of a task as of one moment, written last and named by the lease: half of one is never restored. */
export interface Manifest {
  readonly format: 1;
  readonly task: string;
  readonly fence: number;
  readonly seq: number;
  readonly files: readonly ManifestFile[];
  /** Folders in which nothing lies; those with files follow from their paths. */
  readonly emptyFolders: readonly string[];
}

export interface ManifestFile {
  /** Relative, with `/`; never leads out of the folder. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Key of the content in the bucket; of an earlier checkpoint where the file hasn't changed. */
  readonly key: string;
  readonly mode: number;
}

/** `id.run`. */
export const taskKey = (task: { readonly id: string; readonly run: number }): string => `${task.id}.${task.run}`;

/** When a task of this node must not write any more, on its own clock: counted from before the last renewal was sent. */
export const leaseEndMs = (renewalSentMs: MonoMs, leaseMs: number): MonoMs => (renewalSentMs + leaseMs) as MonoMs;
