import type { WallMs } from '../time.js';

/**
 * The spec: what the cluster wishes for, a versioned JSON in an SSM parameter. Read by agents and Lambdas, written by
 * the construct (or a rehearsal). `parse.ts` checks it; nobody uses an unchecked one.
 */
export interface Spec {
  /** Version of this format. */
  readonly format: 1;
  /** Grows with every change of the wish; the higher one wins. */
  readonly version: number;
  /** Lower case letters, digits and hyphens, starts with a letter, at most 24 characters. */
  readonly cluster: string;
  /** Tells two clusters apart that had the same name at different times; 1 to 12 letters and digits, in every token. */
  readonly epoch: string;
  /** Number of slots. */
  readonly desired: number;
  readonly launch: LaunchSpec;
  readonly workloads: readonly WorkloadSpec[];
  readonly policy: PolicySpec;
  readonly gossip: GossipSpec;
  /** S3 bucket for hints, incidents and last words. */
  readonly bucket: string;
}

export interface LaunchSpec {
  /** `lt-...`. */
  readonly templateId: string;
  /** The pinned numeric version: `$Latest` would make two callers' requests differ. */
  readonly templateVersion: number;
  readonly pools: readonly PoolSpec[];
  /** Spot attempts before one on-demand attempt; null: spot only, for ever. */
  readonly onDemandAfter: number | null;
  /** The slots below this number are launched on-demand only; absent: 0. */
  readonly onDemandBase?: number;
}

/** A capacity pool: an instance type in a zone. One subnet a zone. */
export interface PoolSpec {
  readonly instanceType: string;
  readonly zone: string;
  readonly subnetId: string;
}

export type WorkloadSpec = ProcessWorkload | ContainerWorkload | TasksWorkload;

interface WorkloadBase {
  /** Unique in the spec; letters, digits and hyphens. */
  readonly name: string;
  /** TCP port that the workload listens on; null when it serves nothing. */
  readonly port: number | null;
  readonly environment: Readonly<Record<string, string>>;
  readonly health: HealthSpec | null;
  /** Path of a GET that answers with the number of requests in flight, as text or `{"inFlight": n}`; null: the agent
   * counts established connections to the port. */
  readonly inFlightPath: string | null;
  /** Target groups that the agent registers the node in. */
  readonly targetGroupArns: readonly string[];
  /** SIGTERM to SIGKILL at most, in ms, if the deadline leaves as much. */
  readonly stopGraceMs: number;
}

/** On how many nodes a workload runs, and what it needs there. */
interface PlacedWorkload extends WorkloadBase {
  /** Copies in the cluster, at most one a node, where there is room; absent: one on every node. Changing it replaces no node. */
  readonly copies?: number;
  /** What one copy needs of a node, in MiB; absent: 0. */
  readonly memoryMiB?: number;
  readonly gpuMemoryMiB?: number;
}

export interface ProcessWorkload extends PlacedWorkload {
  readonly kind: 'process';
  /** Program and arguments; no shell. */
  readonly command: readonly string[];
  readonly workingDirectory: string | null;
}

export interface ContainerWorkload extends PlacedWorkload {
  readonly kind: 'container';
  readonly image: string;
  readonly args: readonly string[];
  readonly gpus: number;
  /** Folders of the node that the container sees; absent: none. */
  readonly mounts?: readonly MountSpec[];
}

/**
 * Batch tasks from the cluster's queue (core/tasks): no port, no health check, no targets. At most one of a spec's
 * workloads.
 */
export interface TasksWorkload extends WorkloadBase {
  readonly kind: 'tasks';
  /** Room for tasks on a node, in MiB; null: the memory that is free at its start, less 512 MiB. */
  readonly memoryMiB: number | null;
  /** GPU memory for tasks on a node, in MiB. */
  readonly gpuMemoryMiB: number;
  /** Tasks that run together on a node at most. */
  readonly maxTasks: number;
  /** A holder that hasn't renewed its lease for so long has lost it; ms. It renews in a third of that. */
  readonly leaseMs: number;
}

/** Absolute paths on the node and in the container. */
export interface MountSpec {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** HTTP health check of a workload by its agent: a 2xx or 3xx within the time-out is healthy. */
export interface HealthSpec {
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Consecutive successes that make it healthy, failures that make it unhealthy. */
  readonly healthyAfter: number;
  readonly unhealthyAfter: number;
}

export interface PolicySpec {
  /** What a rebalance recommendation leads to. */
  readonly rebalance: 'ignore' | 'pre-warm' | 'replace';
  /** How long a recommendation keeps a node at risk, in ms. */
  readonly atRiskMs: number;
  /** After deregistration the workload serves at least this long, in ms, for a load balancer that still sends. */
  readonly keepServingMs: number;
  /** Whole length of a drain that no notice forces, in ms. */
  readonly drainMs: number;
  /** A silent node that EC2 calls running is given up after this, in ms. */
  readonly silentPatienceMs: number;
  /** A launched node that doesn't join is given up after this, in ms. */
  readonly bootPatienceMs: number;
  /** While true no node is replaced or given up of the cluster's own will: no roll, no scale-in, no early replacement, no
   * return to spot. What fails is replaced all the same. */
  readonly paused: boolean;
  /** A pause ends by itself then; absent: it lasts until somebody ends it. */
  readonly pausedUntilMs?: WallMs;
  /**
   * Which tasks may be started: all that fit (`finish`), or only as many as the other nodes could take over at once if
   * the largest pool were lost (`evacuate`), which keeps as much room free.
   */
  readonly admission: 'finish' | 'evacuate';
}

export interface GossipSpec {
  readonly preset: 'lan' | 'local';
  /** UDP and TCP port. */
  readonly port: number;
  /** Secrets Manager id of the keyring. */
  readonly secretId: string;
}

export const isPaused = ({ paused, pausedUntilMs }: PolicySpec, nowMs: WallMs): boolean =>
  paused && (pausedUntilMs === undefined || nowMs < pausedUntilMs);

/** Where the spec of a cluster stands, by agreement: an agent knows only its cluster's name. */
export const specParameterName = (cluster: string): string => `/synkti/${cluster}/spec`;
