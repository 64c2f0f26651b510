import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createS3, type ObjectChange } from '../../../local/s3/service.js';
import type { Endpoint } from '../../../local/wire/server.js';
import { clientConfig, startTestEndpoint } from '../endpoint.js';

const changes: ObjectChange[] = [];
let directory: string;
let endpoint: Endpoint;
let client: S3Client;
const Bucket = 'synkti-test';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 's3-sdk-'));
  const s3 = createS3({ directory, inlineBytes: 64 * 1024, onChange: (change) => changes.push(change) });
  endpoint = await startTestEndpoint([s3.service]);
  client = new S3Client({ ...clientConfig(endpoint.url), forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket }));
});

afterAll(async () => {
  client.destroy();
  await endpoint.close();
  await rm(directory, { recursive: true, force: true });
});

const put = (Key: string, Body: string, more: object = {}) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
const get = (Key: string, more: object = {}) => client.send(new GetObjectCommand({ Bucket, Key, ...more }));
const md5 = (data: string | Buffer): string => createHash('md5').update(data).digest('hex');

describe('objects', () => {
  it('come back as they were stored, with ETag, metadata and a verified checksum', async () => {
    const stored = await put('dir/a b+ü.txt', 'hello', {
      ContentType: 'text/plain',
      CacheControl: 'no-store',
      Metadata: { seat: '3.17' },
    });
    expect(stored.ETag).toBe(`"${md5('hello')}"`);
    expect(stored.ChecksumCRC32).toBe('NhCmhg==');
    const read = await get('dir/a b+ü.txt', { ChecksumMode: 'ENABLED' });
    expect(await read.Body?.transformToString()).toBe('hello');
    expect(read).toMatchObject({
      ETag: stored.ETag,
      ContentType: 'text/plain',
      CacheControl: 'no-store',
      ContentLength: 5,
      Metadata: { seat: '3.17' },
      ChecksumCRC32: 'NhCmhg==',
    });
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'dir/a b+ü.txt' }));
    expect(head).toMatchObject({ ContentLength: 5, ETag: stored.ETag });
    expect(changes.at(-1)).toMatchObject({ type: 'put', bucket: Bucket, key: 'dir/a b+ü.txt', size: 5 });
  });

  it('that are large are read from their file, whole and in ranges', async () => {
    const body = 'x'.repeat(100_000) + 'y'.repeat(100_000);
    await put('large', body);
    expect(await (await get('large')).Body?.transformToString()).toBe(body);
    const part = await get('large', { Range: 'bytes=99998-100001' });
    expect(await part.Body?.transformToString()).toBe('xxyy');
    expect(part).toMatchObject({ ContentRange: 'bytes 99998-100001/200000', ContentLength: 4 });
    await expect(get('large', { Range: 'bytes=200000-' })).rejects.toMatchObject({ name: 'InvalidRange' });
  });

  it('may be empty', async () => {
    await put('empty', '', { ContentLength: 0 });
    expect(await (await get('empty')).Body?.transformToString()).toBe('');
  });

  it('that are not there are NoSuchKey, and NotFound for HEAD', async () => {
    await expect(get('nothing')).rejects.toMatchObject({ name: 'NoSuchKey', Key: 'nothing' });
    await expect(client.send(new HeadObjectCommand({ Bucket, Key: 'nothing' }))).rejects.toMatchObject({
      name: 'NotFound',
      $metadata: { httpStatusCode: 404 },
    });
    await expect(client.send(new GetObjectCommand({ Bucket: 'no-bucket', Key: 'k' }))).rejects.toMatchObject({
      name: 'NoSuchBucket',
    });
  });

  it('are refused when their digest is wrong', async () => {
    await expect(put('bad', 'hello', { ChecksumSHA256: Buffer.alloc(32).toString('base64') })).rejects.toMatchObject({
      name: 'BadDigest',
    });
    await expect(put('bad', 'hello', { ContentMD5: Buffer.alloc(16).toString('base64') })).rejects.toMatchObject({
      name: 'BadDigest',
    });
    await expect(get('bad')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  it.each(['CRC32', 'CRC32C', 'SHA1', 'SHA256'] as const)('accept what the SDK computes as %s', async (algorithm) => {
    await put(`sum-${algorithm}`, 'abc', { ChecksumAlgorithm: algorithm });
    const read = await get(`sum-${algorithm}`, { ChecksumMode: 'ENABLED' });
    expect(read[`Checksum${algorithm}`]).toBeTruthy();
  });

  it('are copied with their metadata, or with another', async () => {
    await put('source', 'data', { Metadata: { a: '1' } });
    const copied = await client.send(
      new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/source`, IfNoneMatch: '*' }),
    );
    expect(copied.CopyObjectResult?.ETag).toBe(`"${md5('data')}"`);
    expect((await get('copy')).Metadata).toEqual({ a: '1' });
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'source' }));
    expect(await (await get('copy')).Body?.transformToString()).toBe('data');
    const again = new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/copy` });
    await expect(client.send(again)).rejects.toMatchObject({ name: 'InvalidRequest' });
  });
});

