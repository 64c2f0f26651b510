import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseReference, resolveDynamic } from '../../../local/cloudformation/dynamic.js';
import { physicalName } from '../../../local/cloudformation/names.js';
import { parameterValues } from '../../../local/cloudformation/parameters.js';
import { Props } from '../../../local/cloudformation/props.js';
import { secretStringOf } from '../../../local/cloudformation/secret-string.js';
import { parseTemplate } from '../../../local/cloudformation/template.js';

const values = async (parameters: object, given: Record<string, string> = {}) =>
  parameterValues(parseTemplate({ Parameters: parameters, Resources: {} }), given, async (name) =>
    name === '/mine' ? 'stored' : null,
  );

describe('parameters', () => {
  test('have their types', async () => {
    const { values: found, notes } = await values(
      {
        Text: { Type: 'String', Default: 'x' },
        List: { Type: 'CommaDelimitedList', Default: 'a, b' },
        Ids: { Type: 'List<AWS::EC2::Subnet::Id>' },
        Mine: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/mine' },
        Image: { Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>', Default: '/aws/service/ami-x' },
        Bootstrap: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/cdk-bootstrap/hnb659fds/version' },
      },
      { Ids: 'subnet-1,subnet-2', Text: 'y' },
    );
    expect(found.get('Text')).toBe('y');
    expect(found.get('List')).toEqual(['a', 'b']);
    expect(found.get('Ids')).toEqual(['subnet-1', 'subnet-2']);
    expect(found.get('Mine')).toBe('stored');
    expect(found.get('Image')).toMatch(/^ami-[0-9a-f]{17}$/);
    expect(notes.map(({ logicalId }) => logicalId)).toEqual(['Image', 'Bootstrap']);
  });

  test.each([
    [{ A: { Type: 'String' } }, {}, /A has no default/],
    [{}, { B: '1' }, /no parameter B/],
    [{ A: { Type: 'Number' } }, { A: 'x' }, /must be a number/],
    [{ A: { Type: 'Number', MaxValue: 3 } }, { A: '4' }, /from any to 3/],
    [{ A: { Type: 'String', AllowedValues: ['a', 'b'] } }, { A: 'c' }, /one of a, b/],
    [{ A: { Type: 'String', AllowedPattern: '[a-z]+' } }, { A: 'aB' }, /must match/],
    [{ A: { Type: 'String', MinLength: 3, ConstraintDescription: 'is too short' } }, { A: 'ab' }, /A is too short/],
    [{ A: { Type: 'AWS::SSM::Parameter::Value<String>' } }, { A: '/other' }, /\/other from SSM, which isn't there/],
  ])('%j with %j is refused', async (parameters, given, why) => {
    await expect(values(parameters, given as Record<string, string>)).rejects.toThrow(why);
  });
});

describe('dynamic references', () => {
  test('are read', () => {
    expect(parseReference('ssm:/a/b:3')).toEqual({ service: 'ssm', name: '/a/b', version: '3' });
    const arn = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:name-AbCdEf';
    const secret = { service: 'secretsmanager', secretId: arn, key: 'user', stage: null, versionId: null };
    expect(parseReference(`secretsmanager:${arn}:SecretString:user::`)).toEqual(secret);
    expect(parseReference('secretsmanager:name')).toEqual({ ...secret, secretId: 'name', key: null });
    for (const wrong of ['s3:x', 'ssm', 'ssm:a:1:2', 'secretsmanager:x:SecretBinary']) {
      expect(() => parseReference(wrong)).toThrow(/no dynamic reference/);
    }
  });

  test('are replaced wherever they stand, each looked up once', async () => {
    const asked: string[] = [];
    const found = await resolveDynamic({ a: ['x{{resolve:ssm:/p}}y{{resolve:ssm:/p}}'], b: 1 }, async (reference) => {
      asked.push(JSON.stringify(reference));
      return '$&';
    });
    expect(found).toEqual({ a: ['x$&y$&'], b: 1 });
    expect(asked).toHaveLength(1);
  });
});

describe('names', () => {
  test('fit, whatever the stack and the resource are called', () => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,127}$/);
    fc.assert(
      fc.property(
        name,
        fc.stringMatching(/^[A-Za-z0-9]{1,255}$/),
        fc.constantFrom(32, 63, 64, 128),
        (stack, id, max) => {
          const made = physicalName(stack, id, '0123456789ab', { maxLength: max });
          expect(made.length).toBeLessThanOrEqual(max);
          expect(made).toMatch(/^[A-Za-z].*-0123456789ab$/);
        },
      ),
    );
  });
});

describe('properties', () => {
  const props = (all: Record<string, never> | object) => new Props(all as Props['all'], 'R (T)', 'R');

  test('CloudFormation takes texts for numbers and truths', () => {
    const read = props({ a: '80', b: 'True', c: 5 });
    expect([read.number('a'), read.boolean('b'), read.text('c')]).toEqual([80, true, '5']);
    read.refuseUnread();
  });

  test('what nobody reads is named, inside of others, too', () => {
    const read = props({ known: 1, inner: { known: 1, odd: 2 } });
    read.number('known');
    read.struct('inner').number('known');
    expect(() => read.refuseUnread()).toThrow("R (T), inner: odd isn't emulated by the local cloud.");
  });

  test('wrong types are named', () => {
    expect(() => props({ a: 'x' }).number('a')).toThrow('R (T): a must be a number.');
    expect(() => props({ a: [] }).struct('a')).toThrow('a must be an object');
    expect(() => props({}).required('a')).toThrow('a must be given');
  });
});

describe('generated secrets', () => {
  const generate = (rules: object, seed = 1): string => {
    let state = seed;
    return secretStringOf(new Props(rules as Props['all'], 'S', 'S'), (below) => {
      state = (state * 48_271) % 2_147_483_647;
      return state % below;
    });
  };

  test("the construct's key is 43 letters and digits under its name", () => {
    const rules = {
      SecretStringTemplate: '{}',
      GenerateStringKey: 'primary',
      PasswordLength: 43,
      ExcludePunctuation: true,
      RequireEachIncludedType: false,
    };
    expect(JSON.parse(generate(rules)).primary).toMatch(/^[A-Za-z0-9]{43}$/);
  });

  test('every wanted kind of letter is in it, and no other', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 60 }), fc.integer({ min: 1, max: 1e6 }), (length, seed) => {
        const text = generate({ PasswordLength: length, ExcludeCharacters: 'abc"' }, seed);
        expect(text).toHaveLength(length);
        for (const kind of [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/]) expect(text).toMatch(kind);
        expect(text).not.toMatch(/[abc" ]/);
      }),
    );
    expect(() => generate({ PasswordLength: 2 })).toThrow(/can't be generated/);
  });
});
