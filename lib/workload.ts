import type { Duration } from 'aws-cdk-lib';
import type { WrittenWorkload } from './spec-json.js';

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
}

/** A workload in a container. */
export interface ContainerOptions extends WorkloadOptions {
  /** Image, such as `public.ecr.aws/nginx/nginx:1.29`. */
  readonly image: string;
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
    return new Workload(options, { kind: 'container', image, args, gpus }, options.needsInstanceMetadata ?? false);
  }

  /** A program that the machine image has. */
  public static process(options: ProcessOptions): Workload {
    const { command, workingDirectory } = options;
    return new Workload(options, { kind: 'process', command, workingDirectory }, false);
  }

  /** Name, unique in the cluster. */
  public readonly name: string;
  /** TCP port that it listens on. */
  public readonly port?: number;
  /** How its health is seen. */
  public readonly healthCheck?: HealthCheck;
  /** GPUs that it needs. */
  public readonly gpus: number;

  /** @internal */
  public readonly _needsInstanceMetadata: boolean;
  /** @internal */
  public readonly _environment: { [name: string]: string };
  readonly #options: WorkloadOptions;
  readonly #what: What;

  private constructor(options: WorkloadOptions, what: What, needsInstanceMetadata: boolean) {
    this.name = options.name ?? 'main';
    this.port = options.port;
    this.healthCheck = options.healthCheck;
    this.gpus = (what.kind === 'container' ? what.gpus : undefined) ?? 0;
    this._needsInstanceMetadata = needsInstanceMetadata;
    this._environment = options.environment ?? {};
    this.#options = options;
    this.#what = what;
  }

  /** Whether it needs a container engine on the node. */
  public get isContainer(): boolean {
    return this.#what.kind === 'container';
  }

  /**
   * Its part of the spec. What the options leave open stays open there: the spec's reader knows the defaults.
   *
   * @internal
   */
  public _written(targetGroupArns: readonly string[]): WrittenWorkload {
    const check = this.healthCheck;
    return {
      ...this.#what,
      name: this.name,
      port: this.port,
      environment: this._environment,
      health: check && {
        path: check.path,
        intervalMs: check.interval?.toMilliseconds(),
        timeoutMs: check.timeout?.toMilliseconds(),
        healthyAfter: check.healthyAfter,
        unhealthyAfter: check.unhealthyAfter,
      },
      inFlightPath: this.#options.inFlightPath,
      targetGroupArns,
      stopGraceMs: this.#options.stopGrace?.toMilliseconds(),
    };
  }
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
    };
