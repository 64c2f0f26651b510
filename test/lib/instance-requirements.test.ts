import { aws_ec2 as ec2, Size } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { type InstanceWish, readInstanceWish } from '../../core/fallback/instance-wish.js';
import { parseSpec } from '../../core/spec/parse.js';
import { type InstanceRequirements, type SynktiClusterProps, Workload } from '../../lib/index.js';
import { makersOf, requireGpu } from '../../lib/instance-requirements.js';
import { deployed } from './resolve.js';
import { complaints, synth } from './synth.js';

const SMALL: InstanceRequirements = { vCpuMin: 2, vCpuMax: 4, memoryMin: Size.gibibytes(4) };
const GPU: InstanceRequirements = { ...SMALL, acceleratorCountMin: 1 };
const { A10G, INFERENTIA, L4 } = ec2.AcceleratorName;
const { AMD, AWS, NVIDIA } = ec2.AcceleratorManufacturer;
const GPU_WORKLOAD = Workload.container({ image: 'model', gpus: 1 });

const withThem = (requirements: InstanceRequirements, more: Partial<SynktiClusterProps> = {}) =>
  synth({ ...more, capacity: { ...more.capacity, requirements } });

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DependsOn?: readonly string[];
}

function resourcesOf(requirements: InstanceRequirements, more: Partial<SynktiClusterProps> = {}) {
  return withThem(requirements, more).template.toJSON().Resources as Readonly<Record<string, Resource>>;
}

