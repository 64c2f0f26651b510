import { describe, expect, it } from 'vitest';
import { byteRange, readDecision, refusesWrite, writeCondition } from '../../../local/s3/conditions.js';

const version = { etag: 'abc', modifiedMs: Date.UTC(2026, 0, 2, 3, 4, 5) };
const earlier = 'Fri, 02 Jan 2026 03:04:04 GMT';
const same = 'Fri, 02 Jan 2026 03:04:05 GMT';

describe('conditions of writes', () => {
  const code = (headers: Record<string, string>, current = true): string | null =>
    refusesWrite(writeCondition(headers), current ? version : undefined, 'k')?.code ?? null;

  it('follow S3', () => {
    expect(code({})).toBeNull();
    expect(code({ 'if-none-match': '*' })).toBe('PreconditionFailed');
    expect(code({ 'if-none-match': '*' }, false)).toBeNull();
    expect(code({ 'if-match': '"abc"' })).toBeNull();
    expect(code({ 'if-match': 'abc' })).toBeNull();
    expect(code({ 'if-match': '"abd"' })).toBe('PreconditionFailed');
    expect(code({ 'if-match': '"abc"' }, false)).toBe('NoSuchKey');
    expect(code({ 'if-match': '*' }, false)).toBe('NoSuchKey');
  });

  it('that S3 lacks are refused', () => {
    expect(() => writeCondition({ 'if-none-match': '"abc"' })).toThrow(/not implemented/);
    expect(() => writeCondition({ 'if-none-match': '*', 'if-match': 'x' })).toThrow();
  });
});

describe('conditions of reads', () => {
  it('are looked at in the order of the RFC', () => {
    expect(readDecision({ 'if-match': '"abc"', 'if-unmodified-since': earlier }, version)).toBe('ok');
    expect(readDecision({ 'if-match': '"x", "y"' }, version)).toBe('failed');
    expect(readDecision({ 'if-unmodified-since': earlier }, version)).toBe('failed');
    expect(readDecision({ 'if-none-match': '"x", "abc"' }, version)).toBe('not-modified');
    expect(readDecision({ 'if-none-match': '"x"', 'if-modified-since': same }, version)).toBe('ok');
    expect(readDecision({ 'if-modified-since': same }, version)).toBe('not-modified');
    expect(readDecision({ 'if-modified-since': earlier }, version)).toBe('ok');
    expect(readDecision({ 'if-modified-since': 'nonsense' }, version)).toBe('ok');
  });
});

describe('ranges', () => {
  it('are cut to the object, ignored when malformed, refused when outside', () => {
    expect(byteRange('bytes=0-3', 10)).toEqual({ first: 0, last: 3 });
    expect(byteRange('bytes=8-99', 10)).toEqual({ first: 8, last: 9 });
    expect(byteRange('bytes=-4', 10)).toEqual({ first: 6, last: 9 });
    expect(byteRange('bytes=-40', 10)).toEqual({ first: 0, last: 9 });
    expect(byteRange('bytes=5-', 10)).toEqual({ first: 5, last: 9 });
    for (const odd of [undefined, 'bytes=-', 'bytes=5-3', 'lines=1-2', 'bytes=0-1,4-5'])
      expect(byteRange(odd, 10)).toBeNull();
    for (const outside of ['bytes=10-', 'bytes=-0']) expect(() => byteRange(outside, 10)).toThrow(/satisfiable/);
  });
});
