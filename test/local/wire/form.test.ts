import fc from 'fast-check';
import { XMLParser } from 'fast-xml-parser';
import { describe, expect, test } from 'vitest';
import { Params } from '../../../local/wire/form.js';
import { writeXml } from '../../../local/wire/xml.js';

const parse = (text: string) => Params.parse(new URLSearchParams(text));

describe('form parameters', () => {
  test('structures and lists, in order of their numbers', () => {
    const params = parse('A.B=1&L.10=z&L.2=b&S.1.K=x&S.1.V=&M.member.1=p&N=true&T=2026-01-17T10:00:00Z');
    expect(params.struct('A').integer('B')).toBe(1);
    expect(params.strings('L')).toEqual(['b', 'z']);
    expect(params.structs('S').map((one) => [one.string('K'), one.string('V'), one.string('X')])).toEqual([
      ['x', '', undefined],
    ]);
    expect(params.strings('M')).toEqual(['p']);
    expect(params.boolean('N')).toBe(true);
    expect(params.time('T')).toBe(Date.parse('2026-01-17T10:00:00Z'));
    expect(() => params.refuseUnread()).not.toThrow();
  });

  test('what nobody read is named', () => {
    const params = parse('A.B.1.C=1&A.D=2');
    params.struct('A').string('D');
    expect(() => params.refuseUnread()).toThrow(/A\.B\.1\.C/);
    params.struct('A').markRead();
    expect(() => params.refuseUnread()).not.toThrow();
  });

  test.each(['N=1.5', 'N=x', 'N=', 'N=-1', 'N=99999999999999999999'])('%s is no count', (text) => {
    expect(() => parse(text).integer('N')).toThrow(/whole number/);
  });

  test('too much is refused', () => {
    expect(() => parse(`${'a.'.repeat(20)}b=1`)).toThrow(/nests/);
  });

  test('names of objects are nothing special', () => {
    const params = parse('__proto__.x=1&constructor=2&1.__proto__=3');
    expect(params.struct('__proto__').string('x')).toBe('1');
    expect(params.string('constructor')).toBe('2');
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe('XML', () => {
  test('any text comes back, but for what XML can not carry', () => {
    const parser = new XMLParser({ parseTagValue: false, trimValues: false });
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (value) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones in question
        fc.pre(value !== '' && !/[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/.test(value));
        expect(parser.parse(writeXml({ a: { b: value } }))).toMatchObject({ a: { b: value } });
      }),
      { numRuns: 50 },
    );
    expect(writeXml({ a: 'x\u0000y' })).toContain('<a>x\ufffdy</a>');
  });

  test('empty lists leave their wrapper, what is undefined leaves nothing', () => {
    expect(writeXml({ a: { set: { item: [] }, gone: undefined, no: null, f: false, n: 0 } })).toContain(
      '<a><set/><f>false</f><n>0</n></a>',
    );
  });
});
