/** Work that is to be placed, and the nodes that may take it. */
export interface DisplacedWork {
  /** `id.run` of a task, or a replica's name; unique. */
  readonly task: string;
  readonly memoryMiB: number;
  readonly gpuMemoryMiB: number;
  /** What must be moved for it to go on, in MiB; 0 when it starts anew. */
  readonly stateMiB: number;
  /** Digests of data that it reads, as peers tell them in `warm`. */
  readonly data: readonly string[];
  /** Replicas of one workload share a group, and are kept on different peers where that is possible. */
  readonly group?: string;
}

/** A node that may take work. What isn't known may be left out. */
export interface Host {
  readonly id: string;
  readonly freeMemoryMiB: number;
  readonly freeGpuMemoryMiB: number;
  readonly warm: readonly string[];
  /** How busy it is, 0 to 1. Default 0. */
  readonly load?: number;
  /** What a transfer to it gets, in MiB/s. Default `DEFAULT_MIBPS` of costs.ts. */
  readonly bandwidthMiBps?: number;
  /** Tasks that it takes beside those that it has, at most. Default: no limit. */
  readonly slots?: number;
  /** Ms until it can begin (it boots). Default 0. */
  readonly readyInMs?: number;
  /** Groups of which it runs a replica. */
  readonly groups?: readonly string[];
}
