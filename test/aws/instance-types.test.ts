/** Instance types by what they must have, asked of an EC2 that answers in pages. */
import { afterEach, expect, it } from 'vitest';
import { createFallbackCloud } from '../../aws/fallback/cloud.js';
import type { InstanceWish } from '../../core/fallback/instance-wish.js';
import { type Call, ec2Error, type Reply, type ScriptedAws, startScriptedAws } from './scripted-aws.js';

let aws: ScriptedAws | null = null;
afterEach(async () => {
  await aws?.close();
  aws = null;
});

async function cloudWith(script: (call: Call) => Reply) {
  aws = await startScriptedAws(script);
  const credentials = async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' });
  return createFallbackCloud({ region: 'eu-west-1', endpoint: aws.endpoint, credentials });
}

const WISH: InstanceWish = {
  architecture: 'x86_64',
  vCpus: { min: 2, max: 4 },
  memoryMiB: { min: 8192, max: null },
  accelerators: { min: 0, max: 0 },
  acceleratorTypes: [],
  acceleratorManufacturers: [],
  acceleratorNames: [],
  cpuManufacturers: [],
  generations: ['current'],
  burstable: 'excluded',
  excluded: ['m5*'],
  zones: ['eu-west-1a', 'eu-west-1b'],
  most: 12,
};

const answer = (action: string, content: string): Reply => ({
  body: `<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">${content}</${action}Response>`,
});
const items = (all: readonly string[]): string => all.map((one) => `<item>${one}</item>`).join('');

/** 150 types in two pages with an empty one between; the even ones are offered in the first zone. */
const NAMES = Array.from({ length: 150 }, (_, i) => `m${i}i.large`);

function ec2({ action, params }: Call): Reply {
  if (action === 'GetInstanceTypesFromInstanceRequirements') {
    const page = Number(params.NextToken ?? 0);
    const names = [NAMES.slice(0, 90), [], NAMES.slice(90)][page] ?? [];
    const next = page < 2 ? `<nextToken>${page + 1}</nextToken>` : '<nextToken/>';
    const types = items(names.map((name) => `<instanceType>${name}</instanceType>`));
    return answer(action, `<instanceTypeSet>${types}</instanceTypeSet>${next}`);
  }
  if (action === 'DescribeInstanceTypeOfferings') {
    const rows = NAMES.filter((_, i) => i % 2 === 0).map(
      (name) =>
        `<instanceType>${name}</instanceType><locationType>availability-zone</locationType><location>eu-west-1a</location>`,
    );
    return answer(action, `<instanceTypeOfferingSet>${items(rows)}</instanceTypeOfferingSet>`);
  }
  const asked = Object.entries(params).flatMap(([key, value]) => (/^InstanceType\.\d+$/.test(key) ? [value] : []));
  const gpus = '<gpuInfo><gpus><item><count>2</count></item></gpus></gpuInfo>';
  const described = asked.map(
    (name, i) =>
      `<instanceType>${name}</instanceType><vCpuInfo><defaultVCpus>2</defaultVCpus></vCpuInfo>` +
      `<memoryInfo><sizeInMiB>8192</sizeInMiB></memoryInfo>${name === 'm0i.large' ? gpus : ''}` +
      `<supportedUsageClasses><item>on-demand</item>${i === 1 ? '' : '<item>spot</item>'}</supportedUsageClasses>`,
  );
  return answer(action, `<instanceTypeSet>${items(described)}</instanceTypeSet>`);
}

it('asks with what is required, page by page, and describes at most a hundred at once', async () => {
  const cloud = await cloudWith(ec2);
  const outcome = await cloud.call({ op: 'findInstanceTypes', wish: WISH }, 5_000);
  if (!outcome.ok) throw new Error(outcome.error.message);
  expect(outcome.value).toHaveLength(150);
  expect(outcome.value[0]).toEqual({
    instanceType: 'm0i.large',
    vCpus: 2,
    memoryMiB: 8192,
    accelerators: 2,
    spot: true,
    zones: ['eu-west-1a'],
  });
  expect(outcome.value[1]).toMatchObject({ instanceType: 'm1i.large', accelerators: 0, spot: false, zones: [] });
  const actions = aws?.calls.map(({ action }) => action) ?? [];
  expect(actions.filter((action) => action === 'GetInstanceTypesFromInstanceRequirements')).toHaveLength(3);
  expect(actions.filter((action) => action === 'DescribeInstanceTypes')).toHaveLength(2);
  const first = aws?.calls.find(({ action }) => action.startsWith('Get'))?.params ?? {};
  const { Action, Version, ...params } = first;
  expect(params).toEqual({
    'ArchitectureType.1': 'x86_64',
    'VirtualizationType.1': 'hvm',
    'InstanceRequirements.VCpuCount.Min': '2',
    'InstanceRequirements.VCpuCount.Max': '4',
    'InstanceRequirements.MemoryMiB.Min': '8192',
    'InstanceRequirements.AcceleratorCount.Max': '0',
    'InstanceRequirements.InstanceGeneration.1': 'current',
    'InstanceRequirements.BurstablePerformance': 'excluded',
    'InstanceRequirements.ExcludedInstanceType.1': 'm5*',
    MaxResults: '1000',
  });
});

it('tells that it may not ask', async () => {
  const cloud = await cloudWith(() => ec2Error(403, 'UnauthorizedOperation'));
  expect(await cloud.call({ op: 'findInstanceTypes', wish: WISH }, 5_000)).toMatchObject({
    error: { kind: 'configuration', code: 'UnauthorizedOperation' },
  });
});
