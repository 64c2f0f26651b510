/** Instance types by what they have, asked for with the SDK. */
import {
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  EC2Client,
  GetInstanceTypesFromInstanceRequirementsCommand,
  type InstanceRequirementsRequest,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalCloud, startLocalCloud } from '../../../local/cloud.js';
import { CATALOGUE } from '../../../local/ec2/model/catalogue.js';

const zones = ['a', 'b'].map((letter) => ({ name: `eu-west-1${letter}`, subnetId: `subnet-${letter}` }));
/** All types in the first zone, and one that nobody knows anything of; in the second zone those of arm64 only. */
const pools = zones.flatMap(({ name: zone }, index) =>
  [...CATALOGUE.values(), { instanceType: 'z9.large', architecture: 'x86_64' }]
    .filter(({ architecture }) => index === 0 || architecture === 'arm64')
    .map(({ instanceType }) => ({ instanceType, zone, spotPrice: 0.03, onDemandPrice: 0.1, capacity: null })),
);

let cloud: LocalCloud;
let ec2: EC2Client;
beforeAll(async () => {
  cloud = await startLocalCloud({ seed: 1, region: 'eu-west-1', zones, pools, machine: null });
  ec2 = new EC2Client({
    endpoint: cloud.endpoint,
    region: cloud.region,
    credentials: { accessKeyId: 'somebody', secretAccessKey: 'x' },
    maxAttempts: 1,
  });
});
afterAll(async () => {
  ec2.destroy();
  await cloud.stop();
});

async function fitting(wish: Partial<InstanceRequirementsRequest>, architecture: 'x86_64' | 'arm64' = 'x86_64') {
  const answer = await ec2.send(
    new GetInstanceTypesFromInstanceRequirementsCommand({
      ArchitectureTypes: [architecture],
      VirtualizationTypes: ['hvm'],
      InstanceRequirements: { VCpuCount: { Min: 1 }, MemoryMiB: { Min: 1 }, ...wish },
    }),
  );
  return (answer.InstanceTypes ?? []).map(({ InstanceType }) => String(InstanceType));
}

describe('types from requirements', () => {
  it('keep to sizes, architecture and generation', async () => {
    const small = { VCpuCount: { Min: 2, Max: 2 }, MemoryMiB: { Min: 8192, Max: 8192 }, AcceleratorCount: { Max: 0 } };
    const found = await fitting(small);
    expect(found).toContain('m7i.large');
    expect(found).toContain('m4.large');
    expect(found).not.toContain('m7g.large');
    expect(found).not.toContain('c7i.large');
    expect(found.some((name) => name.startsWith('t3'))).toBe(false);
    expect(await fitting({ ...small, InstanceGenerations: ['previous'] })).toEqual(['m4.large']);
    expect(await fitting({ ...small, BurstablePerformance: 'required' })).toEqual(['t3.large', 't3a.large']);
    expect(await fitting({ ...small, CpuManufacturers: ['amd'] })).toEqual([
      'm5a.large',
      'm5ad.large',
      'm6a.large',
      'm7a.large',
    ]);
    expect(await fitting(small, 'arm64')).toContain('m8g.large');
  });

  it('tell accelerators apart', async () => {
    const gpus = { VCpuCount: { Min: 4, Max: 4 }, AcceleratorCount: { Min: 1, Max: 1 } };
    expect(await fitting({ ...gpus, AcceleratorManufacturers: ['nvidia'] })).toEqual([
      'g4dn.xlarge',
      'g5.xlarge',
      'g6.xlarge',
      'g6e.xlarge',
    ]);
    expect(await fitting({ ...gpus, AcceleratorNames: ['a10g', 'l4'] })).toEqual(['g5.xlarge', 'g6.xlarge']);
    expect(await fitting({ ...gpus, AcceleratorTypes: ['inference'] })).toEqual(['inf1.xlarge', 'inf2.xlarge']);
  });

  it('leave out what is excluded, by name and by pattern', async () => {
    const large = { VCpuCount: { Min: 2, Max: 2 }, MemoryMiB: { Min: 4096, Max: 5500 } };
    const some = await fitting({ ...large, ExcludedInstanceTypes: ['c5*', '*6*', 'c7a.large'] });
    expect(some).toEqual(['c7i-flex.large', 'c7i.large']);
    expect(await fitting({ ...large, ExcludedInstanceTypes: ['c5.*'] })).toContain('c5n.large');
  });

  it('are refused when they contradict each other, or ask for what is not emulated', async () => {
    await expect(fitting({ VCpuCount: { Min: 4, Max: 2 } })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await expect(fitting({ LocalStorage: 'required' })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await expect(fitting({ ExcludedInstanceTypes: ['m5.*'], AllowedInstanceTypes: ['m5.*'] })).rejects.toMatchObject({
      name: 'InvalidParameterCombination',
    });
  });
});

describe('descriptions', () => {
  it('have what a choice needs', async () => {
    const { InstanceTypes } = await ec2.send(
      new DescribeInstanceTypesCommand({ InstanceTypes: ['g6.12xlarge', 'inf2.xlarge'] }),
    );
    expect(InstanceTypes).toMatchObject([
      {
        InstanceType: 'g6.12xlarge',
        VCpuInfo: { DefaultVCpus: 48 },
        MemoryInfo: { SizeInMiB: 196_608 },
        SupportedUsageClasses: ['on-demand', 'spot'],
        GpuInfo: { Gpus: [{ Name: 'L4', Manufacturer: 'NVIDIA', Count: 4 }] },
      },
      { InstanceType: 'inf2.xlarge', InferenceAcceleratorInfo: { Accelerators: [{ Manufacturer: 'AWS', Count: 1 }] } },
    ]);
  });

  it('are not there of a type that nobody offers', async () => {
    const unknown = new DescribeInstanceTypesCommand({ InstanceTypes: ['x99.large' as never] });
    await expect(ec2.send(unknown)).rejects.toMatchObject({ name: 'InvalidInstanceType' });
  });

  it('tell the zones that offer a type, page by page', async () => {
    const places: string[] = [];
    let NextToken: string | undefined;
    do {
      const answer = await ec2.send(
        new DescribeInstanceTypeOfferingsCommand({
          LocationType: 'availability-zone',
          Filters: [{ Name: 'location', Values: zones.map(({ name }) => name) }],
          MaxResults: 100,
          NextToken,
        }),
      );
      for (const { InstanceType, Location } of answer.InstanceTypeOfferings ?? []) {
        places.push(`${InstanceType} ${Location}`);
      }
      ({ NextToken } = answer);
    } while (NextToken !== undefined);
    expect(places).toHaveLength(pools.length);
    expect(places).toContain('m7g.large eu-west-1b');
    expect(places).not.toContain('m7i.large eu-west-1b');
  });
});
