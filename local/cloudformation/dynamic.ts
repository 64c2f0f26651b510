/** Dynamic references: `{{resolve:ssm:...}}` and `{{resolve:secretsmanager:...}}`, resolved when a resource is made. */
import { DeployError } from './errors.js';
import { type Json, mapStrings, stringsIn } from './json.js';

export type DynamicReference =
  | { readonly service: 'ssm'; readonly name: string; readonly version: string | null }
  | {
      readonly service: 'secretsmanager';
      /** Name or ARN. */
      readonly secretId: string;
      /** Member of the secret's JSON; null: the whole text. */
      readonly key: string | null;
      readonly stage: string | null;
      readonly versionId: string | null;
    };

const PATTERN = /\{\{resolve:([^{}]+)\}\}/g;

/** @throws DeployError when it isn't one */
export function parseReference(inside: string): DynamicReference {
  const [service = '', ...parts] = inside.split(':');
  if (service === 'ssm' || service === 'ssm-secure') {
    const [name = '', version, ...rest] = parts;
    if (name !== '' && rest.length === 0) return { service: 'ssm', name, version: version ?? null };
  }
  if (service === 'secretsmanager') {
    // An ARN has six colons of its own.
    const length = parts[0] === 'arn' ? 7 : 1;
    const secretId = parts.slice(0, length).join(':');
    const [kind = '', key = '', stage = '', versionId = '', ...rest] = parts.slice(length);
    if (secretId !== '' && (kind === '' || kind === 'SecretString') && rest.length === 0) {
      return { service, secretId, key: orNull(key), stage: orNull(stage), versionId: orNull(versionId) };
    }
  }
  throw new DeployError('TEMPLATE', `{{resolve:${inside.slice(0, 200)}}} is no dynamic reference of CloudFormation.`);
}

const orNull = (text: string): string | null => (text === '' ? null : text);

/** Puts the values in the places of all references in a value. @throws DeployError, and what `look` throws */
export async function resolveDynamic(
  value: Json,
  look: (reference: DynamicReference) => Promise<string>,
): Promise<Json> {
  const found = new Map<string, string>();
  for (const text of stringsIn(value)) {
    for (const [whole, inside = ''] of text.matchAll(PATTERN)) {
      if (!found.has(whole)) found.set(whole, await look(parseReference(inside)));
    }
  }
  if (found.size === 0) return value;
  return mapStrings(value, (text) => text.replaceAll(PATTERN, (whole) => found.get(whole) ?? whole));
}