describe('conditions', () => {
  it('of writes are kept: If-None-Match, If-Match, missing keys', async () => {
    const first = await put('seat', 'a', { IfNoneMatch: '*' });
    await expect(put('seat', 'b', { IfNoneMatch: '*' })).rejects.toMatchObject({
      name: 'PreconditionFailed',
      $metadata: { httpStatusCode: 412 },
    });
    const second = await put('seat', 'b', { IfMatch: first.ETag });
    await expect(put('seat', 'c', { IfMatch: first.ETag })).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await expect(put('no-seat', 'c', { IfMatch: first.ETag })).rejects.toMatchObject({ name: 'NoSuchKey' });
    const remove = (IfMatch?: string) => client.send(new DeleteObjectCommand({ Bucket, Key: 'seat', IfMatch }));
    await expect(remove(first.ETag)).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await remove(second.ETag);
    await expect(remove(second.ETag)).rejects.toMatchObject({ name: 'NoSuchKey' });
    await remove();
  });

  it('of reads answer 304 and 412', async () => {
    const { ETag } = await put('read', 'a');
    await expect(get('read', { IfNoneMatch: ETag })).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } });
    await expect(get('read', { IfMatch: '"other"' })).rejects.toMatchObject({ $metadata: { httpStatusCode: 412 } });
    expect((await get('read', { IfMatch: ETag })).ETag).toBe(ETag);
  });

  it('let one of many clients at once win', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => put('race', `${i}`, { IfNoneMatch: '*' })),
    );
    expect(results.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
  });
});

describe('lists', () => {
  it('page with prefix, delimiter and tokens, and take odd keys', async () => {
    const List = 'list-test';
    await client.send(new CreateBucketCommand({ Bucket: List }));
    const keys = ['a/1', 'a/2', 'b', 'c&<d>', 'e f', 'g/h/i'];
    for (const Key of keys) await client.send(new PutObjectCommand({ Bucket: List, Key, Body: 'x' }));
    const all = await client.send(new ListObjectsV2Command({ Bucket: List }));
    expect(all.Contents?.map((one) => one.Key)).toEqual(keys);
    expect(all).toMatchObject({ KeyCount: 6, IsTruncated: false });
    const seen: (string | undefined)[] = [];
    let token: string | undefined;
    do {
      const page = await client.send(
        new ListObjectsV2Command({ Bucket: List, Delimiter: '/', MaxKeys: 2, ContinuationToken: token }),
      );
      seen.push(
        ...[...(page.CommonPrefixes ?? []).map((one) => one.Prefix), ...(page.Contents ?? []).map((one) => one.Key)],
      );
      token = page.NextContinuationToken;
    } while (token !== undefined);
    expect(seen.sort()).toEqual(['a/', 'b', 'c&<d>', 'e f', 'g/']);
    const encoded = await client.send(new ListObjectsV2Command({ Bucket: List, Prefix: 'e', EncodingType: 'url' }));
    expect(encoded.Contents?.[0]?.Key).toBe('e%20f');
    const old = await client.send(new ListObjectsCommand({ Bucket: List, Prefix: 'a/', MaxKeys: 1, Delimiter: '/' }));
    expect(old).toMatchObject({ IsTruncated: true, NextMarker: 'a/1' });
    await expect(client.send(new ListObjectsV2Command({ Bucket: List, ContinuationToken: '!' }))).rejects.toMatchObject(
      {
        name: 'InvalidArgument',
      },
    );
    await expect(client.send(new DeleteBucketCommand({ Bucket: List }))).rejects.toMatchObject({
      name: 'BucketNotEmpty',
    });
    const gone = await client.send(
      new DeleteObjectsCommand({ Bucket: List, Delete: { Objects: [...keys, 'never'].map((Key) => ({ Key })) } }),
    );
    expect(gone.Deleted).toHaveLength(7);
    await client.send(new DeleteBucketCommand({ Bucket: List }));
    await expect(client.send(new HeadBucketCommand({ Bucket: List }))).rejects.toMatchObject({ name: 'NotFound' });
  });

  it('of buckets know what is there', async () => {
    const { Buckets } = await client.send(new ListBucketsCommand({}));
    expect(Buckets?.map((one) => one.Name)).toContain(Bucket);
    await expect(client.send(new CreateBucketCommand({ Bucket }))).rejects.toMatchObject({
      name: 'BucketAlreadyOwnedByYou',
    });
    await expect(client.send(new CreateBucketCommand({ Bucket: 'No_Good' }))).rejects.toMatchObject({
      name: 'InvalidBucketName',
    });
  });
});

