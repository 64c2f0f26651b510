import { AwsError } from '../wire/error.js';

/**
 * EventBridge's event patterns, compiled once and run on each event. Written here since no maintained package does it
 * with the errors that PutRule must answer with.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */
export type Matcher = (event: unknown) => boolean;

const MAX_PATTERN_CHARACTERS = 4096;
const MAX_DEPTH = 20;

/** @throws AwsError `InvalidEventPatternException` */
export function compilePattern(text: string): Matcher {
  if (text.length > MAX_PATTERN_CHARACTERS) throw invalid(`It is longer than ${MAX_PATTERN_CHARACTERS} characters`);
  let pattern: unknown;
  try {
    pattern = JSON.parse(text);
  } catch {
    throw invalid('It is not JSON');
  }
  if (!isObject(pattern) || Object.keys(pattern).length === 0)
    throw invalid('It must be a JSON object that is not empty');
  return object(pattern, 0);
}

type Json = Readonly<Record<string, unknown>>;
/** Tests the values of a field: none when the event doesn't have it. */
type LeafTest = (values: readonly unknown[]) => boolean;

const invalid = (why: string): AwsError =>
  new AwsError('InvalidEventPatternException', `Event pattern is not valid. ${why}`);

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function object(pattern: Json, depth: number): Matcher {
  if (depth > MAX_DEPTH) throw invalid('It nests too deep');
  const tests = Object.entries(pattern).map(([key, wanted]): Matcher => {
    if (key === '$or' && Array.isArray(wanted) && wanted.length >= 2 && wanted.every(isObject)) {
      const alternatives = wanted.map((one) => object(one, depth + 1));
      return (event) => alternatives.some((matches) => matches(event));
    }
    if (isObject(wanted)) {
      if (Object.keys(wanted).length === 0) throw invalid(`"${key}" is an empty object`);
      const inner = object(wanted, depth + 1);
      return (event) => {
        const values = fieldValues(event, key);
        // A field that is missing can still match `exists: false` further down.
        return values.length > 0 ? values.some(inner) : inner({});
      };
    }
    if (!Array.isArray(wanted)) throw invalid(`"${key}" must be an object or an array`);
    if (wanted.length === 0) throw invalid(`"${key}" is an empty array`);
    const alternatives = wanted.map((one) => leaf(key, one));
    return (event) => {
      const values = fieldValues(event, key).filter((value) => !isObject(value));
      return alternatives.some((matches) => matches(values));
    };
  });
  return (event) => tests.every((matches) => matches(event));
}

/** The values of a field: an array's elements, of every object in an array of objects. */
function fieldValues(event: unknown, key: string): readonly unknown[] {
  if (Array.isArray(event)) return event.flatMap((one) => fieldValues(one, key));
  if (!isObject(event) || !Object.hasOwn(event, key)) return [];
  const value = event[key];
  return Array.isArray(value) ? value : [value];
}

function leaf(key: string, wanted: unknown): LeafTest {
  if (!isObject(wanted)) {
    if (Array.isArray(wanted)) throw invalid(`"${key}" holds an array in an array`);
    return (values) => values.includes(wanted);
  }
  const [operator, ...others] = Object.keys(wanted);
  if (operator === undefined || others.length > 0) throw invalid(`"${key}" needs one operator in each object`);
  const argument = wanted[operator];
  if (operator === 'exists') {
    if (typeof argument !== 'boolean') throw invalid('exists must be true or false');
    return (values) => values.length > 0 === argument;
  }
  if (operator === 'anything-but') {
    const excluded = anythingBut(argument);
    // The field must be there, and none of its values may be an excluded one.
    return (values) => values.length > 0 && !values.some(excluded);
  }
  const test = operation(operator, argument);
  return (values) => values.some(test);
}

function anythingBut(argument: unknown): (value: unknown) => boolean {
  if (isObject(argument)) {
    const [operator, ...others] = Object.keys(argument);
    if (
      operator === undefined ||
      others.length > 0 ||
      !['prefix', 'suffix', 'wildcard', 'equals-ignore-case'].includes(operator)
    ) {
      throw invalid('anything-but takes prefix, suffix, wildcard or equals-ignore-case');
    }
    const given = argument[operator];
    const tests = (Array.isArray(given) ? given : [given]).map((one) => operation(operator, one));
    return (value) => tests.some((test) => test(value));
  }
  const list: readonly unknown[] = Array.isArray(argument) ? argument : [argument];
  if (list.length === 0 || list.some((one) => typeof one !== 'string' && typeof one !== 'number')) {
    throw invalid('anything-but takes a string, a number or a list of them');
  }
  return (value) => list.includes(value);
}

