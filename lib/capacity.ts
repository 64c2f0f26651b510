import { aws_ec2 as ec2 } from 'aws-cdk-lib';
import { type InstanceRequirements, requireGpu } from './instance-requirements.js';
import { hasGpu, instanceTypes } from './instance-types.js';

/** How many nodes there are, and of what. */
export interface CapacityOptions {
  /**
   * Number of nodes.
   *
   * @default 3
   */
  readonly desired?: number;

  /**
   * Instance types that may be launched. Every type in every zone is a pool of spot capacity of its own: the more pools,
   * the fewer interruptions, and the likelier that a replacement is found. All types must have one architecture.
   *
   * @default - twelve types of two vCPUs and at least 8 GiB, x86-64 or arm64 as `architecture` says
   */
  readonly instanceTypes?: ec2.InstanceType[];

  /**
   * What the instance types must have, in the place of `instanceTypes`. EC2 names the types that have it when the stack
   * is deployed; they stay the same until the requirements or the zones change.
   *
   * @example
   * declare const vpc: ec2.IVpc;
   * new SynktiCluster(this, 'Llm', {
   *   vpc,
   *   capacity: {
   *     requirements: {
   *       vCpuMin: 4,
   *       memoryMin: Size.gibibytes(16),
   *       acceleratorCountMin: 1,
   *       acceleratorCountMax: 1,
   *       acceleratorNames: [ec2.AcceleratorName.A10G, ec2.AcceleratorName.L4],
   *     },
   *   },
   *   workload: Workload.container({ image: 'vllm/vllm-openai:v0.11.0', gpus: 1, port: 8000 }),
   * });
   *
   * @default - `instanceTypes`
   */
  readonly requirements?: InstanceRequirements;

  /**
   * Architecture of the default instance types, of those that `requirements` find, and of the machine image.
   *
   * @default - that of the instance types, or x86-64
   */
  readonly architecture?: ec2.InstanceArchitecture;

  /**
   * Number of nodes that are always on-demand, for what must not end when spot capacity does.
   *
   * @default 0
   */
  readonly onDemandBase?: number;

  /**
   * Whether a node may be launched on-demand when no pool has spot capacity.
   *
   * @default true
   */
  readonly onDemandFallback?: boolean;

  /**
   * Launches on spot capacity that must have failed before one is made on-demand. Raise it to save money, lower it to
   * be whole sooner.
   *
   * @default 3
   */
  readonly spotAttempts?: number;
}

/** {@link CapacityOptions} with their defaults. */
export interface Capacity {
  readonly desired: number;
  readonly onDemandBase: number;
  /** As in the spec. */
  readonly onDemandAfter: number | null;
  /** None when they are found at deployment. */
  readonly types: readonly ec2.InstanceType[];
  readonly requirements: InstanceRequirements | undefined;
  /** Whether every type has NVIDIA's GPUs. */
  readonly gpu: boolean;
  readonly architecture: ec2.InstanceArchitecture;
}

export function resolveCapacity(options: CapacityOptions): Capacity {
  const { requirements } = options;
  const types = requirements === undefined ? instanceTypes(options.instanceTypes ?? [], options.architecture) : [];
  return {
    desired: options.desired ?? 3,
    onDemandBase: options.onDemandBase ?? 0,
    onDemandAfter: (options.onDemandFallback ?? true) ? (options.spotAttempts ?? 3) : null,
    types,
    requirements,
    gpu: requirements === undefined ? types.every(hasGpu) : requireGpu(requirements),
    architecture: options.architecture ?? types[0]?.architecture ?? ec2.InstanceArchitecture.X86_64,
  };
}
