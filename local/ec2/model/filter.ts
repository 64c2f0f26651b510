import { AwsError } from '../../wire/error.js';
import type { Tags } from './types.js';

export interface Filter {
  readonly name: string;
  readonly values: readonly string[];
}

/** What a filter looks at in a thing: its values; none: the thing doesn't match. */
export type FilterFields<T> = Readonly<Record<string, (thing: T) => readonly string[]>>;

/** `*` and `?` stand for any characters and any one; a backslash takes their meaning away. Case counts. */
export function wildcard(pattern: string): (text: string) => boolean {
  let source = '';
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern.charAt(i);
    if (c === '*') source += source.endsWith('[^]*') ? '' : '[^]*';
    else if (c === '?') source += '[^]';
    else if (c === '\\' && i + 1 < pattern.length) source += escapeRegExp(pattern.charAt(++i));
    else source += escapeRegExp(c);
  }
  if ((source.match(/\*/g)?.length ?? 0) > 20)
    throw new AwsError('InvalidParameterValue', 'A filter has too many wildcards');
  const expression = new RegExp(`^${source}$`);
  return (text) => expression.test(text);
}

const escapeRegExp = (c: string): string => c.replace(/[.*+?^${}()|[\]\\/-]/, '\\$&');

/** All filters must match; of a filter's values one. @throws AwsError `InvalidParameterValue` for unknown names. */
export function matcher<T extends object>(filters: readonly Filter[], fields: FilterFields<T>): (thing: T) => boolean {
  const tests = filters.map(({ name, values }) => {
    if (values.length === 0)
      throw new AwsError('InvalidParameterValue', `The filter '${name.slice(0, 100)}' has no values`);
    const patterns = values.map(wildcard);
    const field = fieldOf(name, fields);
    return (thing: T): boolean => field(thing).some((value) => patterns.some((matches) => matches(value)));
  });
  return (thing) => tests.every((test) => test(thing));
}

function fieldOf<T extends object>(name: string, fields: FilterFields<T>): (thing: T) => readonly string[] {
  if (name.startsWith('tag:')) {
    const key = name.slice('tag:'.length);
    return (thing) => (Object.hasOwn(tagsOf(thing), key) ? [tagsOf(thing)[key] ?? ''] : []);
  }
  if (name === 'tag-key') return (thing) => Object.keys(tagsOf(thing));
  if (name === 'tag-value') return (thing) => Object.values(tagsOf(thing));
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (field === undefined) throw new AwsError('InvalidParameterValue', `The filter '${name.slice(0, 100)}' is invalid`);
  return field;
}

const tagsOf = (thing: object): Tags => ('tags' in thing ? (thing.tags as Tags) : {});
