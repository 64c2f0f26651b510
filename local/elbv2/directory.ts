import type { Candidate } from '../balancer/source.js';
import type { TargetGroup } from './model.js';

/** An instance as the load balancer needs to know it. */
export interface TargetHost {
  readonly instanceId: string;
  /** Where its processes listen (the inside address). */
  readonly host: string;
  readonly running: boolean;
}

/** Knows the instances. */
export interface TargetDirectory {
  byInstanceId(instanceId: string): TargetHost | null;
  /** By "private IP", for target groups of type `ip`. */
  byAddress(address: string): TargetHost | null;
  /** Zone and VPC of a subnet; null when there is no such subnet. */
  subnet(subnetId: string): { readonly zone: string; readonly vpcId: string } | null;
  isCut(instanceId: string): boolean;
}

/** Where a target's requests go; null when nobody has that id. */
export function resolveTarget(
  directory: TargetDirectory,
  group: TargetGroup,
  id: string,
  port: number,
  key: string,
): Candidate | null {
  if (group.targetType === 'instance') {
    const found = directory.byInstanceId(id);
    return found === null ? null : { key, instanceId: id, host: found.host, port };
  }
  const found = directory.byAddress(id);
  return { key, instanceId: found?.instanceId ?? null, host: found?.host ?? id, port };
}
