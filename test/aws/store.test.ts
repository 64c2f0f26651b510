import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStore, type Store } from '../../aws/store.js';
import { createTransfer, type Transfer } from '../../aws/transfer.js';
import { createS3, type S3 } from '../../local/s3/service.js';
import { type Endpoint, startEndpoint } from '../../local/wire/server.js';
import { startScriptedAws } from './scripted-aws.js';

const NOW = Date.UTC(2026, 3, 5, 6, 7, 8, 900);
const config = (endpoint: string) => ({
  region: 'us-east-1',
  endpoint,
  bucket: 'tasks-bucket',
  credentials: async () => ({ accessKeyId: 'AKIATEST', secretAccessKey: 'secret' }),
});

let directory = '';
let s3: S3;
let endpoint: Endpoint;
let store: Store;
let transfer: Transfer;
/** Actions whose answer is cut off after the act. */
const lost = new Set<string>();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'store-'));
  s3 = createS3({ directory, wallClock: () => NOW, uploadBytesPerSecond: 1_000_000 });
  s3.createBucket('tasks-bucket');
  endpoint = await startEndpoint({
    host: '127.0.0.1',
    port: 0,
    services: [s3.service],
    principalOf: (accessKeyId) =>
      accessKeyId === 'AKIATEST' ? { kind: 'node', instanceId: 'i-1', roleArn: '' } : { kind: 'user', accessKeyId },
    faults: { refuse: () => null, loseReply: (_service, action) => lost.has(action) },
  });
  store = createStore(config(endpoint.url));
  transfer = createTransfer(config(endpoint.url));
});
afterAll(async () => {
  store.close();
  transfer.close();
  await endpoint.close();
  await rm(directory, { recursive: true, force: true });
});

const put = (key: string, body: string, etag?: string | null) =>
  store.call({ op: 'put', key, body, ...(etag === undefined ? {} : { etag }) }, 5_000);
const kindOf = (outcome: Awaited<ReturnType<typeof put>>) => (outcome.ok ? 'ok' : outcome.error.kind);

