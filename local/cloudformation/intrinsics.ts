/**
 * CloudFormation's functions. Pure: what a name stands for comes from a `Scope`, so that the same code resolves a
 * resource's properties, a condition, and a template that nobody has deployed yet.
 */
import { DeployError } from './errors.js';
import { isList, isObject, type Json, type JsonObject } from './json.js';

export interface Scope {
  /** A parameter, pseudo parameter or resource. Undefined: nothing has this name. */
  ref(name: string): Json | typeof NO_VALUE | undefined;
  /** Undefined: nothing has this name. @throws DeployError for an attribute that isn't known */
  attribute(logicalId: string, attribute: string): Json | undefined;
  /** @throws DeployError */
  condition(name: string): boolean;
  readonly mappings: JsonObject;
  /** Names of the zones of the stack's Region. */
  readonly zones: readonly string[];
}

/** What `AWS::NoValue` stands for: the property or item isn't there. */
export const NO_VALUE: unique symbol = Symbol('AWS::NoValue');
export type Resolved = Json | typeof NO_VALUE;

/** Deeper is no template that CloudFormation takes. */
const MAX_DEPTH = 100;

/** Replaces every function in a value. @throws DeployError */
export function resolve(value: Json, scope: Scope, depth = 0): Resolved {
  if (depth > MAX_DEPTH) throw bad(`functions are nested deeper than ${MAX_DEPTH} levels`);
  if (isList(value)) {
    return value.map((item) => resolve(item, scope, depth + 1)).filter((item): item is Json => item !== NO_VALUE);
  }
  if (!isObject(value)) return value;
  const call = functionIn(value);
  if (call !== null) return apply(call.name, call.argument, scope, depth + 1);
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, item]): [string, Resolved] => [name, resolve(item, scope, depth + 1)])
      .filter((member): member is [string, Json] => member[1] !== NO_VALUE),
  );
}

/** As {@link resolve}, for a place where there must be a value. @throws DeployError */
export function resolveValue(value: Json, scope: Scope): Json {
  const resolved = resolve(value, scope);
  if (resolved === NO_VALUE) throw bad('AWS::NoValue stands where a value is needed');
  return resolved;
}

/** The function that an object stands for, if it is one. */
export function functionIn(value: JsonObject): { readonly name: string; readonly argument: Json } | null {
  const names = Object.keys(value);
  const [name] = names;
  if (names.length !== 1 || name === undefined || !(name === 'Ref' || name.startsWith('Fn::'))) return null;
  return { name, argument: value[name] ?? null };
}

/** Decides a condition. @throws DeployError */
export function evaluate(condition: Json, scope: Scope, depth = 0): boolean {
  if (depth > MAX_DEPTH) throw bad(`conditions are nested deeper than ${MAX_DEPTH} levels`);
  const inner = (one: Json): boolean => evaluate(one, scope, depth + 1);
  if (isObject(condition)) {
    const [name, ...others] = Object.keys(condition);
    const argument = condition[name ?? ''] ?? null;
    if (others.length === 0) {
      switch (name) {
        case 'Condition':
          return scope.condition(text(argument, 'Condition'));
        case 'Fn::Equals': {
          const [a, b] = list(argument, 'Fn::Equals', 2, 2);
          return String(resolveValue(a ?? null, scope)) === String(resolveValue(b ?? null, scope));
        }
        case 'Fn::And':
          return list(argument, name, 1, 10).every(inner);
        case 'Fn::Or':
          return list(argument, name, 1, 10).some(inner);
        case 'Fn::Not':
          return !list(argument, name, 1, 1).every(inner);
      }
    }
  }
  throw bad(`a condition is Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition, not ${shown(condition)}`);
}

