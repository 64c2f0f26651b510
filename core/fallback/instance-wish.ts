/**
 * Which instance types a cluster takes that says only what they must have. EC2 tells which types fit, at deployment; the
 * choice among them depends on nothing that changes by the hour, such as prices, so that a deployment that is
 * repeated comes to the same types.
 */
import { type Field, type Parsed, Problem, read } from '../spec/field.js';

export interface Range {
  readonly min: number;
  /** Null: no limit. */
  readonly max: number | null;
}

/** What the types must have. An empty list: any. */
export interface InstanceWish {
  readonly architecture: 'x86_64' | 'arm64';
  readonly vCpus: Range;
  readonly memoryMiB: Range;
  /** A maximum of 0: types without accelerators only. */
  readonly accelerators: Range;
  readonly acceleratorTypes: readonly string[];
  readonly acceleratorManufacturers: readonly string[];
  readonly acceleratorNames: readonly string[];
  readonly cpuManufacturers: readonly string[];
  readonly generations: readonly string[];
  readonly burstable: 'included' | 'required' | 'excluded';
  /** Types, or patterns with `*`. */
  readonly excluded: readonly string[];
  /** Where the cluster's subnets are. */
  readonly zones: readonly string[];
  /** How many types are taken at most. */
  readonly most: number;
}

/** A type that fits, as EC2 describes it. */
export interface TypeFacts {
  readonly instanceType: string;
  readonly vCpus: number;
  readonly memoryMiB: number;
  readonly accelerators: number;
  /** Whether it can be had on spot. */
  readonly spot: boolean;
  /** Of the wish's zones, those that offer it. */
  readonly zones: readonly string[];
}

/** The longest list; with six zones it makes 120 pools. */
const MOST_TYPES = 20;

export const readInstanceWish = (text: string): Parsed<InstanceWish> => read('Requirements', text, wish);

function wish(field: Field): InstanceWish {
  const words = (key: string, most: number): string[] =>
    field
      .at(key)
      .list(0, most)
      .map((one) => one.text(/^[a-zA-Z0-9.*-]{1,60}$/, 'a word of letters, digits, dots, hyphens and *'));
  const generations = field.at('generations').list(0, 2);
  const burstable = field.at('burstable');
  return {
    architecture: field.at('architecture').oneOf('x86_64', 'arm64'),
    vCpus: range(field.at('vCpus'), 1),
    memoryMiB: range(field.at('memoryMiB'), 1),
    accelerators: range(field.at('accelerators'), 0),
    acceleratorTypes: words('acceleratorTypes', 10),
    acceleratorManufacturers: words('acceleratorManufacturers', 10),
    acceleratorNames: words('acceleratorNames', 50),
    cpuManufacturers: words('cpuManufacturers', 10),
    generations: generations.map((one) => one.oneOf('current', 'previous')),
    burstable: burstable.absent ? 'excluded' : burstable.oneOf('included', 'required', 'excluded'),
    excluded: words('excluded', 400),
    zones: field
      .at('zones')
      .list(1, 100)
      .map((one) => one.text(/^[a-z0-9-]{3,40}$/, 'a zone such as us-east-1a')),
    most: field.at('most').integer(1, MOST_TYPES),
  };
}

function range(field: Field, least: number): Range {
  field.onlyKeys('min', 'max');
  const min = field.at('min').integer(0, Number.MAX_SAFE_INTEGER, least);
  const max = field.at('max');
  if (max.absent) return { min, max: null };
  const found = { min, max: max.integer(0, Number.MAX_SAFE_INTEGER) };
  if (found.max < min) throw new Problem(`${field.name} has a maximum of ${found.max}, below its minimum of ${min}.`);
  return found;
}

/**
 * Those that EC2 has on spot in one of the zones; the smallest first, since they cost the least: fewer accelerators, then
 * fewer vCPUs, then less memory, then by name. Sorted by name.
 */
export function chooseTypes({ most, zones }: InstanceWish, facts: readonly TypeFacts[]): readonly string[] {
  return facts
    .filter(({ spot, zones: offered }) => spot && offered.some((zone) => zones.includes(zone)))
    .toSorted(
      (a, b) =>
        a.accelerators - b.accelerators ||
        a.vCpus - b.vCpus ||
        a.memoryMiB - b.memoryMiB ||
        compare(a.instanceType, b.instanceType),
    )
    .slice(0, most)
    .map(({ instanceType }) => instanceType)
    .sort();
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