describe("the store of tasks, over the local cloud's S3", () => {
  it("lists a page in key order with S3's own time and whole seconds", async () => {
    for (const key of ['tasks/open/b', 'tasks/open/a', 'tasks/open/c', 'tasks/lease/a']) await put(key, '{}');
    const listed = await store.call({ op: 'list', prefix: 'tasks/open/', after: 'tasks/open/a' }, 5_000);
    if (!listed.ok) throw new Error(listed.error.message);
    expect(listed.value.entries.map(({ key }) => key)).toEqual(['tasks/open/b', 'tasks/open/c']);
    expect(listed.value).toMatchObject({ nowMs: NOW - 900, more: false });
    expect(listed.value.entries[0]).toMatchObject({ bytes: 2, modifiedMs: NOW - 900 });
  });

  it('says that there is more, and refuses an answer without a time', async () => {
    const body = '<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>';
    const date = { date: 'Mon, 06 Apr 2026 00:00:00 GMT' };
    const xml = { 'content-type': 'application/xml' };
    const aws = await startScriptedAws((_call, n) => ({
      body,
      headers: n === 0 ? { ...xml, ...date } : { ...xml, date: '-' },
    }));
    const scripted = createStore(config(aws.endpoint));
    const list = () => scripted.call({ op: 'list', prefix: 'many/', after: null }, 5_000);
    expect(await list()).toEqual({ ok: true, value: { entries: [], nowMs: Date.UTC(2026, 3, 6), more: true } });
    expect(await list()).toMatchObject({ ok: false, error: { kind: 'unknown' } });
    scripted.close();
    await aws.close();
  });

  it('calls every lost condition a conflict: there already, changed, gone', async () => {
    const made = await put('lease', '1', null);
    if (!made.ok) throw new Error(made.error.message);
    expect(kindOf(await put('lease', '2', null))).toBe('conflict');
    const next = await put('lease', '2', made.value.etag);
    expect(kindOf(next)).toBe('ok');
    expect(kindOf(await put('lease', '3', made.value.etag))).toBe('conflict');
    expect(kindOf(await put('gone', '3', made.value.etag))).toBe('conflict');
    const read = await store.call({ op: 'get', key: 'lease' }, 5_000);
    expect(read).toEqual({ ok: true, value: { body: '2', etag: next.ok ? next.value.etag : '' } });
  });

  it('of many writers with one condition lets one win', async () => {
    const made = await Promise.all(Array.from({ length: 12 }, (_, n) => put('race', `${n}`, null)));
    expect(made.filter(({ ok }) => ok)).toHaveLength(1);
    const etag = made.flatMap((one) => (one.ok ? [one.value.etag] : []))[0] ?? '';
    const changed = await Promise.all(Array.from({ length: 12 }, (_, n) => put('race', `next ${n}`, etag)));
    expect(changed.map(kindOf).filter((kind) => kind === 'conflict')).toHaveLength(11);
  });

  it("deletes what is there and what isn't, and knows nothing of what isn't there", async () => {
    await put('doomed', 'x');
    expect(await store.call({ op: 'delete', keys: ['doomed', 'never'] }, 5_000)).toEqual({ ok: true, value: null });
    expect(await store.call({ op: 'get', key: 'doomed' }, 5_000)).toEqual({ ok: true, value: null });
  });

  it('calls a lost reply unknown, once, although the write took effect', async () => {
    lost.add('PutObject');
    const before = endpoint.history.counts().reduce((sum, { count }) => sum + count, 0);
    expect(kindOf(await put('silent', 'there', null))).toBe('unknown');
    lost.clear();
    expect(endpoint.history.counts().reduce((sum, { count }) => sum + count, 0)).toBe(before + 1);
    expect(await store.call({ op: 'get', key: 'silent' }, 5_000)).toMatchObject({ ok: true, value: { body: 'there' } });
  });

  it('lets a slow upload end in its time-out, and nothing of it arrives when its sender is gone', async () => {
    const slow = await store.call({ op: 'put', key: 'slow', body: 'x'.repeat(300_000) }, 50);
    expect(kindOf(slow)).toBe('unknown');
    const after = await put('quick', 'x');
    expect(kindOf(after)).toBe('ok');
    expect(s3.hasObject('tasks-bucket', 'slow')).toBe(false);
  });

  it("calls a missing bucket and a denial configuration, and doesn't read what is too long", async () => {
    const other = createStore({ ...config(endpoint.url), bucket: 'no-such-bucket' });
    expect(kindOf((await other.call({ op: 'put', key: 'k', body: '{}' }, 5_000)) as never)).toBe('configuration');
    other.close();
    await put('long', 'y'.repeat(1_048_577));
    const long = await store.call({ op: 'get', key: 'long' }, 5_000);
    expect(long).toMatchObject({ ok: false, error: { kind: 'configuration', code: 'TooLong' } });
  });

  it('takes the refusal of one key for the whole delete', async () => {
    const body = `<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>`;
    const aws = await startScriptedAws(() => ({ status: 200, body, headers: { 'content-type': 'application/xml' } }));
    const denied = createStore(config(aws.endpoint));
    const outcome = await denied.call({ op: 'delete', keys: ['a'] }, 5_000);
    expect(outcome).toMatchObject({ ok: false, error: { kind: 'configuration', code: 'AccessDenied' } });
    denied.close();
    await aws.close();
  });
});

describe('transfers', () => {
  const signal = AbortSignal.timeout(20_000);

  it('put with a digest at hand, in parts, and read in ranges', async () => {
    const data = Buffer.from('0123456789');
    const { createHash } = await import('node:crypto');
    await transfer.put('one', data, { signal, sha256: createHash('sha256').update(data).digest('hex') });
    expect((await transfer.get({ bucket: null, key: 'one' }, { first: 2, last: 4 }, 10, signal)).toString()).toBe(
      '234',
    );
    const part = Buffer.alloc(5 * 1_048_576, 7);
    const quick = createTransfer({
      ...config(endpoint.url),
      credentials: async () => ({ accessKeyId: 'AKIAOTHER', secretAccessKey: 'secret' }),
    });
    const id = await quick.createUpload('parts', signal);
    const parts = [
      await quick.putPart('parts', id, 1, part.subarray(0, 5 * 1_048_576), signal),
      await quick.putPart('parts', id, 2, data, signal),
    ];
    await quick.completeUpload('parts', id, parts, signal);
    const whole = await quick.get({ bucket: null, key: 'parts' }, null, 20 * 1_048_576, signal);
    expect(whole.equals(Buffer.concat([part, data]))).toBe(true);
    quick.close();
    await expect(transfer.get({ bucket: null, key: 'one' }, null, 5, signal)).rejects.toThrow(/longer/);
  }, 20_000);
});
