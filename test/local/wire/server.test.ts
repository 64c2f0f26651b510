import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { AwsError } from '../../../local/wire/error.js';
import { jsonAction, jsonService } from '../../../local/wire/json-service.js';
import { type QueryAction, queryService } from '../../../local/wire/query-service.js';
import { type Endpoint, startEndpoint, virtualHostBucket } from '../../../local/wire/server.js';
import type { Service, WireRequest } from '../../../local/wire/service.js';
import { throttleError } from '../../../local/wire/throttle.js';

let endpoint: Endpoint;
let last: WireRequest | null = null;
let throttled = false;
let lost = false;

const echo: Service = {
  name: 's3',
  actionOf: () => 'Echo',
  handle: (request) => {
    last = request;
    return { status: 200, body: request.body };
  },
  error: (status, code, message) => ({ status, body: `<Error><Code>${code}</Code>${message}</Error>` }),
};

beforeAll(async () => {
  endpoint = await startEndpoint({
    host: '127.0.0.1',
    port: 0,
    maxBodyBytes: 1024,
    services: [
      echo,
      queryService({
        name: 'ec2',
        protocol: 'ec2',
        namespace: 'urn:ec2',
        actions: new Map<string, QueryAction>([
          [
            'Do',
            (params) => {
              const name = params.required('Name');
              params.refuseUnread();
              return { name };
            },
          ],
          [
            'Break',
            () => {
              throw new Error('a bug');
            },
          ],
        ]),
      }),
      queryService({
        name: 'elasticloadbalancing',
        protocol: 'query',
        namespace: 'urn:elb',
        actions: new Map([['Do', () => ({ a: 1 })]]),
      }),
      jsonService({
        name: 'ssm',
        targetPrefix: 'Ssm',
        actions: new Map([['Do', jsonAction(z.strictObject({ A: z.string() }), ({ A }) => ({ A }))]]),
      }),
    ],
    principalOf: (accessKeyId) => {
      if (accessKeyId === 'OLD') throw new AwsError('ExpiredToken', 'expired');
      return { kind: 'user', accessKeyId };
    },
    faults: { refuse: (service) => (throttled ? throttleError(service) : null), loseReply: () => lost },
  });
});

afterAll(() => endpoint.close());

const scope = (service: string, key = 'KEY') =>
  `AWS4-HMAC-SHA256 Credential=${key}/20260117/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=00`;

const call = (service: string | null, init: RequestInit & { key?: string } = {}, path = '/') =>
  fetch(endpoint.url + path, {
    method: 'POST',
    ...init,
    headers: { ...(service === null ? {} : { authorization: scope(service, init.key) }), ...init.headers },
  });

describe('routing', () => {
  test('by the signature; unsigned and malformed ones are refused', async () => {
    expect((await call(null)).status).toBe(403);
    expect(await (await call(null)).text()).toContain('<Code>MissingAuthenticationToken</Code>');
    const malformed = await fetch(endpoint.url, { headers: { authorization: 'AWS4-HMAC-SHA256 Credential=a/b' } });
    expect(await malformed.text()).toContain('IncompleteSignature');
    const unknown = await call('dynamodb', { headers: { 'x-amz-target': 'D.Get' }, body: '{}' });
    expect(await unknown.json()).toMatchObject({ __type: 'UnknownService' });
    expect((await call('s3', { key: 'OLD' })).status).toBe(400);
  });

  test('by the credential in a presigned query', async () => {
    const query = new URLSearchParams({ 'X-Amz-Credential': 'KEY/20260117/us-east-1/s3/aws4_request' });
    expect((await fetch(`${endpoint.url}/b/k?${query}`)).status).toBe(200);
    expect(last).toMatchObject({ service: 's3', path: '/b/k', principal: { kind: 'user', accessKeyId: 'KEY' } });
  });

  test('a bucket in the host comes into the path', async () => {
    expect(virtualHostBucket('my.bucket.s3.us-east-1.amazonaws.com:80')).toBe('my.bucket');
    expect(virtualHostBucket('bucket.localhost:4566')).toBe('bucket');
    expect(virtualHostBucket('127.0.0.1:4566')).toBeNull();
    expect(virtualHostBucket('localhost:4566')).toBeNull();
    await new Promise<void>((resolve, reject) => {
      const sent = httpRequest(
        `${endpoint.url}/key`,
        { headers: { host: 'bucket.s3.us-east-1.amazonaws.com', authorization: scope('s3') } },
        (response) => response.resume().on('end', resolve),
      );
      sent.on('error', reject).end();
    });
    expect(last?.path).toBe('/bucket/key');
  });
});

