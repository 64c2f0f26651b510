import { type Duration, type aws_ecr as ecr, type Size, SizeRoundingBehavior } from 'aws-cdk-lib';
import type { WorkloadFiles } from './files.js';
import type { WrittenWorkload } from './spec-json.js';
import type { TasksOptions } from './tasks-options.js';

/** How a node's agent sees whether a workload is healthy: by an HTTP GET that must answer 2xx or 3xx. */
export interface HealthCheck {
  /** Path, such as `/health`. */
  readonly path: string;
  /**
   * Time between two checks. Lower finds a broken workload sooner.
   *
   * @default Duration.seconds(5)
   */
  readonly interval?: Duration;
  /**
   * Time that an answer may take.
   *
   * @default Duration.seconds(2)
   */
  readonly timeout?: Duration;
  /**
   * Answers in a row that make it healthy.
   *
   * @default 2
   */
  readonly healthyAfter?: number;
  /**
   * Missing answers in a row that make it unhealthy.
   *
   * @default 3
   */
  readonly unhealthyAfter?: number;
}

/** What containers and processes have in common. */
export interface WorkloadOptions {
  /**
   * Name, unique in the cluster: letters, digits and hyphens.
   *
   * @default 'main'
   */
  readonly name?: string;
  /**
   * TCP port that it listens on. Without one it gets no load balancer.
   *
   * @default - it serves nothing
   */
  readonly port?: number;
  /**
   * Environment variables. They stand readable in the cluster's spec: no place for secrets.
   *
   * @default - none
   */
  readonly environment?: { [name: string]: string };
  /**
   * How its health is seen, by the agents and by the load balancer.
   *
   * @default - it is healthy while it runs; the load balancer asks for `/`
   */
  readonly healthCheck?: HealthCheck;
  /**
   * Path that answers a GET with the number of requests in flight, so that a drain ends as soon as there are none.
   *
   * @default - the agent counts the established connections to the port
   */
  readonly inFlightPath?: string;
  /**
   * Time from SIGTERM to SIGKILL, at most and if an interruption leaves as much.
   *
   * @default Duration.seconds(30)
   */
  readonly stopGrace?: Duration;
  /**
   * Copies in the cluster, at most one a node. The nodes place them where there is room, start them elsewhere when their node
   * leaves, and register only nodes that run one. Changing the number replaces no node.
   *
   * @default - one on every node
   */
  readonly copies?: number;
  /**
   * Memory that one copy needs of a node. A node's room is what is free when its agent starts, less the memory of the workloads
   * that run on every node and of tasks. It isn't enforced.
   *
   * @default - not counted
   */
  readonly memory?: Size;
  /**
   * GPU memory that one copy needs of a node, of all that its GPUs have. It isn't enforced.
   *
   * @default - not counted
   */
  readonly gpuMemory?: Size;
  /**
   * Files that every node fetches before it joins its cluster, such as a model.
   *
   * @default - none
   */
  readonly files?: WorkloadFiles[];
}

/** A workload in a container. */
export interface ContainerOptions extends WorkloadOptions {
  /** Image, such as `public.ecr.aws/nginx/nginx:1.29`. */
  readonly image: string;
  /**
   * Private repository in ECR that the image is in: nodes may then pull from it, and do so before they join.
   *
   * @default - the image is public
   */
  readonly repository?: ecr.IRepository;
  /**
   * Arguments of the image's entry point.
   *
   * @default - the image's own
   */
  readonly args?: string[];
  /**
   * Number of GPUs that it gets.
   *
   * @default 0
   */
  readonly gpus?: number;
  /**
   * Whether the container may reach the instance metadata service, and with it the node's credentials. Most containers
   * don't need to, and shouldn't.
   *
   * @default false
   */
  readonly needsInstanceMetadata?: boolean;
}

/** A workload that is a program on the machine image. */
export interface ProcessOptions extends WorkloadOptions {
  /** Program and arguments; no shell sees them. */
  readonly command: string[];
  /**
   * Folder that it runs in.
   *
   * @default - the agent's
   */
  readonly workingDirectory?: string;
}

/**
 * What every node of a cluster runs.
 *
 * @example
 * const web = Workload.container({
 *   image: 'public.ecr.aws/nginx/nginx:1.29',
 *   port: 80,
 *   healthCheck: { path: '/' },
 * });
 */
export class Workload {
  /** A container, run by Docker. */
  public static container(options: ContainerOptions): Workload {
    const { image, args, gpus } = options;
    return new Workload(
      options,
      { kind: 'container', image, args, gpus },
      options.needsInstanceMetadata ?? false,
      options.repository,
    );
  }

  /** A program that the machine image has. */
  public static process(options: ProcessOptions): Workload {
    const { command, workingDirectory } = options;
    return new Workload(options, { kind: 'process', command, workingDirectory }, false);
  }

