import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DeployError } from '../../../local/cloudformation/errors.js';
import { evaluate, NO_VALUE, resolve, resolveValue, type Scope } from '../../../local/cloudformation/intrinsics.js';
import type { Json } from '../../../local/cloudformation/json.js';

const NAMES = new Map<string, Json | typeof NO_VALUE>([
  ['Name', 'web'],
  ['Count', 3],
  ['List', ['x', 'y']],
  ['AWS::NoValue', NO_VALUE],
]);

const scope: Scope = {
  mappings: { Sizes: { small: { memory: 128, zones: ['a', 'b'] } } },
  zones: ['eu-west-1a', 'eu-west-1b'],
  ref: (name) => NAMES.get(name),
  attribute: (id, attribute) => (id === 'Bucket' ? `${attribute} of bucket` : undefined),
  condition: (name) => name === 'Yes',
};

const value = (template: Json): Json => resolveValue(template, scope);

describe('each function', () => {
  test.each<[string, Json, Json]>([
    ['Ref', { Ref: 'Name' }, 'web'],
    ['Ref to a list', { Ref: 'List' }, ['x', 'y']],
    ['GetAtt as list', { 'Fn::GetAtt': ['Bucket', 'Arn'] }, 'Arn of bucket'],
    ['GetAtt as text', { 'Fn::GetAtt': 'Bucket.Endpoint.Port' }, 'Endpoint.Port of bucket'],
    ['GetAtt by a Ref', { 'Fn::GetAtt': ['Bucket', { Ref: 'Name' }] }, 'web of bucket'],
    ['Join', { 'Fn::Join': ['-', ['a', { Ref: 'Count' }, true]] }, 'a-3-true'],
    ['Join over a Ref', { 'Fn::Join': [',', { Ref: 'List' }] }, 'x,y'],
    ['Split', { 'Fn::Split': ['-', 'a-b-'] }, ['a', 'b', '']],
    ['Select', { 'Fn::Select': ['1', { Ref: 'List' }] }, 'y'],
    ['Sub', { 'Fn::Sub': `x\${Name}-\${Count}-\${Bucket.Arn}` }, 'xweb-3-Arn of bucket'],
    ['Sub with a literal', { 'Fn::Sub': `\${!Name} $Name \${Name}` }, `\${Name} $Name web`],
    ['Sub with names of its own', { 'Fn::Sub': [`\${Own}/\${Name}`, { Own: { Ref: 'Count' } }] }, '3/web'],
    ['If', { 'Fn::If': ['Yes', { Ref: 'Name' }, { Ref: 'Missing' }] }, 'web'],
    ['If otherwise', { 'Fn::If': ['No', { Ref: 'Missing' }, 7] }, 7],
    ['FindInMap', { 'Fn::FindInMap': ['Sizes', 'small', 'memory'] }, 128],
    ['FindInMap by default', { 'Fn::FindInMap': ['Sizes', 'big', 'memory', { DefaultValue: 1 }] }, 1],
    ['Base64', { 'Fn::Base64': { Ref: 'Name' } }, 'd2Vi'],
    ['GetAZs', { 'Fn::GetAZs': '' }, ['eu-west-1a', 'eu-west-1b']],
    ['Equals as a value', { 'Fn::Equals': [1, '1'] }, true],
    [
      'a policy with a Condition',
      { Condition: { StringEquals: { a: 'b' } } },
      { Condition: { StringEquals: { a: 'b' } } },
    ],
  ])('%s', (_name, template, expected) => {
    expect(value(template)).toEqual(expected);
  });

  test('AWS::NoValue takes the member or item away', () => {
    expect(value({ a: { Ref: 'AWS::NoValue' }, b: [1, { 'Fn::If': ['No', 2, { Ref: 'AWS::NoValue' }] }] })).toEqual({
      b: [1],
    });
    expect(resolve({ Ref: 'AWS::NoValue' }, scope)).toBe(NO_VALUE);
  });

  test.each<[Json, RegExp]>([
    [{ Ref: 'Missing' }, /nothing is called Missing/],
    [{ 'Fn::GetAtt': ['Missing', 'Arn'] }, /no resource Missing/],
    [{ 'Fn::GetAtt': ['Missing'] }, /needs a logical id and an attribute/],
    [{ 'Fn::Select': [2, ['a', 'b']] }, /no item 2 of 2/],
    [{ 'Fn::Join': [',', 'a'] }, /needs a list/],
    [{ 'Fn::FindInMap': ['Sizes', 'big', 'memory'] }, /no Sizes \/ big \/ memory/],
    [{ 'Fn::FindInMap': ['Sizes', 'constructor', 'name'] }, /no Sizes/],
    [{ 'Fn::ImportValue': 'other:Vpc' }, /imports "other:Vpc" from another stack/],
    [{ 'Fn::Cidr': ['10.0.0.0/16', 2, 8] }, /doesn't know the function Fn::Cidr/],
    [{ 'Fn::Sub': `\${Missing}` }, /nothing is called Missing/],
  ])('%j is refused', (template, why) => {
    expect(() => value(template)).toThrow(DeployError);
    expect(() => value(template)).toThrow(why);
  });

  test('nesting has a bound', () => {
    let deep: Json = 'x';
    for (let i = 0; i < 200; i++) deep = { 'Fn::Base64': deep };
    expect(() => value(deep)).toThrow(/nested deeper/);
  });
});

describe('laws', () => {
  const plain = fc
    .jsonValue({ maxDepth: 4 })
    .filter((one) => !JSON.stringify(one).includes('"Fn::') && !JSON.stringify(one).includes('"Ref"'));

  test('a value without functions stays as it is', () => {
    fc.assert(
      fc.property(plain, (one) => {
        expect(value(one as Json)).toEqual(one);
      }),
    );
  });

  test('Split takes apart what Join put together', () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{0,5}$/), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(words, (parts) => {
        expect(value({ 'Fn::Split': ['|', { 'Fn::Join': ['|', parts] }] })).toEqual(parts);
      }),
    );
  });

  test('conditions are those of logic', () => {
    const condition: fc.Arbitrary<[Json, boolean]> = fc.letrec<{ one: [Json, boolean] }>((tie) => ({
      one: fc.oneof(
        { maxDepth: 5 },
        fc.boolean().map((yes): [Json, boolean] => [{ Condition: yes ? 'Yes' : 'No' }, yes]),
        fc.tuple(fc.nat(2), fc.nat(2)).map(([a, b]): [Json, boolean] => [{ 'Fn::Equals': [a, String(b)] }, a === b]),
        tie('one').map(([inner, yes]): [Json, boolean] => [{ 'Fn::Not': [inner] }, !yes]),
        fc
          .array(tie('one'), { minLength: 1, maxLength: 4 })
          .map((all): [Json, boolean] => [{ 'Fn::And': all.map(([inner]) => inner) }, all.every(([, yes]) => yes)]),
        fc
          .array(tie('one'), { minLength: 1, maxLength: 4 })
          .map((all): [Json, boolean] => [{ 'Fn::Or': all.map(([inner]) => inner) }, all.some(([, yes]) => yes)]),
      ),
    })).one;
    fc.assert(fc.property(condition, ([template, expected]) => evaluate(template, scope) === expected));
    expect(() => evaluate({ Ref: 'Name' }, scope)).toThrow(/a condition is/);
  });
});