function operation(operator: string, argument: unknown): (value: unknown) => boolean {
  switch (operator) {
    case 'prefix':
    case 'suffix': {
      const ignoreCase = isObject(argument) && Object.keys(argument).join() === 'equals-ignore-case';
      const wanted = ignoreCase ? (argument as Json)['equals-ignore-case'] : argument;
      if (typeof wanted !== 'string') throw invalid(`${operator} takes a string`);
      const fold = (text: string): string => (ignoreCase ? text.toLowerCase() : text);
      return (value) =>
        typeof value === 'string' &&
        (operator === 'prefix' ? fold(value).startsWith(fold(wanted)) : fold(value).endsWith(fold(wanted)));
    }
    case 'equals-ignore-case': {
      if (typeof argument !== 'string') throw invalid('equals-ignore-case takes a string');
      return (value) => typeof value === 'string' && value.toLowerCase() === argument.toLowerCase();
    }
    case 'wildcard':
      return wildcard(argument);
    case 'numeric':
      return numeric(argument);
    case 'cidr':
      return cidr(argument);
    default:
      throw invalid(`Unrecognized match type ${operator.slice(0, 50)}`);
  }
}

function wildcard(argument: unknown): (value: unknown) => boolean {
  if (typeof argument !== 'string' || /\*\*/.test(argument)) throw invalid('wildcard takes a string without ** in it');
  const parts: string[] = [''];
  for (let i = 0; i < argument.length; i++) {
    const c = argument.charAt(i);
    if (c === '*') parts.push('');
    else if (c === '\\' && /[*\\]/.test(argument.charAt(i + 1))) parts[parts.length - 1] += argument.charAt(++i);
    else parts[parts.length - 1] += c;
  }
  return (value) => typeof value === 'string' && inOrder(value, parts);
}

/** Whether `text` is the parts in order with anything between: greedy from the left, the last part at the end. */
function inOrder(text: string, parts: readonly string[]): boolean {
  const [first = '', ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}

function numeric(argument: unknown): (value: unknown) => boolean {
  if (!Array.isArray(argument) || (argument.length !== 2 && argument.length !== 4)) {
    throw invalid('numeric takes one or two comparisons, such as [">", 0, "<=", 5]');
  }
  const tests: ((n: number) => boolean)[] = [];
  for (let i = 0; i < argument.length; i += 2) {
    const [comparison, bound]: unknown[] = [argument[i], argument[i + 1]];
    if (typeof bound !== 'number') throw invalid('numeric compares with numbers');
    switch (comparison) {
      case '=':
        tests.push((n) => n === bound);
        break;
      case '<':
        tests.push((n) => n < bound);
        break;
      case '<=':
        tests.push((n) => n <= bound);
        break;
      case '>':
        tests.push((n) => n > bound);
        break;
      case '>=':
        tests.push((n) => n >= bound);
        break;
      default:
        throw invalid(`numeric doesn't know the comparison ${String(comparison).slice(0, 20)}`);
    }
  }
  return (value) => typeof value === 'number' && tests.every((test) => test(value));
}

function cidr(argument: unknown): (value: unknown) => boolean {
  const match = typeof argument === 'string' ? /^([\d.]+)\/(\d{1,2})$/.exec(argument) : null;
  const network = ipv4(match?.[1]);
  const bits = Number(match?.[2]);
  if (network === null || bits > 32) throw invalid('cidr takes an IPv4 block such as 10.0.0.0/24');
  const size = 2 ** (32 - bits);
  return (value) => {
    const address = ipv4(value);
    return address !== null && Math.floor(address / size) === Math.floor(network / size);
  };
}

function ipv4(text: unknown): number | null {
  if (typeof text !== 'string' || !/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return null;
  const octets = text.split('.').map(Number);
  return octets.some((octet) => octet > 255) ? null : octets.reduce((sum, octet) => sum * 256 + octet, 0);
}
