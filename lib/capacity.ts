import { aws_ec2 as ec2 } from 'aws-cdk-lib';
import { instanceTypes } from './instance-types.js';

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
   * Architecture of the default instance types and of the machine image.
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
  readonly types: readonly ec2.InstanceType[];
  readonly architecture: ec2.InstanceArchitecture;
}

export function resolveCapacity(options: CapacityOptions): Capacity {
  const types = instanceTypes(options.instanceTypes ?? [], options.architecture);
  return {
    desired: options.desired ?? 3,
    onDemandBase: options.onDemandBase ?? 0,
    onDemandAfter: (options.onDemandFallback ?? true) ? (options.spotAttempts ?? 3) : null,
    types,
    architecture: options.architecture ?? types[0]?.architecture ?? ec2.InstanceArchitecture.X86_64,
  };
}
