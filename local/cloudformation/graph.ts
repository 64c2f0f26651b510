/** Who needs whom in a template, and the order that follows. Pure. */
import { DeployError } from './errors.js';
import { attributeOf, functionIn, placesIn } from './intrinsics.js';
import { isList, isObject, type Json } from './json.js';
import type { Resource } from './template.js';

/** For each resource the ones that must stand before it. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** `holds` decides the conditions: what stands in the branch that isn't taken doesn't count. @throws DeployError */
export function dependencyGraph(
  resources: ReadonlyMap<string, Resource>,
  holds: (condition: string) => boolean,
): Graph {
  return new Map(
    [...resources].map(([id, resource]) => {
      const needs = new Set<string>();
      const note = (name: string): void => {
        if (resources.has(name)) needs.add(name);
      };
      walk(resource.properties, holds, note);
      resource.dependsOn.forEach(note);
      if (needs.has(id)) throw new DeployError('TEMPLATE', `The resource ${id} needs itself.`, id);
      return [id, needs];
    }),
  );
}

/** Names that a value refers to, resources and parameters alike. */
export function referencesIn(value: Json, holds: (condition: string) => boolean = () => true): ReadonlySet<string> {
  const names = new Set<string>();
  walk(value, holds, (name) => names.add(name));
  return names;
}

function walk(value: Json, holds: (condition: string) => boolean, note: (name: string) => void): void {
  if (isList(value)) {
    for (const item of value) walk(item, holds, note);
    return;
  }
  if (!isObject(value)) return;
  const call = functionIn(value);
  const argument = call?.argument;
  switch (call?.name) {
    case 'Ref':
      if (typeof argument === 'string') note(argument);
      return;
    case 'Fn::GetAtt':
      note(attributeOf(argument ?? null)[0]);
      return;
    case 'Fn::Sub': {
      const source = isList(argument) ? argument[0] : argument;
      const given = isList(argument) ? argument[1] : undefined;
      for (const name of typeof source === 'string' ? placesIn(source) : []) {
        if (!isObject(given) || !Object.hasOwn(given, name)) note(name.split('.')[0] ?? '');
      }
      if (given !== undefined) walk(given, holds, note);
      return;
    }
    case 'Fn::If':
      if (isList(argument) && typeof argument[0] === 'string') {
        walk(argument[holds(argument[0]) ? 1 : 2] ?? null, holds, note);
        return;
      }
  }
  for (const item of Object.values(value)) walk(item, holds, note);
}

/** Every resource after all that it needs; else in the template's order. @throws DeployError that names a cycle */
export function creationOrder(graph: Graph): string[] {
  const order: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (id: string): void => {
    if (done.has(id)) return;
    const at = path.indexOf(id);
    if (at >= 0) {
      const cycle = [...path.slice(at), id].join(' -> ');
      throw new DeployError('TEMPLATE', `The template's resources need each other in a circle: ${cycle}.`, id);
    }
    path.push(id);
    for (const needed of graph.get(id) ?? []) visit(needed);
    path.pop();
    done.add(id);
    order.push(id);
  };
  for (const id of graph.keys()) visit(id);
  return order;
}
