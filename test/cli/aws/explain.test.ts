import { describe, expect, it } from 'vitest';
import { rememberCall } from '../../../aws/failed-call.js';
import { deniedAction } from '../../../aws/failure.js';
import { AwsFailure, explain } from '../../../cli/aws/explain.js';
import { UserError } from '../../../cli/user-error.js';

const AWS = { region: 'eu-central-1', endpoint: null, profile: null };
const LOCAL = { region: 'us-east-1', endpoint: 'http://127.0.0.1:4566', profile: null };
const DESCRIBE = { service: 'ec2', action: 'DescribeInstances', input: {} };

function failed(
  name: string,
  message: string,
  extra: object = {},
  call: Parameters<typeof rememberCall>[1] = DESCRIBE,
) {
  const error = Object.assign(new Error(message), { name }, extra);
  rememberCall(error, call);
  return error;
}

const told = (error: Error, where: Parameters<typeof explain>[1] = AWS): [string, string] => {
  const { name, message } = explain(error, where);
  return [name, message];
};

describe('an error of AWS in one sentence', () => {
  it.each<[string, Error, string]>([
    [
      'no credentials',
      failed('CredentialsProviderError', 'Could not load credentials from any providers'),
      'No AWS credentials were found; run aws configure',
    ],
    [
      'expired keys',
      failed('ExpiredTokenException', 'The security token included in the request is expired'),
      'have expired',
    ],
    [
      'an SSO session that ended',
      failed('CredentialsProviderError', "Token is expired. To refresh this SSO session run 'aws sso login'"),
      'The SSO session has ended; run: aws sso login',
    ],
    [
      'unknown keys',
      failed('InvalidClientTokenId', 'The security token included in the request is invalid'),
      "AWS doesn't know these credentials in eu-central-1",
    ],
    [
      'a wrong secret',
      failed('SignatureDoesNotMatch', 'The request signature we calculated does not match'),
      'the secret access key is wrong',
    ],
    [
      'a wrong clock',
      failed('SignatureDoesNotMatch', 'Signature expired: 20260117T1000Z is now earlier than'),
      'clock is off',
    ],
    [
      'a region that is not there',
      failed('Error', 'getaddrinfo ENOTFOUND ec2.eu-centrl-1.amazonaws.com', { code: 'ENOTFOUND' }),
      'AWS has no address in "eu-central-1"',
    ],
  ])('%s', (_, error, text) => {
    const [name, message] = told(error);
    expect(name).toBe('UserError');
    expect(message).toContain(text);
    expect(message).not.toMatch(/\n/);
  });

  it('throttling and silence are not the user’s to mend', () => {
    const throttled = failed('RequestLimitExceeded', 'Request limit exceeded.', { $metadata: { attempts: 4 } });
    expect(explain(throttled, AWS)).toBeInstanceOf(AwsFailure);
    expect(told(throttled)[1]).toContain(
      'AWS throttles ec2:DescribeInstances (RequestLimitExceeded), also after 4 attempts',
    );
    expect(told(failed('TimeoutError', 'timed out'))[1]).toBe(
      'No answer from AWS in eu-central-1 in time (TimeoutError); check the network.',
    );
  });

  it('a rehearsal that has ended, and an address that is none', () => {
    const refused = failed('Error', 'connect ECONNREFUSED', { code: 'ECONNREFUSED' });
    expect(told(refused, LOCAL)).toEqual([
      'UserError',
      expect.stringContaining('Nothing answers at http://127.0.0.1:4566; is the rehearsal still running?'),
    ]);
    const page = Object.assign(new SyntaxError('Unexpected token <'), { $response: {} });
    rememberCall(page, DESCRIBE);
    expect(told(page, LOCAL)[1]).toContain('answers, but not as AWS does');
  });

  it('passes on what is no error of a call', () => {
    const own = new Error('a bug');
    expect(explain(own, AWS)).toBe(own);
    const user = new UserError('wrong');
    expect(explain(user, AWS)).toBe(user);
  });

  it('names the call of an error that it does not know', () => {
    expect(
      told(failed('InvalidParameterValue', 'Value (x) is invalid. Long tail. More.', { $fault: 'client' }))[1],
    ).toBe('ec2:DescribeInstances failed in eu-central-1: Value (x) is invalid (InvalidParameterValue).');
  });
});

describe('a denied call', () => {
  it('EC2’s words hold the action', () => {
    const error = failed(
      'UnauthorizedOperation',
      'You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/ada is not authorized to perform: ec2:DescribeSpotPriceHistory because no identity-based policy allows the ec2:DescribeSpotPriceHistory action. Encoded authorization failure message: abc',
    );
    expect(deniedAction(error)).toEqual({
      action: 'ec2:DescribeSpotPriceHistory',
      resource: null,
      who: 'arn:aws:iam::123456789012:user/ada',
      explicit: false,
    });
    expect(told(error)).toEqual([
      'UserError',
      expect.stringContaining(
        'arn:aws:iam::123456789012:user/ada may not call ec2:DescribeSpotPriceHistory. No policy allows it',
      ),
    ]);
  });

  it('others tell the resource, and an explicit deny', () => {
    const error = failed(
      'AccessDeniedException',
      'User: arn:aws:sts::123456789012:assumed-role/ops/ada is not authorized to perform: ssm:GetParameter on resource: arn:aws:ssm:eu-central-1:123456789012:parameter/synkti/web/spec with an explicit deny in a service control policy',
    );
    expect(deniedAction(error)).toMatchObject({
      action: 'ssm:GetParameter',
      resource: 'arn:aws:ssm:eu-central-1:123456789012:parameter/synkti/web/spec',
      explicit: true,
    });
  });

  it('S3’s bare refusal is named after the call', () => {
    const call = { service: 's3', action: 'ListObjectsV2', input: { Bucket: 'logs' } };
    expect(deniedAction(failed('AccessDenied', 'Access Denied', {}, call))).toMatchObject({
      action: 's3:ListBucket',
      resource: 'arn:aws:s3:::logs',
    });
  });

  it('is none of another error', () => {
    expect(deniedAction(failed('RequestLimitExceeded', 'slow'))).toBeNull();
  });
});