describe('multipart uploads', () => {
  const large = Buffer.alloc(5 * 1024 * 1024, 'a');

  it('make one object of their parts, and honour If-None-Match at the end', async () => {
    const Key = 'upload';
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key, Metadata: { m: '1' } }));
    const bodies = [large, Buffer.from('tail')];
    const Parts: CompletedPart[] = [];
    for (const [index, Body] of bodies.entries()) {
      const part = { Bucket, Key, UploadId, PartNumber: index + 1 };
      const { ETag, ChecksumCRC32 } = await client.send(new UploadPartCommand({ ...part, Body }));
      Parts.push({ ETag, ChecksumCRC32, PartNumber: index + 1 });
    }
    const listed = await client.send(new ListPartsCommand({ Bucket, Key, UploadId, MaxParts: 1 }));
    expect(listed).toMatchObject({ IsTruncated: true, NextPartNumberMarker: '1' });
    const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket }));
    expect(uploads.Uploads?.map((one) => one.Key)).toEqual([Key]);
    const complete = (more: object = {}) =>
      client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ...more }));
    await put(Key, 'in the way');
    await expect(complete({ IfNoneMatch: '*' })).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await client.send(new DeleteObjectCommand({ Bucket, Key }));
    const done = await complete({ IfNoneMatch: '*' });
    const md5s = Buffer.concat(bodies.map((body) => createHash('md5').update(body).digest()));
    expect(done.ETag).toBe(`"${md5(md5s)}-2"`);
    const across = await get(Key, { Range: `bytes=${large.length - 2}-${large.length + 1}` });
    expect(await across.Body?.transformToString()).toBe('aata');
    expect(across.Metadata).toEqual({ m: '1' });
    await expect(complete()).rejects.toMatchObject({ name: 'NoSuchUpload' });
  });

  it('refuse small, unknown and unordered parts, and can be aborted', async () => {
    const Key = 'aborted';
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const upload = (PartNumber: number) =>
      client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body: `small ${PartNumber}` }));
    const [one, two] = [await upload(1), await upload(2)];
    const complete = (Parts: { ETag: string | undefined; PartNumber: number }[]) =>
      client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
    const [p1, p2] = [
      { ETag: one.ETag, PartNumber: 1 },
      { ETag: two.ETag, PartNumber: 2 },
    ];
    await expect(complete([p1, p2])).rejects.toMatchObject({ name: 'EntityTooSmall' });
    await expect(complete([p2, p1])).rejects.toMatchObject({ name: 'InvalidPartOrder' });
    await expect(complete([{ ...p1, ETag: '"no"' }])).rejects.toMatchObject({ name: 'InvalidPart' });
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
    await expect(upload(3)).rejects.toMatchObject({ name: 'NoSuchUpload' });
    await expect(get(Key)).rejects.toMatchObject({ name: 'NoSuchKey' });
  });
});

describe('what is not emulated', () => {
  it('is refused, not ignored', async () => {
    await put('tagged', 'x');
    await expect(client.send(new GetObjectTaggingCommand({ Bucket, Key: 'tagged' }))).rejects.toMatchObject({
      name: 'NotImplemented',
    });
    await expect(put('tagged', 'x', { Tagging: 'a=b' })).rejects.toMatchObject({ name: 'NotImplemented' });
  });
});