  /**
   * Batch tasks from the cluster's queue, which `synkti submit` fills. They survive the loss of their node. A cluster has
   * one such workload at most.
   */
  public static tasks(options: TasksOptions = {}): Workload {
    const { name = 'tasks', environment, files } = options;
    const common = {
      name,
      ...(environment === undefined ? {} : { environment }),
      ...(files === undefined ? {} : { files }),
    };
    return new Workload(common, { kind: 'tasks', options }, options.needsInstanceMetadata ?? false);
  }

  /** Name, unique in the cluster. */
  public readonly name: string;
  /** TCP port that it listens on. */
  public readonly port: number | undefined;
  /** How its health is seen. */
  public readonly healthCheck: HealthCheck | undefined;
  /** GPUs that it needs on a node, at least. */
  public readonly gpus: number;

  /** @internal */
  public readonly _needsInstanceMetadata: boolean;
  /** @internal */
  public readonly _options: WorkloadOptions;
  /** @internal */
  public readonly _repository: ecr.IRepository | undefined;
  readonly #what: What;

  private constructor(
    options: WorkloadOptions,
    what: What,
    needsInstanceMetadata: boolean,
    repository?: ecr.IRepository,
  ) {
    this.name = options.name ?? 'main';
    this.port = options.port;
    this.healthCheck = options.healthCheck;
    this.gpus = gpusOf(what);
    this._needsInstanceMetadata = needsInstanceMetadata;
    this._options = options;
    this._repository = repository;
    this.#what = what;
  }

  /** Whether it needs a container engine on the node. */
  public get isContainer(): boolean {
    return this.#what.kind === 'tasks' ? (this.#what.options.containers ?? true) : this.#what.kind === 'container';
  }

  /** @internal */
  public get _tasks(): TasksOptions | undefined {
    return this.#what.kind === 'tasks' ? this.#what.options : undefined;
  }

  /** @internal */
  public get _image(): string | undefined {
    return this.#what.kind === 'container' ? this.#what.image : undefined;
  }

  /** @internal */
  public get _command(): readonly string[] | undefined {
    return this.#what.kind === 'process' ? this.#what.command : undefined;
  }

  /** @internal */
  public get _files(): readonly WorkloadFiles[] {
    return this._options.files ?? [];
  }

  /**
   * Where the files of one index lie on a node. A container sees them elsewhere, through a mount.
   *
   * @internal
   */
  public _folder(index: number, files: WorkloadFiles): string {
    return this.#what.kind === 'container' ? `/var/lib/synkti-files/${this.name}/${index}` : files.path;
  }

  /**
   * Its part of the spec. What the options leave open stays open there: the spec's reader knows the defaults.
   *
   * @internal
   */
  public _written(targetGroupArns: readonly string[]): WrittenWorkload {
    const { environment, inFlightPath, stopGrace, copies, memory, gpuMemory } = this._options;
    const check = this.healthCheck;
    const common = {
      name: this.name,
      port: this.port,
      environment,
      health: check && {
        path: check.path,
        intervalMs: check.interval?.toMilliseconds(),
        timeoutMs: check.timeout?.toMilliseconds(),
        healthyAfter: check.healthyAfter,
        unhealthyAfter: check.unhealthyAfter,
      },
      inFlightPath,
      targetGroupArns,
      stopGraceMs: stopGrace?.toMilliseconds(),
    };
    const placed = {
      copies,
      memoryMiB: memory?.toMebibytes({ rounding: SizeRoundingBehavior.FLOOR }),
      gpuMemoryMiB: gpuMemory?.toMebibytes({ rounding: SizeRoundingBehavior.FLOOR }),
    };
    if (this.#what.kind === 'process') return { ...this.#what, ...common, ...placed };
    if (this.#what.kind === 'tasks') {
      const { memory, gpuMemory, maxTasksPerNode, lease } = this.#what.options;
      return {
        kind: 'tasks',
        name: this.name,
        environment,
        memoryMiB: memory?.toMebibytes({ rounding: SizeRoundingBehavior.FLOOR }),
        gpuMemoryMiB: gpuMemory?.toMebibytes({ rounding: SizeRoundingBehavior.FLOOR }),
        maxTasks: maxTasksPerNode,
        leaseMs: lease?.toMilliseconds(),
      };
    }
    const mounts = this._options.files?.map((entry, index) => ({
      source: this._folder(index, entry),
      target: entry.path,
      readOnly: true,
    }));
    return { ...this.#what, ...common, ...placed, mounts };
  }
}

function gpusOf(what: What): number {
  if (what.kind === 'container') return what.gpus ?? 0;
  if (what.kind === 'tasks') return (what.options.gpuMemory?.toKibibytes() ?? 0) > 0 ? 1 : 0;
  return 0;
}

type What =
  | {
      readonly kind: 'container';
      readonly image: string;
      readonly args: readonly string[] | undefined;
      readonly gpus: number | undefined;
    }
  | {
      readonly kind: 'process';
      readonly command: readonly string[];
      readonly workingDirectory: string | undefined;
    }
  | { readonly kind: 'tasks'; readonly options: TasksOptions };
