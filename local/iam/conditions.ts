import { BlockList, isIP } from 'node:net';
import { compile, type Values } from './match.js';

/** One line of a statement's condition block: all of a block must hold. */
export interface Condition {
  /** As written: `ForAllValues:StringLikeIfExists`. */
  readonly operator: string;
  readonly key: string;
  readonly wanted: readonly string[];
}

/** Null: what is wanted holds a variable without a value. Then neither an operator nor its negation holds. */
type Test = (actual: string, wanted: string, variables: Values | null) => boolean | null;

const pattern =
  (wildcards: boolean, arn: boolean, ignoreCase: boolean): Test =>
  (actual, wanted, variables) =>
    compile(wanted, { wildcards, arn, ignoreCase, variables })?.test(actual) ?? null;

const numeric =
  (holds: (a: number, b: number) => boolean): Test =>
  (actual, wanted) =>
    actual.trim() !== '' && wanted.trim() !== '' && holds(Number(actual), Number(wanted));

const date =
  (holds: (a: number, b: number) => boolean): Test =>
  (actual, wanted) =>
    holds(timeOf(actual), timeOf(wanted));

const timeOf = (text: string): number => (/^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text));

/** The operators that say yes; the others are their negations. */
const TESTS: Readonly<Record<string, Test>> = {
  stringequals: pattern(false, false, false),
  stringequalsignorecase: pattern(false, false, true),
  stringlike: pattern(true, false, false),
  arnequals: pattern(true, true, false),
  arnlike: pattern(true, true, false),
  numericequals: numeric((a, b) => a === b),
  numericlessthan: numeric((a, b) => a < b),
  numericlessthanequals: numeric((a, b) => a <= b),
  numericgreaterthan: numeric((a, b) => a > b),
  numericgreaterthanequals: numeric((a, b) => a >= b),
  dateequals: date((a, b) => a === b),
  datelessthan: date((a, b) => a < b),
  datelessthanequals: date((a, b) => a <= b),
  dategreaterthan: date((a, b) => a > b),
  dategreaterthanequals: date((a, b) => a >= b),
  bool: (actual, wanted) => actual.toLowerCase() === wanted.toLowerCase(),
  binaryequals: (actual, wanted) => actual === wanted,
  ipaddress: (actual, wanted) => inside(actual, wanted),
};

const NEGATED: Readonly<Record<string, string>> = {
  stringnotequals: 'stringequals',
  stringnotequalsignorecase: 'stringequalsignorecase',
  stringnotlike: 'stringlike',
  arnnotequals: 'arnequals',
  arnnotlike: 'arnlike',
  numericnotequals: 'numericequals',
  datenotequals: 'dateequals',
  notipaddress: 'ipaddress',
};

interface Operator {
  readonly set: 'all' | 'any' | null;
  readonly test: Test | 'null';
  readonly negated: boolean;
  readonly ifExists: boolean;
}

/** Null of a name that IAM doesn't know. */
export function operatorOf(name: string): Operator | null {
  const match = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/i.exec(name);
  const base = (match?.[2] ?? '').toLowerCase();
  const positive = NEGATED[base];
  const test = base === 'null' ? 'null' : TESTS[positive ?? base];
  if (match === null || test === undefined) return null;
  const prefix = match[1]?.toLowerCase();
  return {
    set: prefix === undefined ? null : prefix === 'forallvalues' ? 'all' : 'any',
    test,
    negated: positive !== undefined,
    ifExists: match[3] !== undefined,
  };
}

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_multi-key-or-value-conditions.html */
export function holds({ operator: name, key, wanted }: Condition, values: Values, variables: Values | null): boolean {
  const operator = operatorOf(name);
  if (operator === null) return false;
  const { set, test, negated, ifExists } = operator;
  const actual = values.get(key.toLowerCase()) ?? [];
  if (test === 'null') return wanted.some((one) => (one.toLowerCase() === 'true') === (actual.length === 0));
  if (actual.length === 0) return ifExists || set === 'all' || (negated && set === null);
  const fits = (one: string): boolean => {
    const found = wanted.map((text) => test(one, text, variables));
    return negated ? found.every((is) => is === false) : found.includes(true);
  };
  if (set === 'all') return actual.every(fits);
  // A "not" of a key with many values holds only if no value is among the unwanted.
  return set === null && negated ? actual.every(fits) : actual.some(fits);
}

function inside(address: string, range: string): boolean {
  const [base = '', bits] = range.split('/');
  const family = isIP(base);
  if (family === 0 || isIP(address) !== family) return false;
  const list = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const prefix = bits === undefined ? (family === 4 ? 32 : 128) : Number(bits);
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > (family === 4 ? 32 : 128)) return false;
  list.addSubnet(base, prefix, type);
  return list.check(address, type);
}
