import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changedProperties, changeOf } from '../../../local/cloudformation/diff.js';
import { creationOrder, dependencyGraph } from '../../../local/cloudformation/graph.js';
import { type Json, type JsonObject, sameJson } from '../../../local/cloudformation/json.js';
import { parseTemplate } from '../../../local/cloudformation/template.js';

const graphOf = (resources: Record<string, object>) =>
  dependencyGraph(parseTemplate({ Resources: resources }).resources, (condition) => condition === 'Yes');
const resource = (properties: object, more: object = {}) => ({ Type: 'A::B::C', Properties: properties, ...more });

describe('the graph', () => {
  test('sees every way to need a resource', () => {
    const graph = graphOf({
      A: resource({}),
      B: resource({}),
      C: resource({}),
      D: resource({}),
      E: resource({}),
      Needy: resource(
        {
          ref: { Ref: 'A' },
          deep: [{ x: { 'Fn::Join': ['', [{ 'Fn::GetAtt': ['B', 'Arn'] }]] } }],
          sub: { 'Fn::Sub': `\${C.Arn}-\${!E}-\${AWS::Region}` },
          own: { 'Fn::Sub': [`\${E}`, { E: 'mine' }] },
        },
        { DependsOn: 'D' },
      ),
    });
    expect([...(graph.get('Needy') ?? [])].sort()).toEqual(['A', 'B', 'C', 'D']);
  });

  test('takes only the branch that is taken', () => {
    const either = { 'Fn::If': ['Yes', { Ref: 'A' }, { Ref: 'B' }] };
    expect([...(graphOf({ A: resource({}), B: resource({}), C: resource({ either }) }).get('C') ?? [])]).toEqual(['A']);
  });

  test('names a circle', () => {
    const circle = {
      A: resource({ x: { Ref: 'B' } }),
      B: resource({}, { DependsOn: ['C'] }),
      C: resource({ y: { Ref: 'A' } }),
    };
    expect(() => creationOrder(graphOf(circle))).toThrow('in a circle: A -> B -> C -> A');
    expect(() => graphOf({ A: resource({ x: { Ref: 'A' } }) })).toThrow('A needs itself');
  });

  test('puts everything after what it needs', () => {
    const dag = fc.array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(dag, fc.infiniteStream(fc.nat()), (needs, stream) => {
        // Each needs only some of those before it; then they are shuffled.
        const ids = needs.map((_, i) => `R${i}`);
        const graph = needs.map((some, i): [string, ReadonlySet<string>] => [
          `R${i}`,
          new Set(i === 0 ? [] : some.map((n) => `R${n % i}`)),
        ]);
        const keys = new Map(ids.map((id) => [id, stream.next().value]));
        graph.sort(([a], [b]) => (keys.get(a) ?? 0) - (keys.get(b) ?? 0));
        const order = creationOrder(new Map(graph));
        expect([...order].sort()).toEqual([...ids].sort());
        for (const [id, needed] of graph) {
          for (const one of needed) expect(order.indexOf(one)).toBeLessThan(order.indexOf(id));
        }
      }),
    );
  });
});

describe('changes', () => {
  const handler = { immutable: ['Name'], changeable: true };
  const was = { type: 'A', properties: { Name: 'x', Size: 1, List: [{ a: 1, b: 2 }] } };

  test('the order of members is no change', () => {
    const same = { type: 'A', properties: { List: [{ b: 2, a: 1 }], Size: 1, Name: 'x' } };
    expect(changeOf(was, same, handler)).toEqual({ kind: 'none' });
  });

  test('a change is an update, a replacement where it must be', () => {
    const bigger = { ...was, properties: { ...was.properties, Size: 2, More: true } };
    expect(changeOf(was, bigger, handler)).toEqual({ kind: 'update', properties: ['More', 'Size'] });
    expect(changeOf(was, bigger, { immutable: [], changeable: false }).kind).toBe('replace');
    const renamed = { ...was, properties: { ...was.properties, Name: 'y', Size: 2 } };
    expect(changeOf(was, renamed, handler)).toEqual({ kind: 'replace', because: "Name can't be changed" });
    expect(changeOf(was, { ...was, type: 'B' }, handler)).toEqual({ kind: 'replace', because: 'its type was A' });
  });

  test('sameness is that of the values', () => {
    const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;
    fc.assert(fc.property(json, (one) => sameJson(one, structuredClone(one))));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), json), fc.string(), json, (before, name, value) => {
        const after: JsonObject = { ...before, [name]: value };
        const changed = changedProperties(before, after);
        expect(changed).toEqual(Object.hasOwn(before, name) && sameJson(before[name], value) ? [] : [name]);
      }),
    );
  });
});
