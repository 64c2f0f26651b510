import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classify, isCapacity, isUnknown, kindOfCode } from '../../aws/errors.js';

const sdkError = (name: string, httpStatusCode?: number) =>
  Object.assign(new Error('m'), { name, ...(httpStatusCode === undefined ? {} : { $metadata: { httpStatusCode } }) });

describe('error kinds', () => {
  it('the code decides before the status', () => {
    expect(isCapacity(classify(sdkError('InsufficientInstanceCapacity', 500)))).toBe(true);
    expect(classify(sdkError('RequestLimitExceeded', 503)).kind).toBe('throttle');
  });

  it.each(['ParameterNotFound', 'ResourceNotFoundException', 'TargetGroupNotFoundException', 'NoSuchKey'])(
    '%s is not found',
    (code) => expect(kindOfCode(code)).toBe('not-found'),
  );

  it.each(['ThrottlingException', 'Throttling', 'TooManyRequestsException', 'SlowDown'])('%s is a throttle', (code) =>
    expect(kindOfCode(code)).toBe('throttle'),
  );

  it('a connection that broke says nothing of the call', () => {
    for (const code of ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNREFUSED']) {
      expect(isUnknown(classify(Object.assign(new Error('x'), { code })))).toBe(true);
    }
  });

  it('credentials that ran out work again later', () => {
    expect(classify(sdkError('ExpiredTokenException', 400)).kind).toBe('throttle');
  });

  it('an object that cannot become text is no trouble', () => {
    expect(classify({ toString: '' })).toEqual({ kind: 'unknown', code: 'Unknown', message: 'no message' });
    expect(classify(Object.create(null)).kind).toBe('unknown');
  });

  it('never throws, whatever was thrown', () => {
    fc.assert(
      fc.property(fc.anything(), (thrown) => {
        const { kind, code, message } = classify(thrown);
        expect(typeof kind).toBe('string');
        expect(code.length).toBeGreaterThan(0);
        expect(message.length).toBeLessThanOrEqual(500);
      }),
    );
  });
});