describe('protocols', () => {
  test('each answers and refuses in its own words', async () => {
    const ok = await (await call('ec2', { body: 'Action=Do&Version=x&Name=%26' })).text();
    expect(ok).toMatch(
      /<DoResponse xmlns="urn:ec2"><requestId>[0-9a-f-]{36}<\/requestId><name>&amp;<\/name><\/DoResponse>/,
    );
    expect(await (await call('ec2', { body: 'Action=Do&Name=a&Extra.1.B=c' })).text()).toMatch(
      /<Response><Errors><Error><Code>InvalidParameterValue<\/Code><Message>The parameter Extra.1.B /,
    );
    expect(await (await call('ec2', { body: 'Action=Nothing' })).text()).toContain('<Code>InvalidAction</Code>');
    expect(await (await call('elasticloadbalancing', { body: 'Action=Do' })).text()).toMatch(
      /<DoResponse xmlns="urn:elb"><DoResult><a>1<\/a><\/DoResult><ResponseMetadata><RequestId>/,
    );
    const json = (body: string) => call('ssm', { headers: { 'x-amz-target': 'Ssm.Do' }, body });
    expect(await (await json('{"A":"x"}')).json()).toEqual({ A: 'x' });
    expect(await (await json('{"A":"x","B":1}')).json()).toMatchObject({ __type: 'ValidationException' });
    expect(await (await json('{')).json()).toMatchObject({ __type: 'SerializationException' });
  });

  test('a bug in a service is an answer, not the end', async () => {
    const response = await call('ec2', { body: 'Action=Break' });
    expect(response.status).toBe(500);
    expect(await response.text()).toContain('<Code>InternalFailure</Code>');
  });

  test('throttling', async () => {
    throttled = true;
    try {
      const ec2 = await call('ec2', { body: 'Action=Do&Name=a' });
      expect(ec2.status).toBe(503);
      expect(await ec2.text()).toContain('<Code>RequestLimitExceeded</Code>');
      expect(await (await call('elasticloadbalancing', { body: 'Action=Do' })).text()).toContain(
        '<Code>Throttling</Code>',
      );
      expect(await (await call('s3')).text()).toContain('SlowDown');
      const ssm = await call('ssm', { headers: { 'x-amz-target': 'Ssm.Do' }, body: '{"A":"x"}' });
      expect(await ssm.json()).toMatchObject({ __type: 'ThrottlingException' });
    } finally {
      throttled = false;
    }
    expect(endpoint.history.counts()).toContainEqual(
      expect.objectContaining({ service: 'ec2', action: 'Do', code: 'RequestLimitExceeded' }),
    );
  });

  test('a lost reply: the act took place, the caller learns nothing', async () => {
    lost = true;
    last = null;
    await expect(call('s3', { body: 'x' })).rejects.toThrow();
    lost = false;
    expect(last).not.toBeNull();
    expect(endpoint.history.counts()).toContainEqual(expect.objectContaining({ service: 's3', code: 'ReplyLost' }));
  });
});

describe('bodies', () => {
  test('aws-chunked framing is taken off, trailers become headers', async () => {
    const body = '5;chunk-signature=aa\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n';
    const headers = {
      'content-encoding': 'aws-chunked',
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'x-amz-decoded-content-length': '11',
    };
    expect(await (await call('s3', { body, headers })).text()).toBe('hello world');
    expect(last?.headers['x-amz-checksum-crc32']).toBe('AAAA');
    expect(last?.headers['content-encoding']).toBeUndefined();
    for (const broken of ['5\r\nhel', 'zz\r\n', '5\r\nhelloXX0\r\n\r\n', '4\r\nhell\r\n0\r\n\r\n']) {
      const response = await call('s3', { body: broken, headers });
      expect(await response.text()).toContain('<Code>IncompleteBody</Code>');
    }
  });

  test('they are bounded', async () => {
    const response = await call('s3', { body: 'x'.repeat(1025) });
    expect(response.status).toBe(413);
  });

  test('garbage on the socket ends that connection only', async () => {
    const socket = connect(endpoint.port, '127.0.0.1');
    socket.end('\u0000\u0001garbage\r\n\r\n');
    await text(socket).catch(() => '');
    expect((await call('s3', { body: 'still here' })).status).toBe(200);
  });
});
