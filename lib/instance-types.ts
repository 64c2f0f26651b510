import { aws_ec2 as ec2 } from 'aws-cdk-lib';
import type { CapacityOptions } from './capacity.js';

/** Twelve pools a zone, two vCPUs and at least 8 GiB each, so that a newcomer starts with a broad choice. */
const DEFAULT_TYPES = {
  [ec2.InstanceArchitecture.X86_64]: [
    'm5.large',
    'm5a.large',
    'm5ad.large',
    'm5d.large',
    'm5n.large',
    'm6a.large',
    'm6i.large',
    'm6id.large',
    'm6in.large',
    'm7a.large',
    'm7i.large',
    'm7i-flex.large',
  ],
  [ec2.InstanceArchitecture.ARM_64]: [
    'm6g.large',
    'm6gd.large',
    'm7g.large',
    'm7gd.large',
    'm8g.large',
    'm8gd.large',
    'r6g.large',
    'r6gd.large',
    'r7g.large',
    'r7gd.large',
    'r8g.large',
    't4g.large',
  ],
} as const;

/** The instance types to launch, without repeats, sorted: the same wish gives the same template. */
export function instanceTypes(options: CapacityOptions): readonly ec2.InstanceType[] {
  const given = options.instanceTypes ?? [];
  const names =
    given.length > 0
      ? given.map((type) => type.toString())
      : DEFAULT_TYPES[options.architecture ?? ec2.InstanceArchitecture.X86_64];
  return [...new Set<string>(names)].sort().map((name) => new ec2.InstanceType(name));
}

/** Every architecture among the types, so that a mix can be complained of. */
export function architectures(
  options: CapacityOptions,
  types: readonly ec2.InstanceType[],
): readonly ec2.InstanceArchitecture[] {
  const found = new Set(types.map((type) => type.architecture));
  if (options.architecture !== undefined) found.add(options.architecture);
  return [...found].sort();
}

/** Families with NVIDIA GPUs: p and g, but not the graviton `c7g` kind, where the g is no first letter. */
export const hasGpu = (type: ec2.InstanceType): boolean => /^(p\d|g\d|gr\d)/.test(type.toString());
