import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type QueueStore, queueStore } from '../../../cli/tasks/store.js';
import { errorResponse } from '../../../local/s3/errors.js';
import { createS3 } from '../../../local/s3/service.js';
import type { Endpoint } from '../../../local/wire/server.js';
import type { Service } from '../../../local/wire/service.js';
import { clientConfig, startTestEndpoint } from '../../local/endpoint.js';

const Bucket = 'synkti-training';
let directory = '';
let endpoint: Endpoint;
let client: S3Client;
let store: QueueStore;
/** What IAM makes of a request: an action that is denied, and what is answered of what isn't there. */
let denied: (method: string, path: string) => boolean = () => false;
let hideAbsence = false;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'store-'));
  const s3 = createS3({ directory });
  const { handle } = s3.service;
  const service: Service = {
    ...s3.service,
    handle: async (request) => {
      const refusal = errorResponse(403, 'AccessDenied', 'Access Denied');
      if (denied(request.method, request.path)) return refusal;
      const answer = await handle(request);
      return hideAbsence && request.method === 'GET' && answer.status === 404 ? refusal : answer;
    },
  };
  endpoint = await startTestEndpoint([service]);
  client = new S3Client({ ...clientConfig(endpoint.url), forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket }));
  store = queueStore(client, Bucket, 10);
});

afterAll(async () => {
  client.destroy();
  await endpoint.close();
  await rm(directory, { recursive: true, force: true });
});

describe('the store', () => {
  it('writes on conditions', async () => {
    expect(await store.create('tasks/open/a', '1')).toBe(true);
    expect(await store.create('tasks/open/a', '2')).toBe(false);
    // The same again: a write whose reply was lost.
    expect(await store.create('tasks/open/a', '1')).toBe(true);
    const stored = await store.get('tasks/open/a');
    expect(await store.replace('tasks/open/a', '3', stored?.etag ?? '')).toBe(true);
    expect(await store.replace('tasks/open/a', '4', stored?.etag ?? '')).toBe(false);
    expect(await store.replace('tasks/open/none', '4', stored?.etag ?? '')).toBe(false);
    expect((await store.get('tasks/open/a'))?.body).toBe('3');
  });

  it('lists more than a page, with the time of the bucket', async () => {
    const keys = Array.from({ length: 35 }, (_, i) => `tasks/many/${String(i).padStart(5, '0')}`);
    await Promise.all(keys.map((key) => store.create(key, 'x')));
    const { entries, nowMs } = await store.list('tasks/many/');
    expect(entries.map(({ key }) => key)).toEqual(keys);
    expect(Math.abs(nowMs - Date.now())).toBeLessThan(5_000);
    const some = await store.listSome('tasks/many/', { pages: 2 });
    expect([some.entries.length, some.more]).toEqual([20, true]);
    const rest = await store.listSome('tasks/many/', { pages: 2, after: some.entries.at(-1)?.key });
    expect([rest.entries.map(({ key }) => key), rest.more]).toEqual([keys.slice(20), false]);
    await store.remove(keys);
    expect((await store.list('tasks/many/')).entries).toEqual([]);
  });

  it('takes 403 for absence only of what is not listed either', async () => {
    hideAbsence = true;
    expect(await store.get('tasks/open/none')).toBe(null);
    expect(await store.copy('tasks/open/none', async () => {})).toBe(false);
    denied = (method, path) => method === 'GET' && path.endsWith('/tasks/open/a');
    await expect(store.get('tasks/open/a')).rejects.toMatchObject({ name: 'AccessDenied' });
    denied = () => true;
    await expect(store.get('tasks/open/none')).rejects.toMatchObject({ name: 'AccessDenied' });
    denied = () => false;
    hideAbsence = false;
  });
});
