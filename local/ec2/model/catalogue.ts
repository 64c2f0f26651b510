/**
 * What the local cloud knows of instance types: enough of each family to choose by, after EC2's own pages. Sizes double
 * from `large` (2 vCPUs) on. A type that isn't here can be launched all the same, but nobody finds it by its attributes.
 *
 * @see https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-types.html
 */
export interface TypeInfo {
  readonly instanceType: string;
  readonly architecture: 'x86_64' | 'arm64';
  readonly cpu: 'intel' | 'amd' | 'amazon-web-services';
  readonly vCpus: number;
  readonly memoryMiB: number;
  readonly current: boolean;
  readonly burstable: boolean;
  readonly accelerator: Accelerator | null;
}

export interface Accelerator {
  readonly kind: 'gpu' | 'inference';
  readonly manufacturer: 'nvidia' | 'amd' | 'amazon-web-services';
  /** As in `AcceleratorNames`. */
  readonly name: string;
  readonly count: number;
}

const SIZES: readonly (readonly [size: string, vCpus: number])[] = [
  ['large', 2],
  ['xlarge', 4],
  ['2xlarge', 8],
  ['4xlarge', 16],
  ['8xlarge', 32],
];

type Cpu = TypeInfo['cpu'];

/** Families without accelerators: GiB a vCPU, processor, names. */
const FAMILIES: readonly (readonly [gib: number, cpu: Cpu, names: string])[] = [
  [2, 'intel', 'c5 c5d c6i c6id c7i c7i-flex'],
  [2, 'amd', 'c5a c5ad c6a c7a'],
  [2, 'amazon-web-services', 'c6g c6gd c6gn c7g c7gd c8g'],
  [2.625, 'intel', 'c5n'],
  [4, 'intel', 'm5 m5d m5n m6i m6id m6in m7i m7i-flex'],
  [4, 'amd', 'm5a m5ad m6a m7a'],
  [4, 'amazon-web-services', 'm6g m6gd m7g m7gd m8g m8gd'],
  [8, 'intel', 'r5 r5d r5n r6i r6id r7i'],
  [8, 'amd', 'r5a r5ad r6a r7a'],
  [8, 'amazon-web-services', 'r6g r6gd r7g r7gd r8g r8gd'],
  [4, 'intel', 't3'],
  [4, 'amd', 't3a'],
  [4, 'amazon-web-services', 't4g'],
  [4, 'intel', 'm4'],
  [1.875, 'intel', 'c4'],
];

const PREVIOUS: ReadonlySet<string> = new Set(['m4', 'c4']);

/** Types with accelerators: vCPUs, GiB, processor, accelerator and how many. */
const ACCELERATED: readonly (readonly [string, number, number, Cpu, Accelerator['manufacturer'], string, number])[] = [
  ['g4dn.xlarge', 4, 16, 'intel', 'nvidia', 't4', 1],
  ['g4dn.2xlarge', 8, 32, 'intel', 'nvidia', 't4', 1],
  ['g4dn.4xlarge', 16, 64, 'intel', 'nvidia', 't4', 1],
  ['g4dn.12xlarge', 48, 192, 'intel', 'nvidia', 't4', 4],
  ['g4ad.xlarge', 4, 16, 'amd', 'amd', 'radeon-pro-v520', 1],
  ['g4ad.2xlarge', 8, 32, 'amd', 'amd', 'radeon-pro-v520', 1],
  ['g5.xlarge', 4, 16, 'amd', 'nvidia', 'a10g', 1],
  ['g5.2xlarge', 8, 32, 'amd', 'nvidia', 'a10g', 1],
  ['g5.4xlarge', 16, 64, 'amd', 'nvidia', 'a10g', 1],
  ['g5.12xlarge', 48, 192, 'amd', 'nvidia', 'a10g', 4],
  ['g5g.xlarge', 4, 8, 'amazon-web-services', 'nvidia', 't4g', 1],
  ['g5g.2xlarge', 8, 16, 'amazon-web-services', 'nvidia', 't4g', 1],
  ['g6.xlarge', 4, 16, 'amd', 'nvidia', 'l4', 1],
  ['g6.2xlarge', 8, 32, 'amd', 'nvidia', 'l4', 1],
  ['g6.4xlarge', 16, 64, 'amd', 'nvidia', 'l4', 1],
  ['g6.12xlarge', 48, 192, 'amd', 'nvidia', 'l4', 4],
  ['g6e.xlarge', 4, 32, 'amd', 'nvidia', 'l40s', 1],
  ['g6e.2xlarge', 8, 64, 'amd', 'nvidia', 'l40s', 1],
  ['p3.2xlarge', 8, 61, 'intel', 'nvidia', 'v100', 1],
  ['p3.8xlarge', 32, 244, 'intel', 'nvidia', 'v100', 4],
  ['p4d.24xlarge', 96, 1152, 'intel', 'nvidia', 'a100', 8],
  ['p5.48xlarge', 192, 2048, 'amd', 'nvidia', 'h100', 8],
  ['inf1.xlarge', 4, 8, 'intel', 'amazon-web-services', 'inferentia', 1],
  ['inf2.xlarge', 4, 16, 'amd', 'amazon-web-services', 'inferentia2', 1],
];

