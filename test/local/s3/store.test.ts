import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createS3, type S3 } from '../../../local/s3/service.js';
import type { WireResponse } from '../../../local/wire/service.js';
import { eventually } from '../eventually.js';

/** Conditional writes under interleaving: handlers are called at once, so they overlap wherever they wait. */
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 's3-test-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

function newS3(inlineBytes: number): S3 {
  const s3 = createS3({ directory: join(directory, 'blobs'), inlineBytes });
  s3.createBucket('bucket');
  return s3;
}

async function call(
  s3: S3,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<WireResponse> {
  const [pathname = '', query = ''] = path.split('?');
  return await s3.service.handle({
    service: 's3',
    region: 'us-east-1',
    principal: { kind: 'user', accessKeyId: 'AKIA' },
    method,
    path: pathname,
    query: new URLSearchParams(query),
    headers,
    body: Buffer.from(body),
  });
}

describe('conditional writes', () => {
  // Bodies in memory, and bodies that go to files (where a write really waits).
  for (const inlineBytes of [1024, 0]) {
    const where = inlineBytes === 0 ? 'files' : 'memory';

    it(`of any number of If-None-Match writers exactly one wins (${where})`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 12 }), async (writers) => {
          const s3 = newS3(inlineBytes);
          const answers = await Promise.all(
            Array.from({ length: writers }, (_, i) =>
              call(s3, 'PUT', '/bucket/seat', { 'if-none-match': '*' }, `w${i}`),
            ),
          );
          const winners = answers.filter((answer) => answer.status === 200);
          expect(winners).toHaveLength(1);
          expect(answers.filter((answer) => answer.status === 412)).toHaveLength(writers - 1);
          const read = await call(s3, 'HEAD', '/bucket/seat');
          expect(read.headers?.etag).toBe(winners[0]?.headers?.etag);
        }),
        { numRuns: 30 },
      );
    });

    it(`a chain of compare-and-swap loses no update (${where})`, async () => {
      const s3 = newS3(inlineBytes);
      await call(s3, 'PUT', '/bucket/counter', {}, '0');
      const bump = async (): Promise<void> => {
        for (;;) {
          const read = await call(s3, 'GET', '/bucket/counter');
          const next = Number(await bodyText(read)) + 1;
          const wrote = await call(
            s3,
            'PUT',
            '/bucket/counter',
            { 'if-match': read.headers?.etag ?? '' },
            String(next),
          );
          if (wrote.status === 200) return;
          expect(wrote.status).toBe(412);
        }
      };
      await Promise.all(Array.from({ length: 8 }, bump));
      expect(await bodyText(await call(s3, 'GET', '/bucket/counter'))).toBe('8');
    });

    it(`answer as a model of one object does (${where})`, async () => {
      const step = fc.record({
        method: fc.constantFrom('PUT' as const, 'DELETE' as const),
        condition: fc.constantFrom('none', 'absent', 'any', 'current', 'stale'),
        body: fc.constantFrom('x', 'y', 'z'),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const s3 = newS3(inlineBytes);
          let model: string | null = null;
          for (const { method, condition, body } of steps) {
            if (method === 'DELETE' && condition === 'absent') continue;
            const answer = await call(s3, method, '/bucket/k', headersOf(condition, model), body);
            const expected = expectedStatus(method, condition, model);
            expect(answer.status).toBe(expected);
            if (expected === 200) model = body;
            if (expected === 204) model = null;
            const read = await call(s3, 'GET', '/bucket/k');
            expect(read.status === 200 ? await bodyText(read) : null).toBe(model);
          }
        }),
        { numRuns: 60 },
      );
    });
  }

  it('answer 409 when the key is deleted while a conditional write is under way, and nothing is written', async () => {
    const s3 = newS3(0);
    const before = await call(s3, 'PUT', '/bucket/k', {}, 'old');
    const swapping = call(s3, 'PUT', '/bucket/k', { 'if-match': before.headers?.etag ?? '' }, 'new');
    const removed = await call(s3, 'DELETE', '/bucket/k');
    expect(removed.status).toBe(204);
    const refused = await swapping;
    expect(refused.status).toBe(409);
    expect(String(refused.body)).toContain('<Code>ConditionalRequestConflict</Code>');
    expect((await call(s3, 'HEAD', '/bucket/k')).status).toBe(404);
  });

  it('leave no file behind, whether they win, lose or are deleted', async () => {
    const s3 = newS3(0);
    await Promise.all(
      Array.from({ length: 5 }, (_, i) => call(s3, 'PUT', '/bucket/k', { 'if-none-match': '*' }, `w${i}`)),
    );
    await call(s3, 'PUT', '/bucket/k', {}, 'again');
    await call(s3, 'DELETE', '/bucket/k');
    await eventually('no files', () => readdirSync(join(directory, 'blobs')).length === 0);
  });
});

const etagOf = (body: string): string => `"${createHash('md5').update(body).digest('hex')}"`;

function headersOf(condition: string, current: string | null): Record<string, string> {
  switch (condition) {
    case 'absent':
      return { 'if-none-match': '*' };
    case 'any':
      return { 'if-match': '*' };
    case 'current':
      return { 'if-match': etagOf(current ?? 'nothing') };
    case 'stale':
      return { 'if-match': etagOf('stale') };
    default:
      return {};
  }
}

function expectedStatus(method: 'PUT' | 'DELETE', condition: string, current: string | null): number {
  const done = method === 'PUT' ? 200 : 204;
  if (condition === 'none') return done;
  if (condition === 'absent') return current === null ? done : 412;
  if (current === null) return 404;
  return condition === 'stale' ? 412 : done;
}

async function bodyText(answer: WireResponse): Promise<string> {
  const { body } = answer;
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) return String(body ?? '');
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
