/** Values of a request's context, by lower-case key: IAM's keys know no case. */
export type Values = ReadonlyMap<string, readonly string[]>;

export function valuesOf(context: Readonly<Record<string, string | readonly string[]>>): Values {
  const values = new Map<string, readonly string[]>();
  for (const [key, value] of Object.entries(context)) {
    values.set(key.toLowerCase(), typeof value === 'string' ? [value] : value);
  }
  return values;
}

export interface PatternOptions {
  /** `*` and `?` are wildcards. */
  readonly wildcards: boolean;
  /** A wildcard stays within its part of an ARN; the sixth part is the rest. */
  readonly arn: boolean;
  readonly ignoreCase: boolean;
  /** Null: the policy's version knows no variables. */
  readonly variables: Values | null;
  /** What a variable without a value matches. Default `nothing`: then the whole text does not either. */
  readonly unresolved?: 'nothing' | 'anything';
}

/**
 * A policy's string as an expression that matches whole texts; null when a variable in it has no value, and then it
 * matches nothing. A variable's value is literal, whatever it holds.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */
export function compile(pattern: string, options: PatternOptions): RegExp | null {
  let source = '';
  let colons = 0;
  const literal = (text: string): void => {
    source += text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
    colons += text.split(':').length - 1;
  };
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] ?? '';
    if (options.variables !== null && char === '$' && pattern[at + 1] === '{') {
      const end = pattern.indexOf('}', at);
      if (end < 0) return null;
      const value = variable(pattern.slice(at + 2, end), options.variables);
      if (value !== null) literal(value);
      else if (options.unresolved === 'anything') source += '.*';
      else return null;
      at = end;
    } else if (options.wildcards && (char === '*' || char === '?')) {
      const one = options.arn && colons < 5 ? '[^:]' : '.';
      source += char === '*' ? `${one}*` : one;
    } else literal(char);
  }
  return new RegExp(`^${source}$`, options.ignoreCase ? 'is' : 's');
}

/** `key`, `key, 'default'`, or an escaped `*`, `?` or `$`. A key of many values can't stand in a text. */
function variable(text: string, values: Values): string | null {
  if (text === '*' || text === '?' || text === '$') return text;
  const match = /^\s*([^,\s]+)\s*(?:,\s*'(.*)'\s*)?$/.exec(text);
  const found = values.get((match?.[1] ?? '').toLowerCase());
  return found?.length === 1 ? (found[0] ?? null) : (match?.[2] ?? null);
}