/** As the seeder gets it. */
function wishOf(requirements: InstanceRequirements, more: Partial<SynktiClusterProps> = {}): InstanceWish {
  const resources = resourcesOf(requirements, more);
  const found = Object.values(resources).find(({ Type }) => Type === 'Custom::SynktiInstanceTypes');
  const parsed = readInstanceWish(deployed(found?.Properties.Requirements, resources));
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

describe('what the seeder is told', () => {
  it('is what was required, with the defaults', () => {
    expect(wishOf(SMALL)).toEqual({
      architecture: 'x86_64',
      vCpus: { min: 2, max: 4 },
      memoryMiB: { min: 4096, max: null },
      accelerators: { min: 0, max: 0 },
      acceleratorTypes: [],
      acceleratorManufacturers: [],
      acceleratorNames: [],
      cpuManufacturers: [],
      generations: ['current'],
      burstable: 'excluded',
      excluded: [],
      zones: ['eu-west-1a', 'eu-west-1b', 'eu-west-1c'],
      most: 12,
    });
  });

  it('carries every requirement', () => {
    const wish = wishOf(
      {
        vCpuMin: 4,
        memoryMin: Size.gibibytes(16),
        memoryMax: Size.gibibytes(64),
        acceleratorCountMin: 1,
        acceleratorCountMax: 2,
        acceleratorNames: [A10G, L4],
        cpuManufacturers: [ec2.CpuManufacturer.AMD],
        burstablePerformance: ec2.BurstablePerformance.INCLUDED,
        instanceGenerations: [ec2.InstanceGeneration.CURRENT, ec2.InstanceGeneration.PREVIOUS],
        excludedInstanceTypes: ['g5g.*'],
        maxTypes: 20,
      },
      { capacity: { architecture: ec2.InstanceArchitecture.ARM_64 }, workload: GPU_WORKLOAD },
    );
    expect(wish).toMatchObject({
      architecture: 'arm64',
      vCpus: { min: 4, max: null },
      memoryMiB: { min: 16_384, max: 65_536 },
      accelerators: { min: 1, max: 2 },
      acceleratorTypes: ['gpu'],
      acceleratorManufacturers: ['nvidia'],
      acceleratorNames: ['a10g', 'l4'],
      cpuManufacturers: ['amd'],
      generations: ['current', 'previous'],
      burstable: 'included',
      excluded: ['g5g.*'],
      most: 20,
    });
  });

  it('knows whose accelerators they are', () => {
    expect(makersOf(SMALL)).toEqual([]);
    expect(makersOf(GPU)).toEqual([NVIDIA]);
    expect(makersOf({ ...GPU, acceleratorNames: [INFERENTIA] })).toEqual([AWS]);
    expect(requireGpu({ ...GPU, acceleratorNames: [INFERENTIA] })).toBe(false);
    expect(requireGpu({ ...GPU, acceleratorManufacturers: [NVIDIA, AMD] })).toBe(false);
    expect(requireGpu({ ...GPU, acceleratorNames: [L4] })).toBe(true);
  });
});

describe('the template', () => {
  const resources = resourcesOf(SMALL);

  it('lets the spec name the types that were found, in every zone', () => {
    const parameter = Object.values(resources).find(
      ({ Type, Properties }) => Type === 'AWS::SSM::Parameter' && Properties.Name === '/synkti/web/spec',
    );
    const parsed = parseSpec(deployed(parameter?.Properties.Value, resources));
    if (!parsed.ok) throw new Error(parsed.problem);
    expect(parsed.value.launch.pools.map(({ zone, instanceType }) => `${zone} ${instanceType}`)).toEqual([
      'eu-west-1a m7g.large',
      'eu-west-1a m8g.large',
      'eu-west-1b m7g.large',
      'eu-west-1b m8g.large',
      'eu-west-1c m7g.large',
      'eu-west-1c m8g.large',
    ]);
  });

  it('asks only when the seeder may look, and gives the right to nobody else', () => {
    const policies = Object.entries(resources).filter(
      ([, { Type, Properties }]) =>
        Type === 'AWS::IAM::Policy' && JSON.stringify(Properties).includes('GetInstanceTypesFromInstanceRequirements'),
    );
    expect(policies.map(([id]) => id)).toEqual([expect.stringMatching(/FallbackSeederPolicy/)]);
    const asks = Object.values(resources).find(({ Type }) => Type === 'Custom::SynktiInstanceTypes');
    expect(asks?.DependsOn).toContain(policies[0]?.[0]);
  });

  it('boots the GPU image where every type has NVIDIA GPUs', () => {
    const text = (requirements: InstanceRequirements): string => JSON.stringify(withThem(requirements).template);
    expect(text(GPU)).toContain('base-oss-nvidia-driver-gpu');
    expect(text(SMALL)).not.toContain('base-oss-nvidia-driver-gpu');
    expect(text({ ...GPU, acceleratorNames: [INFERENTIA] })).not.toContain('base-oss-nvidia-driver-gpu');
  });

  it('has no such resource when the types are named', () => {
    synth().template.resourceCountIs('Custom::SynktiInstanceTypes', 0);
  });
});

describe('is complained of', () => {
  type Case = readonly [
    what: string,
    requirements: InstanceRequirements,
    says: RegExp,
    more: Partial<SynktiClusterProps>,
  ];
  const CASES: readonly Case[] = [
    ['half a vCPU', { ...SMALL, vCpuMin: 0.5 }, /vCpuMin must be a whole number from 1, not 0.5/, {}],
    ['a maximum below the minimum', { ...SMALL, vCpuMin: 8 }, /vCpuMin is 8, above vCpuMax of 4: no type has both/, {}],
    [
      'memory that ends before it begins',
      { ...SMALL, memoryMax: Size.gibibytes(2) },
      /memoryMin is 4 GiB, above memoryMax of 2 GiB/,
      {},
    ],
    [
      'more memory than so few vCPUs have',
      { vCpuMin: 2, vCpuMax: 2, memoryMin: Size.gibibytes(128) },
      /no type has 128 GiB with at most 2 vCPUs: raise vCpuMax/,
      {},
    ],
    [
      'less memory than so many vCPUs have',
      { vCpuMin: 16, memoryMin: Size.gibibytes(1), memoryMax: Size.gibibytes(16) },
      /no type that isn't burstable has 16 vCPUs with at most 16 GiB/,
      {},
    ],
    ['too many types', { ...SMALL, maxTypes: 21 }, /maxTypes must be a whole number from 1 to 20/, {}],
    [
      'few types',
      { ...SMALL, maxTypes: 2 },
      /warning: .*2 instance types in 3 zones make 6 spot pools.*synkti:pools/,
      {},
    ],
    ['a pattern that is none', { ...SMALL, excludedInstanceTypes: ['c5 large'] }, /"c5 large", which is neither/, {}],
    ['nothing left', { ...SMALL, excludedInstanceTypes: ['*'] }, /"\*", which leaves no type/, {}],
    ['an accelerator that nobody requires', { ...SMALL, acceleratorNames: [L4] }, /none is required: give acceler/, {}],
    [
      'an accelerator of another maker',
      { ...GPU, acceleratorNames: [INFERENTIA], acceleratorManufacturers: [NVIDIA] },
      /acceleratorNames has inferentia, which none of acceleratorManufacturers \(nvidia\) makes/,
      {},
    ],
    [
      'burstable types with accelerators',
      { ...GPU, burstablePerformance: ec2.BurstablePerformance.REQUIRED },
      /no burstable type has accelerators/,
      {},
    ],
    [
      'a GPU workload without GPUs',
      SMALL,
      /a workload needs 1 GPUs on its node: give acceleratorCountMin at least 1\./,
      { workload: GPU_WORKLOAD },
    ],
    [
      'a GPU workload on other accelerators',
      { ...GPU, acceleratorManufacturers: [AMD] },
      /needs NVIDIA's GPUs, but accelerators of amd are allowed/,
      { workload: GPU_WORKLOAD },
    ],
    [
      'types by name, too',
      SMALL,
      /instanceTypes and requirements, which find the types: give one of them/,
      { capacity: { instanceTypes: [new ec2.InstanceType('m7i.large')] } },
    ],
  ];

  it.each(CASES)('%s', (_what, requirements, says, more) => {
    const { stack } = withThem(requirements, more);
    expect(complaints(stack).join('\n')).toMatch(says);
  });

  it('not of good ones', () => {
    expect(complaints(withThem(SMALL).stack)).toEqual([]);
    expect(complaints(withThem(GPU, { workload: GPU_WORKLOAD }).stack)).toEqual([]);
  });
});
