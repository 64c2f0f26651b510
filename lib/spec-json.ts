/**
 * The cluster's spec as the template writes it. The types are core's own, so that a change of the format breaks the
 * build here; only types are taken, since lib/ is compiled on its own for jsii. test/lib/spec-json.test.ts reads the
 * result with core's parser.
 */
import {
  type aws_ec2 as ec2,
  Fn,
  type Stack,
  type aws_s3 as s3,
  type aws_secretsmanager as secretsmanager,
  Token,
} from 'aws-cdk-lib';
import type {
  ContainerWorkload,
  HealthSpec,
  LaunchSpec,
  PolicySpec,
  PoolSpec,
  ProcessWorkload,
  Spec,
  TasksWorkload,
} from '../core/spec/spec.js';
import type { Capacity } from './capacity.js';
import type { FailoverOptions } from './failover.js';
import { GOSSIP_PORT } from './names.js';

/** A field that may be left out or undefined: the spec's reader fills in the default. */
type Open<T> = { readonly [K in keyof T]?: T[K] | undefined };

type WrittenHealth = Pick<HealthSpec, 'path'> & Open<HealthSpec>;

type Written<T extends ContainerWorkload | ProcessWorkload | TasksWorkload> = Open<Omit<T, 'health'>> &
  Pick<T, 'name' | 'kind'> & { readonly health?: WrittenHealth | undefined };

export type WrittenWorkload =
  | (Written<ContainerWorkload> & Pick<ContainerWorkload, 'image'>)
  | (Written<ProcessWorkload> & Pick<ProcessWorkload, 'command'>)
  | Written<TasksWorkload>;

interface WrittenLaunch extends Omit<LaunchSpec, 'pools'> {
  /** A number where a token stands for the list. */
  readonly instanceTypes: readonly string[] | number;
  readonly subnets: readonly Omit<PoolSpec, 'instanceType'>[];
}

export interface WrittenSpec {
  readonly cluster: string;
  readonly capacity: Capacity;
  /** A list in JSON that only the deployment knows; undefined: the capacity's own types. */
  readonly chosenTypes: number | undefined;
  readonly launchTemplate: ec2.LaunchTemplate;
  readonly subnets: readonly ec2.ISubnet[];
  readonly workloads: readonly WrittenWorkload[];
  readonly failover: FailoverOptions;
  readonly secret: secretsmanager.ISecret;
  readonly bucket: s3.IBucket;
}

/** The spec's JSON, with tokens where only the deployment knows. */
export function specJson(stack: Stack, spec: WrittenSpec): string {
  const { capacity, failover } = spec;
  const policy: Open<PolicySpec> = {
    rebalance: failover.rebalance?._inSpec,
    drainMs: failover.drainTime?.toMilliseconds(),
    keepServingMs: failover.keepServing?.toMilliseconds(),
    bootPatienceMs: failover.bootPatience?.toMilliseconds(),
  };
  const json: Omit<Spec, 'launch' | 'workloads' | 'policy'> & {
    readonly launch: WrittenLaunch;
    readonly workloads: readonly WrittenWorkload[];
    readonly policy: Open<PolicySpec>;
  } = {
    format: 1,
    // A floor: whoever reads the parameter takes the parameter's own version, which grows with every change.
    version: 1,
    cluster: spec.cluster,
    epoch: epoch(stack),
    desired: capacity.desired,
    launch: {
      templateId: spec.launchTemplate.launchTemplateId ?? '',
      templateVersion: Token.asNumber(Token.asAny(spec.launchTemplate.latestVersionNumber)),
      // Every type in every zone: apart they are shorter.
      instanceTypes: spec.chosenTypes ?? capacity.types.map((type) => type.toString()),
      subnets: spec.subnets.map(({ subnetId, availabilityZone: zone }) => ({ zone, subnetId })),
      onDemandAfter: capacity.onDemandAfter,
      onDemandBase: capacity.onDemandBase,
    },
    workloads: spec.workloads,
    policy,
    gossip: { preset: 'lan', port: GOSSIP_PORT, secretId: spec.secret.secretArn },
    bucket: spec.bucket.bucketName,
  };
  return stack.toJsonString(json);
}

/** The last twelve hex digits of the stack's id: another stack of the same name has others. */
export const epoch = (stack: Stack): string => Fn.select(4, Fn.split('-', Fn.select(2, Fn.split('/', stack.stackId))));
