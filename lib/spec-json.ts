/**
 * The cluster's spec as the template writes it. The types are core's own, so that a change of the format breaks the
 * build here; only types are taken, since lib/ is compiled on its own for jsii. test/lib/spec-json.test.ts reads the
 * result with core's parser.
 */
import { Fn, type Stack, Token } from 'aws-cdk-lib';
import type { ContainerWorkload, HealthSpec, PolicySpec, PoolSpec, ProcessWorkload, Spec } from '../core/spec/spec.js';

/** A field that may be left out or undefined: the spec's reader fills in the default. */
type Open<T> = { readonly [K in keyof T]?: T[K] | undefined };

type WrittenHealth = Pick<HealthSpec, 'path'> & Open<HealthSpec>;

type Written<T extends ContainerWorkload | ProcessWorkload> = Open<Omit<T, 'health'>> &
  Pick<T, 'name' | 'kind'> & { readonly health?: WrittenHealth | undefined };

export type WrittenWorkload =
  | (Written<ContainerWorkload> & Pick<ContainerWorkload, 'image'>)
  | (Written<ProcessWorkload> & Pick<ProcessWorkload, 'command'>);

export interface WrittenSpec {
  readonly cluster: string;
  readonly desired: number;
  readonly templateId: string;
  /** A token: CloudFormation knows the number. */
  readonly templateVersion: string;
  readonly pools: readonly PoolSpec[];
  readonly onDemandAfter: number | null;
  readonly workloads: readonly WrittenWorkload[];
  readonly policy: Open<PolicySpec>;
  readonly gossipPort: number;
  readonly secretId: string;
  readonly bucket: string;
}

/** The spec's JSON, with tokens where only the deployment knows. */
export function specJson(stack: Stack, spec: WrittenSpec): string {
  const json: Omit<Spec, 'workloads' | 'policy'> & {
    readonly workloads: readonly WrittenWorkload[];
    readonly policy: Open<PolicySpec>;
  } = {
    format: 1,
    // A floor: whoever reads the parameter takes the parameter's own version, which grows with every change.
    version: 1,
    cluster: spec.cluster,
    epoch: epoch(stack),
    desired: spec.desired,
    launch: {
      templateId: spec.templateId,
      templateVersion: Token.asNumber(Token.asAny(spec.templateVersion)),
      pools: spec.pools,
      onDemandAfter: spec.onDemandAfter,
    },
    workloads: spec.workloads,
    policy: spec.policy,
    gossip: { preset: 'lan', port: spec.gossipPort, secretId: spec.secretId },
    bucket: spec.bucket,
  };
  return stack.toJsonString(json);
}

/** The last twelve hex digits of the stack's id: another stack of the same name has others. */
export const epoch = (stack: Stack): string => Fn.select(4, Fn.split('-', Fn.select(2, Fn.split('/', stack.stackId))));
