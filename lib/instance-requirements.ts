import { aws_ec2 as ec2, type Size } from 'aws-cdk-lib';

/**
 * What an instance type must have. EC2 names the types that have it when the stack is deployed, and the cluster takes the
 * smallest of them.
 */
export interface InstanceRequirements {
  /** Least number of vCPUs. */
  readonly vCpuMin: number;
  /**
   * Greatest number of vCPUs.
   *
   * @default - no limit
   */
  readonly vCpuMax?: number;
  /** Least memory. */
  readonly memoryMin: Size;
  /**
   * Greatest memory.
   *
   * @default - no limit
   */
  readonly memoryMax?: Size;
  /**
   * Least number of accelerators, which are GPUs unless `acceleratorManufacturers` or `acceleratorNames` say otherwise.
   *
   * @default 0
   */
  readonly acceleratorCountMin?: number;
  /**
   * Greatest number of accelerators.
   *
   * @default - 0 without a minimum, no limit with one
   */
  readonly acceleratorCountMax?: number;
  /**
   * Makers of the accelerators. Containers with GPUs need NVIDIA's.
   *
   * @default - NVIDIA
   */
  readonly acceleratorManufacturers?: ec2.AcceleratorManufacturer[];
  /**
   * Accelerators by name, such as `AcceleratorName.L4`.
   *
   * @default - any
   */
  readonly acceleratorNames?: ec2.AcceleratorName[];
  /**
   * Makers of the processor.
   *
   * @default - any
   */
  readonly cpuManufacturers?: ec2.CpuManufacturer[];
  /**
   * Types with burstable performance, such as t3. When their credits end, a node is slow or costs more.
   *
   * @default ec2.BurstablePerformance.EXCLUDED
   */
  readonly burstablePerformance?: ec2.BurstablePerformance;
  /**
   * Generations of instance types.
   *
   * @default - the current generation
   */
  readonly instanceGenerations?: ec2.InstanceGeneration[];
  /**
   * Types that are never taken: by name, or by a pattern such as `c5*` or `*.metal`.
   *
   * @default - none
   */
  readonly excludedInstanceTypes?: string[];
  /**
   * How many types are taken at most, from 1 to 20. Every type in every zone is a pool of spot capacity of its own. The
   * smallest are taken, since they cost the least: fewest accelerators, then fewest vCPUs, then least memory, then by
   * name. So raise `vCpuMin` or `memoryMin` for larger nodes.
   *
   * @default 12
   */
  readonly maxTypes?: number;
}

/** As many as there are default types. */
export const DEFAULT_MAX_TYPES = 12;

const wantsAccelerators = ({ acceleratorCountMin }: InstanceRequirements): boolean => (acceleratorCountMin ?? 0) > 0;

/** Whether every type that has what is required has NVIDIA's GPUs. */
export function requireGpu(requirements: InstanceRequirements): boolean {
  const makers = makersOf(requirements);
  return makers.length > 0 && makers.every((maker) => maker === ec2.AcceleratorManufacturer.NVIDIA);
}

/** Makers that the accelerators may have; none where none is required. */
export function makersOf(requirements: InstanceRequirements): readonly ec2.AcceleratorManufacturer[] {
  if (!wantsAccelerators(requirements)) return [];
  const { acceleratorManufacturers, acceleratorNames } = requirements;
  if (acceleratorManufacturers !== undefined) return acceleratorManufacturers;
  const named = (acceleratorNames ?? []).map(makerOf);
  return named.length > 0 ? [...new Set(named)] : [ec2.AcceleratorManufacturer.NVIDIA];
}

/** Of an accelerator; most are NVIDIA's. */
export function makerOf(name: ec2.AcceleratorName): ec2.AcceleratorManufacturer {
  return OTHER_MAKERS[name] ?? ec2.AcceleratorManufacturer.NVIDIA;
}

const OTHER_MAKERS: Readonly<Record<string, ec2.AcceleratorManufacturer>> = {
  'radeon-pro-v520': ec2.AcceleratorManufacturer.AMD,
  vu9p: ec2.AcceleratorManufacturer.XILINX,
  u30: ec2.AcceleratorManufacturer.XILINX,
  'gaudi-hl-205': ec2.AcceleratorManufacturer.HABANA,
  inferentia: ec2.AcceleratorManufacturer.AWS,
  inferentia2: ec2.AcceleratorManufacturer.AWS,
  trainium: ec2.AcceleratorManufacturer.AWS,
  trainium2: ec2.AcceleratorManufacturer.AWS,
};

/** As the seeder reads them (core/fallback/instance-wish.ts); a test holds the two together. */
export function requirementsJson(requirements: InstanceRequirements, architecture: ec2.InstanceArchitecture) {
  const { acceleratorCountMin: least, acceleratorCountMax: most } = requirements;
  const makers = makersOf(requirements);
  return {
    architecture: architecture === ec2.InstanceArchitecture.ARM_64 ? 'arm64' : 'x86_64',
    vCpus: { min: requirements.vCpuMin, max: requirements.vCpuMax },
    memoryMiB: { min: requirements.memoryMin.toMebibytes(), max: requirements.memoryMax?.toMebibytes() },
    accelerators: { min: least, max: most ?? (wantsAccelerators(requirements) ? undefined : 0) },
    acceleratorTypes: requireGpu(requirements) ? ['gpu'] : [],
    acceleratorManufacturers: makers,
    acceleratorNames: requirements.acceleratorNames,
    cpuManufacturers: requirements.cpuManufacturers,
    generations: requirements.instanceGenerations ?? [ec2.InstanceGeneration.CURRENT],
    burstable: requirements.burstablePerformance ?? ec2.BurstablePerformance.EXCLUDED,
    excluded: requirements.excludedInstanceTypes,
    most: requirements.maxTypes ?? DEFAULT_MAX_TYPES,
  };
}
