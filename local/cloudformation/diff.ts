/** What an update of a stack has to do. Pure. */
import { type JsonObject, sameJson } from './json.js';

export type Change =
  | { readonly kind: 'none' }
  | { readonly kind: 'update'; readonly properties: readonly string[] }
  /** A new one is made first; the old one goes at the end of the update. */
  | { readonly kind: 'replace'; readonly because: string };

interface Described {
  readonly type: string;
  readonly properties: JsonObject;
}

/**
 * Compares resolved properties. `immutable`: properties whose change needs a new resource; `changeable` is false of a
 * type that can't be changed at all.
 */
export function changeOf(
  before: Described,
  after: Described,
  handler: { readonly immutable: readonly string[]; readonly changeable: boolean },
): Change {
  if (before.type !== after.type) return { kind: 'replace', because: `its type was ${before.type}` };
  const properties = changedProperties(before.properties, after.properties);
  if (properties.length === 0) return { kind: 'none' };
  const fixed = handler.changeable ? properties.find((name) => handler.immutable.includes(name)) : properties[0];
  return fixed === undefined
    ? { kind: 'update', properties }
    : { kind: 'replace', because: `${fixed} can't be changed` };
}

/** Sorted names of the properties that differ. */
export function changedProperties(before: JsonObject, after: JsonObject): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => !sameJson(before[name], after[name]))
    .sort();
}
