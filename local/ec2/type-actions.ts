import { AwsError } from '../wire/error.js';
import type { Params } from '../wire/form.js';
import type { QueryAction } from '../wire/query-service.js';
import type { Ec2Host } from './host.js';
import { filtersIn, pagingIn, refuseDryRun } from './inputs.js';
import { CATALOGUE, fits, type Range, type Requirements, type TypeInfo } from './model/catalogue.js';
import { page } from './model/describe.js';
import { matcher } from './model/filter.js';

/** EC2's own limit. */
const MOST_NAMES = 100;

interface Offering {
  readonly seq: number;
  readonly instanceType: string;
  readonly location: string;
}

/** Instance types: those that the local cloud has pools of, with what the catalogue knows of them. */
export function typeActions({ model }: Ec2Host): [string, QueryAction][] {
  const offered = (): string[] =>
    [...new Set([...model.pools.values()].map(({ options }) => options.instanceType))].sort();
  const known = (): (TypeInfo & { readonly seq: number })[] =>
    offered().flatMap((name, index) => {
      const info = CATALOGUE.get(name);
      return info === undefined ? [] : [{ ...info, seq: index + 1 }];
    });
  return [
    [
      'GetInstanceTypesFromInstanceRequirements',
      (params) => {
        const wish = requirementsIn(params);
        const paging = pagingIn(params);
        refuseDryRun(params);
        params.refuseUnread();
        const { items, nextToken } = page(
          known().filter((info) => fits(info, wish)),
          paging,
          1,
        );
        return {
          instanceTypeSet: { item: items.map(({ instanceType }) => ({ instanceType })) },
          nextToken,
        };
      },
    ],
    [
      'DescribeInstanceTypes',
      (params) => {
        const names = params.strings('InstanceType');
        const matches = matcher<TypeInfo & { readonly seq: number }>(filtersIn(params), {
          'instance-type': ({ instanceType }) => [instanceType],
          'current-generation': ({ current }) => [String(current)],
          'processor-info.supported-architecture': ({ architecture }) => [architecture],
        });
        const paging = pagingIn(params);
        refuseDryRun(params);
        params.refuseUnread();
        if (names.length > MOST_NAMES) {
          throw new AwsError('InvalidParameterValue', `At most ${MOST_NAMES} instance types can be named at once.`);
        }
        const all = known();
        const unknown = names.find((name) => !all.some(({ instanceType }) => instanceType === name));
        if (unknown !== undefined) {
          throw new AwsError('InvalidInstanceType', `The following supplied instance types do not exist: [${unknown}]`);
        }
        const found = all.filter((info) => (names.length === 0 || names.includes(info.instanceType)) && matches(info));
        const { items, nextToken } = page(found, paging, 5);
        return { instanceTypeSet: { item: items.map(described) }, nextToken };
      },
    ],
    [
      'DescribeInstanceTypeOfferings',
      (params) => {
        const by = params.oneOf('LocationType', ['region', 'availability-zone']) ?? 'region';
        const matches = matcher<Offering>(filtersIn(params), {
          'instance-type': ({ instanceType }) => [instanceType],
          location: ({ location }) => [location],
        });
        const paging = pagingIn(params);
        refuseDryRun(params);
        params.refuseUnread();
        const places = [...model.pools.values()].map(({ options }): readonly [string, string] => [
          options.instanceType,
          by === 'region' ? model.options.region : options.zone,
        ]);
        const distinct = new Map(places.map(([type, place]) => [`${type} ${place}`, { type, place }]));
        const rows = [...distinct]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([, { type, place }], index): Offering => ({ seq: index + 1, instanceType: type, location: place }));
        const { items, nextToken } = page(rows.filter(matches), paging, 5);
        return {
          instanceTypeOfferingSet: {
            item: items.map(({ instanceType, location }) => ({ instanceType, locationType: by, location })),
          },
          nextToken,
        };
      },
    ],
  ];
}

function requirementsIn(params: Params): Requirements {
  const architectures = params.strings('ArchitectureType');
  const virtualization = params.strings('VirtualizationType');
  if (architectures.length === 0) throw missing('ArchitectureType');
  if (virtualization.length === 0) throw missing('VirtualizationType');
  const wish = params.struct('InstanceRequirements');
  for (const name of ['VCpuCount', 'MemoryMiB']) if (!wish.struct(name).has('Min')) throw missing(wish.name(name));
  const excluded = wish.strings('ExcludedInstanceType');
  const allowed = wish.strings('AllowedInstanceType');
  if (excluded.length > 0 && allowed.length > 0) {
    throw new AwsError('InvalidParameterCombination', 'Instance types can be excluded or allowed, not both.');
  }
  // The catalogue has no bare metal.
  wish.oneOf('BareMetal', ['included', 'excluded']);
  return {
    architectures: virtualization.includes('hvm') ? architectures : [],
    vCpus: range(wish, 'VCpuCount'),
    memoryMiB: range(wish, 'MemoryMiB'),
    memoryGiBPerVCpu: range(wish, 'MemoryGiBPerVCpu'),
    accelerators: range(wish, 'AcceleratorCount'),
    acceleratorTypes: wish.strings('AcceleratorType'),
    acceleratorManufacturers: wish.strings('AcceleratorManufacturer'),
    acceleratorNames: wish.strings('AcceleratorName'),
    cpuManufacturers: wish.strings('CpuManufacturer'),
    generations: wish.strings('InstanceGeneration'),
    burstable: wish.oneOf('BurstablePerformance', ['included', 'required', 'excluded']) ?? 'excluded',
    excluded,
    allowed,
  };
}

const missing = (name: string): AwsError =>
  new AwsError('MissingParameter', `The request must contain the parameter ${name}`);

function range(wish: Params, name: string): Range {
  const given = wish.struct(name);
  const number = (key: string, otherwise: number): number => {
    const text = given.string(key);
    return text === undefined ? otherwise : Number(text);
  };
  const [min, max] = [number('Min', 0), number('Max', Number.POSITIVE_INFINITY)];
  if (!(min <= max)) {
    throw new AwsError('InvalidParameterValue', `The maximum of ${wish.name(name)} is below its minimum`);
  }
  return { min, max };
}

/** The catalogue's names are those of requirements; a description has the maker's own spelling. */
function described({ instanceType, architecture, vCpus, memoryMiB, current, burstable, accelerator }: TypeInfo) {
  const device = accelerator && {
    name: accelerator.name.toUpperCase(),
    manufacturer: MAKERS[accelerator.manufacturer],
    count: accelerator.count,
  };
  return {
    instanceType,
    currentGeneration: current,
    freeTierEligible: false,
    supportedUsageClasses: { item: ['on-demand', 'spot'] },
    supportedVirtualizationTypes: { item: ['hvm'] },
    bareMetal: false,
    processorInfo: { supportedArchitectures: { item: [architecture] } },
    vCpuInfo: { defaultVCpus: vCpus },
    memoryInfo: { sizeInMiB: memoryMiB },
    burstablePerformanceSupported: burstable,
    ...(accelerator?.kind === 'gpu' ? { gpuInfo: { gpus: { item: [device] } } } : {}),
    ...(accelerator?.kind === 'inference' ? { inferenceAcceleratorInfo: { accelerators: { member: [device] } } } : {}),
  };
}

const MAKERS = { nvidia: 'NVIDIA', amd: 'AMD', 'amazon-web-services': 'AWS' } as const;
