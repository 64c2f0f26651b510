import { aws_ec2 as ec2 } from 'aws-cdk-lib';

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

/** The types to launch, the given or the default ones, without repeats and sorted: one wish, one template. */
export function instanceTypes(
  given: readonly ec2.InstanceType[],
  architecture = ec2.InstanceArchitecture.X86_64,
): readonly ec2.InstanceType[] {
  const names: readonly string[] =
    given.length > 0 ? given.map((type) => type.toString()) : DEFAULT_TYPES[architecture];
  return [...new Set(names)].sort().map((name) => new ec2.InstanceType(name));
}

/** The families with NVIDIA's GPUs: p, g and gr. */
export const hasGpu = (type: ec2.InstanceType): boolean => /^(p\d|g\d|gr\d)/.test(type.toString());
