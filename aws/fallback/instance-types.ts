import {
  type _InstanceType,
  type AcceleratorManufacturer,
  type AcceleratorName,
  type AcceleratorType,
  type CpuManufacturer,
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  type EC2Client,
  GetInstanceTypesFromInstanceRequirementsCommand,
  type InstanceGeneration,
  type InstanceRequirementsRequest,
  type InstanceTypeInfo,
} from '@aws-sdk/client-ec2';
import type { InstanceWish, Range, TypeFacts } from '../../core/fallback/instance-wish.js';

/** EC2 describes at most 100 named types at once. */
const TYPES_AT_ONCE = 100;
const PAGE = 1_000;
/** There are about a thousand types in a Region, and each in a few zones. */
const MOST_PAGES = 20;

/**
 * The types that have what is wished, with what the choice among them depends on. EC2's answer takes no account of
 * capacity, prices or zones.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetInstanceTypesFromInstanceRequirements.html
 */
export async function findInstanceTypes(
  client: EC2Client,
  wish: InstanceWish,
  signal: AbortSignal,
): Promise<readonly TypeFacts[]> {
  const options = { abortSignal: signal };
  const [fitting, offered] = await Promise.all([
    pages(async (NextToken) => {
      const { InstanceTypes = [], ...rest } = await client.send(
        new GetInstanceTypesFromInstanceRequirementsCommand({
          ArchitectureTypes: [wish.architecture],
          VirtualizationTypes: ['hvm'],
          InstanceRequirements: requirements(wish),
          MaxResults: PAGE,
          NextToken,
        }),
        options,
      );
      return { items: InstanceTypes.flatMap(({ InstanceType }) => InstanceType ?? []), next: rest.NextToken };
    }),
    pages(async (NextToken) => {
      const { InstanceTypeOfferings = [], ...rest } = await client.send(
        new DescribeInstanceTypeOfferingsCommand({
          LocationType: 'availability-zone',
          Filters: [{ Name: 'location', Values: [...wish.zones] }],
          MaxResults: PAGE,
          NextToken,
        }),
        options,
      );
      return { items: InstanceTypeOfferings, next: rest.NextToken };
    }),
  ]);
  const zones = new Map<string, string[]>();
  for (const { InstanceType, Location } of offered) {
    if (InstanceType === undefined || Location === undefined) continue;
    zones.set(InstanceType, [...(zones.get(InstanceType) ?? []), Location]);
  }
  const facts: TypeFacts[] = [];
  for (let from = 0; from < fitting.length; from += TYPES_AT_ONCE) {
    const InstanceTypes = fitting.slice(from, from + TYPES_AT_ONCE) as _InstanceType[];
    const answer = await client.send(new DescribeInstanceTypesCommand({ InstanceTypes }), options);
    for (const info of answer.InstanceTypes ?? []) facts.push(...factsOf(info, zones));
  }
  return facts;
}

/** Everything that a paginated call returns. A page may be empty and yet not be the last one. */
async function pages<T>(
  ask: (token: string | undefined) => Promise<{ readonly items: readonly T[]; readonly next: string | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  let token: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const { items, next } = await ask(token);
    all.push(...items);
    if (next === undefined || next === '') break;
    token = next;
  }
  return all;
}

function requirements(wish: InstanceWish): InstanceRequirementsRequest {
  return {
    VCpuCount: between(wish.vCpus),
    MemoryMiB: between(wish.memoryMiB),
    AcceleratorCount: accelerators(wish.accelerators),
    AcceleratorTypes: some(wish.acceleratorTypes as readonly AcceleratorType[]),
    AcceleratorManufacturers: some(wish.acceleratorManufacturers as readonly AcceleratorManufacturer[]),
    AcceleratorNames: some(wish.acceleratorNames as readonly AcceleratorName[]),
    CpuManufacturers: some(wish.cpuManufacturers as readonly CpuManufacturer[]),
    InstanceGenerations: some(wish.generations as readonly InstanceGeneration[]),
    BurstablePerformance: wish.burstable,
    ExcludedInstanceTypes: some(wish.excluded),
  };
}

const between = ({ min, max }: Range) => ({ Min: min, ...(max === null ? {} : { Max: max }) });
/** A maximum of 0 by itself is how EC2 wants to be told of none. */
const accelerators = ({ min, max }: Range) => ({
  ...(min === 0 ? {} : { Min: min }),
  ...(max === null ? {} : { Max: max }),
});
const some = <T>(values: readonly T[]): T[] | undefined => (values.length === 0 ? undefined : [...values]);

function factsOf(info: InstanceTypeInfo, zones: ReadonlyMap<string, readonly string[]>): readonly TypeFacts[] {
  const { InstanceType, VCpuInfo, MemoryInfo } = info;
  const vCpus = VCpuInfo?.DefaultVCpus;
  const memoryMiB = MemoryInfo?.SizeInMiB;
  if (InstanceType === undefined || vCpus === undefined || memoryMiB === undefined) return [];
  const devices = [
    ...(info.GpuInfo?.Gpus ?? []),
    ...(info.FpgaInfo?.Fpgas ?? []),
    ...(info.InferenceAcceleratorInfo?.Accelerators ?? []),
  ];
  return [
    {
      instanceType: InstanceType,
      vCpus,
      memoryMiB,
      accelerators: devices.reduce((sum, { Count }) => sum + (Count ?? 0), 0),
      spot: (info.SupportedUsageClasses ?? []).includes('spot'),
      zones: zones.get(InstanceType) ?? [],
    },
  ];
}
