import type { Duration, aws_ecr as ecr, Size, aws_s3 as s3 } from 'aws-cdk-lib';
import type { WorkloadFiles } from './files.js';

/** An image in a private repository of ECR that tasks run in. */
export interface TaskImage {
  /** Its name, such as `repository.repositoryUriForTag('7')`. */
  readonly image: string;
  /** The repository that it is in. */
  readonly repository: ecr.IRepository;
}

/** Batch tasks from the cluster's own queue. */
export interface TasksOptions {
  /**
   * Name, unique in the cluster: letters, digits and hyphens.
   *
   * @default 'tasks'
   */
  readonly name?: string;
  /**
   * Memory for tasks on each node. A task that needs more than this is refused when it is submitted.
   *
   * @default - what is free on a node when its agent starts, less 512 MiB
   */
  readonly memory?: Size;
  /**
   * GPU memory for tasks on each node: that of the smallest instance type.
   *
   * @default - none: no task gets a GPU
   */
  readonly gpuMemory?: Size;
  /**
   * Tasks that run together on a node, at most; from 1 to 256.
   *
   * @default 4
   */
  readonly maxTasksPerNode?: number;
  /**
   * A node that hasn't renewed its lease of a task for so long has lost it, and another one takes the task over. Shorter
   * finds a dead node sooner; longer costs fewer requests: a lease is renewed three times in this span. From 10 seconds
   * to an hour.
   *
   * @default Duration.minutes(1)
   */
  readonly lease?: Duration;
  /**
   * Environment variables of every task; a task's own go before. They stand readable in the cluster's spec: no place for
   * secrets.
   *
   * @default - none
   */
  readonly environment?: { [name: string]: string };
  /**
   * Files that every node fetches before it takes tasks, such as the programs that tasks run.
   *
   * @default - none
   */
  readonly files?: WorkloadFiles[];
  /**
   * Buckets that tasks may name in `data`: nodes may read them.
   *
   * @default - only the cluster's own bucket, under `tasks/`
   */
  readonly dataBuckets?: s3.IBucket[];
  /**
   * Whether tasks may be containers. Without them nodes need no Docker.
   *
   * @default true
   */
  readonly containers?: boolean;
  /**
   * Images in private repositories that tasks run in. Nodes pull them before they join.
   *
   * @default - images of tasks are public
   */
  readonly images?: TaskImage[];
  /**
   * Whether containers of tasks may reach the instance metadata service, and with it the node's credentials.
   *
   * @default false
   */
  readonly needsInstanceMetadata?: boolean;
  /**
   * How long the records and logs of ended tasks are kept, rounded up to days. Afterwards `synkti tasks` doesn't know them
   * any more, and their ids are free.
   *
   * @default Duration.days(90)
   */
  readonly keepEnded?: Duration;
}
