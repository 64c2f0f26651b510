import { hash32 } from '../../core/rng.js';
import { DeployError } from './errors.js';
import { isList, type Json } from './json.js';
import type { ParameterDeclaration, Template } from './template.js';

/** Something that a rehearsal does otherwise than AWS, or not at all. */
export interface Note {
  /** Null: the stack as a whole. */
  readonly logicalId: string | null;
  readonly text: string;
}

/** Value of an SSM parameter; null: there is none. */
export type LookUp = (name: string) => Promise<string | null>;

/** Values of a template's parameters, checked. @throws DeployError */
export async function parameterValues(
  template: Template,
  given: Readonly<Record<string, string>>,
  lookUp: LookUp,
): Promise<{ readonly values: ReadonlyMap<string, Json>; readonly notes: readonly Note[] }> {
  const unknown = Object.keys(given).find((name) => !template.parameters.has(name));
  if (unknown !== undefined) throw wrong(`The template has no parameter ${unknown}.`);
  const values = new Map<string, Json>();
  const notes: Note[] = [];
  for (const [name, declared] of template.parameters) {
    const raw = Object.hasOwn(given, name) ? given[name] : declared.initial;
    if (raw === undefined) throw wrong(`The parameter ${name} has no default: give it a value.`);
    const text = isList(raw) ? raw.join(',') : String(raw);
    check(name, text, declared);
    const inner = /^AWS::SSM::Parameter::Value<(.+)>$/.exec(declared.type)?.[1];
    if (inner === undefined) {
      values.set(name, typed(name, text, declared.type));
      continue;
    }
    const stored = await lookUp(text);
    const made = stored === null ? madeUp(text, inner) : null;
    if (stored === null && made === null) {
      throw wrong(`The parameter ${name} reads ${text} from SSM, which isn't there: put it there, or give it a value.`);
    }
    if (made !== null) notes.push({ logicalId: name, text: `${text} is read from SSM by AWS; here it is ${made}.` });
    values.set(name, typed(name, stored ?? made ?? '', inner));
  }
  return { values, notes };
}

/** Newer than any that a template asks for. */
const BOOTSTRAP_VERSION = '30';

/** AWS's own public parameters. */
function madeUp(name: string, type: string): string | null {
  if (/^\/cdk-bootstrap\/[\w-]+\/version$/.test(name)) return BOOTSTRAP_VERSION;
  if (type === 'AWS::EC2::Image::Id' || /^\/aws\/service\/.*ami/.test(name)) return madeUpImage(name);
  return null;
}

/** An image id that nobody has, the same for the same name. */
export const madeUpImage = (name: string): string =>
  `ami-${[`${name}/1`, `${name}/2`, `${name}/3`]
    .map((text) => hash32(text).toString(16).padStart(8, '0'))
    .join('')
    .slice(0, 17)}`;

function typed(name: string, text: string, type: string): Json {
  if (type === 'Number') {
    if (text.trim() === '' || !Number.isFinite(Number(text))) throw wrong(`The parameter ${name} must be a number.`);
    return text;
  }
  if (type === 'CommaDelimitedList' || /^List<.+>$/.test(type)) {
    return text === '' ? [] : text.split(',').map((item) => item.trim());
  }
  return text;
}

function check(name: string, text: string, declared: ParameterDeclaration): void {
  const { allowedValues, allowedPattern, minLength, maxLength, minValue, maxValue, constraint } = declared;
  const refuse = (why: string): DeployError => wrong(`The parameter ${name} ${constraint ?? why}.`);
  if (allowedValues !== undefined && !allowedValues.some((one) => String(one) === text)) {
    throw refuse(`must be one of ${allowedValues.join(', ')}`);
  }
  if (allowedPattern !== undefined && !patternOf(name, allowedPattern).test(text)) {
    throw refuse(`must match ${allowedPattern}`);
  }
  if (text.length < (minLength ?? 0) || text.length > (maxLength ?? Number.POSITIVE_INFINITY)) {
    throw refuse(`must have ${minLength ?? 0} to ${maxLength ?? 'any number of'} characters`);
  }
  const number = Number(text);
  if (number < (minValue ?? Number.NEGATIVE_INFINITY) || number > (maxValue ?? Number.POSITIVE_INFINITY)) {
    throw refuse(`must be from ${minValue ?? 'any'} to ${maxValue ?? 'any'}`);
  }
}

/** CloudFormation's patterns are Java's; nearly all are JavaScript's, too. */
function patternOf(name: string, pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`);
  } catch (error) {
    throw new DeployError('UNSUPPORTED', `The AllowedPattern of ${name} can't be read: ${pattern}.`, null, error);
  }
}

const wrong = (message: string): DeployError => new DeployError('PARAMETER', message);
