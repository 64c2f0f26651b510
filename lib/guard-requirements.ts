/** What no instance type can have, or no workload can use, said before EC2 is asked. */
import { aws_ec2 as ec2, type Size, Token } from 'aws-cdk-lib';
import { type InstanceRequirements, makerOf, makersOf, requireGpu } from './instance-requirements.js';

/** GiB a vCPU, at most, of all types: x2iedn and its like. */
const MOST_MEMORY = 32;
/** GiB a vCPU, at least, of types that don't burst: c4. */
const LEAST_MEMORY = 1.875;
const MAX_TYPES = 20;

/** @param gpus that the most demanding workload needs */
export function* requirementProblems(requirements: InstanceRequirements, gpus: number): Generator<string> {
  const { vCpuMin, vCpuMax, memoryMin, memoryMax, maxTypes } = requirements;
  const burstable = requirements.burstablePerformance ?? ec2.BurstablePerformance.EXCLUDED;
  yield* rangeProblems('vCpu', vCpuMin, vCpuMax, 1);
  yield* rangeProblems('acceleratorCount', requirements.acceleratorCountMin, requirements.acceleratorCountMax, 0);
  const [least, most] = [mebibytes(memoryMin), mebibytes(memoryMax)];
  if (least !== undefined && most !== undefined && most < least) {
    yield `memoryMin is ${gib(least)}, above memoryMax of ${gib(most)}: no type has both.`;
  }
  if (least !== undefined && vCpuMax !== undefined && least > vCpuMax * MOST_MEMORY * 1024) {
    yield `no type has ${gib(least)} with at most ${vCpuMax} vCPUs: raise vCpuMax, or lower memoryMin.`;
  }
  const burstsOnly = burstable !== ec2.BurstablePerformance.EXCLUDED;
  if (most !== undefined && !burstsOnly && most < vCpuMin * LEAST_MEMORY * 1024) {
    yield `no type that isn't burstable has ${vCpuMin} vCPUs with at most ${gib(most)}: raise memoryMax, or lower vCpuMin.`;
  }
  if (maxTypes !== undefined && !(Number.isInteger(maxTypes) && maxTypes >= 1 && maxTypes <= MAX_TYPES)) {
    yield `maxTypes must be a whole number from 1 to ${MAX_TYPES}, not ${maxTypes}.`;
  }
  yield* excludedProblems(requirements.excludedInstanceTypes ?? []);
  yield* acceleratorProblems(requirements, gpus);
}

function* rangeProblems(name: string, min: number | undefined, max: number | undefined, least: number) {
  for (const [which, value] of [
    ['Min', min],
    ['Max', max],
  ] as const) {
    if (value !== undefined && !(Number.isInteger(value) && value >= least)) {
      yield `${name}${which} must be a whole number from ${least}, not ${value}.`;
    }
  }
  if (min !== undefined && max !== undefined && max < min) {
    yield `${name}Min is ${min}, above ${name}Max of ${max}: no type has both.`;
  }
}

function* excludedProblems(excluded: readonly string[]): Generator<string> {
  for (const pattern of excluded) {
    if (!/^[a-zA-Z0-9.*-]{1,30}$/.test(pattern)) {
      yield `excludedInstanceTypes has "${pattern}", which is neither a type such as m5.large nor a pattern such as c5*.`;
    } else if (/^\*+(\.\*+)?$/.test(pattern)) {
      yield `excludedInstanceTypes has "${pattern}", which leaves no type: exclude less.`;
    }
  }
}

function* acceleratorProblems(requirements: InstanceRequirements, gpus: number): Generator<string> {
  const { acceleratorCountMin = 0, acceleratorCountMax, acceleratorManufacturers, acceleratorNames } = requirements;
  const isNamed = acceleratorManufacturers !== undefined || acceleratorNames !== undefined;
  if (isNamed && acceleratorCountMin === 0) {
    yield 'accelerators are named, but none is required: give acceleratorCountMin at least 1, or name none.';
  } else if (acceleratorManufacturers !== undefined && acceleratorNames !== undefined) {
    const stray = acceleratorNames.find((name) => !acceleratorManufacturers.includes(makerOf(name)));
    if (stray !== undefined) {
      yield `acceleratorNames has ${stray}, which none of acceleratorManufacturers (${acceleratorManufacturers.join(', ')}) makes.`;
    }
  }
  if (acceleratorCountMin > 0 && requirements.burstablePerformance === ec2.BurstablePerformance.REQUIRED) {
    yield 'no burstable type has accelerators: leave out burstablePerformance or acceleratorCountMin.';
  }
  if (gpus === 0) return;
  if (acceleratorCountMin < gpus) {
    yield `a workload needs ${gpus} GPUs on its node: give acceleratorCountMin at least ${gpus}${acceleratorCountMax !== undefined && acceleratorCountMax < gpus ? ', and acceleratorCountMax too' : ''}.`;
  } else if (!requireGpu(requirements)) {
    yield `a workload needs NVIDIA's GPUs, but accelerators of ${makersOf(requirements).join(', ')} are allowed: keep to AcceleratorManufacturer.NVIDIA.`;
  }
}

const mebibytes = (size: Size | undefined): number | undefined =>
  size === undefined || Token.isUnresolved(size) ? undefined : size.toMebibytes({});
const gib = (value: number): string => `${value / 1024} GiB`;