function apply(name: string, argument: Json, scope: Scope, depth: number): Resolved {
  const value = (one: Json | undefined): Json => {
    const resolved = resolve(one ?? null, scope, depth);
    if (resolved === NO_VALUE) throw bad(`${name} got AWS::NoValue`);
    return resolved;
  };
  switch (name) {
    case 'Ref':
      return reference(text(argument, name), scope);
    case 'Fn::GetAtt': {
      const [id, attribute] = attributeOf(argument, value);
      return get(id, attribute, scope);
    }
    case 'Fn::Sub':
      return substitute(argument, scope, value);
    case 'Fn::Join': {
      const [delimiter, items] = list(argument, name, 2, 2);
      const parts = list(value(items), name, 0, 10_000).map((part) => scalar(part, name));
      return parts.join(text(delimiter ?? null, name));
    }
    case 'Fn::Split': {
      const [delimiter, source] = list(argument, name, 2, 2);
      const separator = text(delimiter ?? null, name);
      if (separator === '') throw bad('Fn::Split needs a delimiter');
      return scalar(value(source), name).split(separator);
    }
    case 'Fn::Select': {
      const [index, items] = list(argument, name, 2, 2);
      const all = list(value(items), name, 0, 100_000);
      const at = Number(value(index));
      const found = Number.isInteger(at) ? all[at] : undefined;
      if (found === undefined) throw bad(`Fn::Select has no item ${shown(value(index))} of ${all.length}`);
      return found;
    }
    case 'Fn::If': {
      const [condition, then, otherwise] = list(argument, name, 3, 3);
      return resolve((scope.condition(text(condition ?? null, name)) ? then : otherwise) ?? null, scope, depth);
    }
    case 'Fn::FindInMap': {
      const [map, top, second, options] = list(argument, name, 3, 4);
      const names = [map, top, second].map((one) => scalar(value(one), name));
      const found = names.reduce<Json | undefined>(
        (at, one) => (isObject(at) && Object.hasOwn(at, one) ? at[one] : undefined),
        scope.mappings,
      );
      if (found !== undefined) return found;
      if (isObject(options) && options.DefaultValue !== undefined) return value(options.DefaultValue);
      throw bad(`there is no ${names.join(' / ')} in the template's mappings`);
    }
    case 'Fn::Base64':
      return Buffer.from(scalar(value(argument), name)).toString('base64');
    case 'Fn::GetAZs':
      return [...scope.zones];
    case 'Fn::ImportValue':
      throw new DeployError(
        'UNSUPPORTED',
        `The template imports ${shown(value(argument))} from another stack: synthesize both into one stack, or give what it imports as a parameter.`,
      );
    case 'Fn::Equals':
    case 'Fn::And':
    case 'Fn::Or':
    case 'Fn::Not':
      return evaluate({ [name]: argument }, scope, depth);
    default:
      throw new DeployError('UNSUPPORTED', `The local cloud doesn't know the function ${name}.`);
  }
}

function reference(name: string, scope: Scope): Resolved {
  const found = scope.ref(name);
  if (found === undefined) throw bad(`nothing is called ${name}, which a Ref names`);
  return found;
}

function get(id: string, attribute: string, scope: Scope): Json {
  const found = scope.attribute(id, attribute);
  if (found === undefined) throw bad(`there is no resource ${id}, of which ${attribute} is asked`);
  return found;
}

/** `["Id", "Attribute.Of.It"]`, or the two with a dot between. */
export function attributeOf(argument: Json, value: (one: Json) => Json = (one) => one): [string, string] {
  if (typeof argument === 'string') {
    const dot = argument.indexOf('.');
    if (dot > 0) return [argument.slice(0, dot), argument.slice(dot + 1)];
  } else if (isList(argument) && argument.length === 2) {
    return [text(argument[0] ?? null, 'Fn::GetAtt'), scalar(value(argument[1] ?? null), 'Fn::GetAtt')];
  }
  throw bad(`Fn::GetAtt needs a logical id and an attribute, not ${shown(argument)}`);
}

/** `${Name}`, `${Id.Attribute}` and `${!Literal}`. */
const PLACE = /\$\{(!?)([^{}]*)\}/g;

/** Names in the text of a Fn::Sub. */
export function placesIn(source: string): string[] {
  return [...source.matchAll(PLACE)].flatMap(([, literal, name]) => (literal === '!' ? [] : [(name ?? '').trim()]));
}

function substitute(argument: Json, scope: Scope, value: (one: Json) => Json): string {
  const [source, given] = isList(argument) ? list(argument, 'Fn::Sub', 2, 2) : [argument, {}];
  if (!isObject(given)) throw bad('Fn::Sub needs an object of names');
  const names: JsonObject = given;
  return text(source ?? null, 'Fn::Sub').replaceAll(PLACE, (_whole, literal: string, inside: string) => {
    if (literal === '!') return `\${${inside}}`;
    const name = inside.trim();
    if (Object.hasOwn(names, name)) return scalar(value(names[name] ?? null), 'Fn::Sub');
    const dot = name.indexOf('.');
    const found = dot > 0 ? get(name.slice(0, dot), name.slice(dot + 1), scope) : reference(name, scope);
    if (found === NO_VALUE) throw bad('Fn::Sub got AWS::NoValue');
    return scalar(found, 'Fn::Sub');
  });
}

function list(value: Json, name: string, min: number, max: number): readonly Json[] {
  if (isList(value) && value.length >= min && value.length <= max) return value;
  throw bad(`${name} needs a list of ${min === max ? min : `${min} to ${max}`}, not ${shown(value)}`);
}

function text(value: Json, name: string): string {
  if (typeof value === 'string') return value;
  throw bad(`${name} needs a text, not ${shown(value)}`);
}

function scalar(value: Json, name: string): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw bad(`${name} needs a text, not ${shown(value)}`);
}

const shown = (value: Json): string => JSON.stringify(value).slice(0, 80);

const bad = (what: string): DeployError => new DeployError('TEMPLATE', `The template isn't right: ${what}.`);