const architectureOf = (cpu: Cpu): TypeInfo['architecture'] => (cpu === 'amazon-web-services' ? 'arm64' : 'x86_64');

/** By name. */
export const CATALOGUE: ReadonlyMap<string, TypeInfo> = new Map([...plain(), ...accelerated()]);

function* plain(): Generator<[string, TypeInfo]> {
  for (const [gib, cpu, names] of FAMILIES) {
    for (const family of names.split(' ')) {
      for (const [size, vCpus] of SIZES) {
        const instanceType = `${family}.${size}`;
        const burstable = family.startsWith('t');
        // The burstable families end here, and their memory doesn't grow from the smallest size.
        if (burstable && vCpus > 8) continue;
        const memoryMiB = vCpus * gib * 1_024;
        const common = { instanceType, architecture: architectureOf(cpu), cpu, vCpus, memoryMiB };
        yield [instanceType, { ...common, current: !PREVIOUS.has(family), burstable, accelerator: null }];
      }
    }
  }
}

function* accelerated(): Generator<[string, TypeInfo]> {
  for (const [instanceType, vCpus, gib, cpu, manufacturer, name, count] of ACCELERATED) {
    const kind = manufacturer === 'amazon-web-services' ? 'inference' : 'gpu';
    const common = { instanceType, architecture: architectureOf(cpu), cpu, vCpus, memoryMiB: gib * 1_024 };
    const accelerator: Accelerator = { kind, manufacturer, name, count };
    yield [instanceType, { ...common, current: !instanceType.startsWith('p3.'), burstable: false, accelerator }];
  }
}

type Toggle = 'included' | 'required' | 'excluded';

/** EC2's instance requirements, as far as the catalogue can tell; an empty list: any. */
export interface Requirements {
  readonly architectures: readonly string[];
  readonly vCpus: Range;
  readonly memoryMiB: Range;
  readonly memoryGiBPerVCpu: Range;
  readonly accelerators: Range;
  readonly acceleratorTypes: readonly string[];
  readonly acceleratorManufacturers: readonly string[];
  readonly acceleratorNames: readonly string[];
  readonly cpuManufacturers: readonly string[];
  readonly generations: readonly string[];
  readonly burstable: Toggle;
  readonly excluded: readonly string[];
  readonly allowed: readonly string[];
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

export function fits(info: TypeInfo, wish: Requirements): boolean {
  const { accelerator } = info;
  const among = (wanted: readonly string[], value: string | undefined): boolean =>
    wanted.length === 0 || (value !== undefined && wanted.includes(value));
  return (
    wish.architectures.includes(info.architecture) &&
    within(info.vCpus, wish.vCpus) &&
    within(info.memoryMiB, wish.memoryMiB) &&
    within(info.memoryMiB / 1_024 / info.vCpus, wish.memoryGiBPerVCpu) &&
    within(accelerator?.count ?? 0, wish.accelerators) &&
    among(wish.acceleratorTypes, accelerator?.kind) &&
    among(wish.acceleratorManufacturers, accelerator?.manufacturer) &&
    among(wish.acceleratorNames, accelerator?.name) &&
    among(wish.cpuManufacturers, info.cpu) &&
    among(wish.generations, info.current ? 'current' : 'previous') &&
    (wish.burstable === 'included' || info.burstable === (wish.burstable === 'required')) &&
    !wish.excluded.some((pattern) => isLike(info.instanceType, pattern)) &&
    (wish.allowed.length === 0 || wish.allowed.some((pattern) => isLike(info.instanceType, pattern)))
  );
}

const within = (value: number, { min, max }: Range): boolean => value >= min && value <= max;

/** `c5*` is all of C5, C5a and C5n; `c5.*` is C5 alone. */
function isLike(name: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return name === pattern;
  const last = rest.pop() ?? '';
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}
