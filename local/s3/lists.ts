import type { WireRequest, WireResponse } from '../wire/service.js';
import type { XmlObject } from '../wire/xml.js';
import { s3Error } from './errors.js';
import { compareKeys, listPage } from './listing.js';
import { quoted } from './objects.js';
import { queryInteger } from './request.js';
import type { S3Context } from './service.js';
import type { Bucket } from './store.js';
import { urlEncoded, xmlResponse } from './xml.js';

export function listBuckets(context: S3Context): WireResponse {
  const buckets = [...context.store.buckets.values()].sort((a, b) => compareKeys(a.name, b.name));
  return xmlResponse('ListAllMyBucketsResult', {
    Owner: OWNER,
    Buckets: { Bucket: buckets.map(({ name, createdMs }) => ({ Name: name, CreationDate: new Date(createdMs) })) },
  });
}

const OWNER: XmlObject = {
  ID: '0000000000000000000000000000000000000000000000000000000000000000',
  DisplayName: 'local',
};

/** ListObjectsV2. */
export function listObjectsV2(context: S3Context, bucketName: string, request: WireRequest): WireResponse {
  const bucket = context.store.bucket(bucketName);
  const asked = readQuery(request);
  const token = request.query.get('continuation-token');
  const startAfter = request.query.get('start-after') ?? '';
  const page = listPage(bucket.sorted, { ...asked, after: token === null ? startAfter : fromToken(token) });
  const owner = request.query.get('fetch-owner') === 'true' ? OWNER : undefined;
  return xmlResponse('ListBucketResult', {
    Name: bucketName,
    Prefix: asked.encode(asked.prefix),
    Delimiter: asked.delimiter === '' ? undefined : asked.encode(asked.delimiter),
    MaxKeys: asked.maxKeys,
    EncodingType: asked.encodingType,
    KeyCount: page.keys.length + page.commonPrefixes.length,
    IsTruncated: page.next !== null,
    ContinuationToken: token ?? undefined,
    NextContinuationToken: page.next === null ? undefined : toToken(page.next),
    StartAfter: startAfter === '' ? undefined : asked.encode(startAfter),
    Contents: contents(bucket, page.keys, asked.encode, owner),
    CommonPrefixes: page.commonPrefixes.map((prefix) => ({ Prefix: asked.encode(prefix) })),
  });
}

/** ListObjects, version 1. */
export function listObjects(context: S3Context, bucketName: string, request: WireRequest): WireResponse {
  const bucket = context.store.bucket(bucketName);
  const asked = readQuery(request);
  const marker = request.query.get('marker') ?? '';
  const page = listPage(bucket.sorted, { ...asked, after: marker });
  return xmlResponse('ListBucketResult', {
    Name: bucketName,
    Prefix: asked.encode(asked.prefix),
    Marker: asked.encode(marker),
    Delimiter: asked.delimiter === '' ? undefined : asked.encode(asked.delimiter),
    MaxKeys: asked.maxKeys,
    EncodingType: asked.encodingType,
    IsTruncated: page.next !== null,
    // Without a delimiter, clients take the last key themselves.
    NextMarker: page.next === null || asked.delimiter === '' ? undefined : asked.encode(page.next),
    Contents: contents(bucket, page.keys, asked.encode, OWNER),
    CommonPrefixes: page.commonPrefixes.map((prefix) => ({ Prefix: asked.encode(prefix) })),
  });
}

/** Buckets keep one version of an object; its id is `null`. */
export function listObjectVersions(context: S3Context, bucketName: string, request: WireRequest): WireResponse {
  const bucket = context.store.bucket(bucketName);
  const asked = readQuery(request);
  const marker = request.query.get('key-marker') ?? '';
  const page = listPage(bucket.sorted, { ...asked, after: marker });
  return xmlResponse('ListVersionsResult', {
    Name: bucketName,
    Prefix: asked.encode(asked.prefix),
    KeyMarker: asked.encode(marker),
    Delimiter: asked.delimiter === '' ? undefined : asked.encode(asked.delimiter),
    MaxKeys: asked.maxKeys,
    EncodingType: asked.encodingType,
    IsTruncated: page.next !== null,
    NextKeyMarker: page.next === null ? undefined : asked.encode(page.next),
    NextVersionIdMarker: page.next === null ? undefined : 'null',
    Version: contents(bucket, page.keys, asked.encode, OWNER).map((one) => ({
      ...one,
      VersionId: 'null',
      IsLatest: true,
    })),
    CommonPrefixes: page.commonPrefixes.map((prefix) => ({ Prefix: asked.encode(prefix) })),
  });
}

export function listMultipartUploads(context: S3Context, bucketName: string, request: WireRequest): WireResponse {
  const bucket = context.store.bucket(bucketName);
  const prefix = request.query.get('prefix') ?? '';
  const maxUploads = queryInteger(request, 'max-uploads', 1000, 1, 1000);
  const keyMarker = request.query.get('key-marker') ?? '';
  const idMarker = request.query.get('upload-id-marker') ?? '';
  const uploads = [...bucket.uploads.values()]
    .filter((one) => one.key.startsWith(prefix))
    .sort((a, b) => compareKeys(a.key, b.key) || compareKeys(a.id, b.id))
    .filter(({ key, id }) => {
      if (keyMarker === '') return true;
      const order = compareKeys(key, keyMarker);
      return order > 0 || (order === 0 && idMarker !== '' && compareKeys(id, idMarker) > 0);
    });
  const shown = uploads.slice(0, maxUploads);
  const last = uploads.length > maxUploads ? shown.at(-1) : undefined;
  return xmlResponse('ListMultipartUploadsResult', {
    Bucket: bucketName,
    KeyMarker: keyMarker,
    UploadIdMarker: idMarker,
    NextKeyMarker: last?.key,
    NextUploadIdMarker: last?.id,
    Prefix: prefix,
    MaxUploads: maxUploads,
    IsTruncated: last !== undefined,
    Upload: shown.map(({ key, id, startedMs }) => ({
      Key: key,
      UploadId: id,
      Owner: OWNER,
      StorageClass: 'STANDARD',
      Initiated: new Date(startedMs),
    })),
  });
}

interface Asked {
  readonly prefix: string;
  readonly delimiter: string;
  readonly maxKeys: number;
  readonly encodingType: string | undefined;
  readonly encode: (key: string) => string;
}

function readQuery(request: WireRequest): Asked {
  const encodingType = request.query.get('encoding-type') ?? undefined;
  if (encodingType !== undefined && encodingType !== 'url') {
    throw s3Error('InvalidArgument', 'Invalid Encoding Method specified in Request');
  }
  return {
    prefix: request.query.get('prefix') ?? '',
    delimiter: request.query.get('delimiter') ?? '',
    maxKeys: Math.min(1000, queryInteger(request, 'max-keys', 1000, 0, 2_147_483_647)),
    encodingType,
    encode: encodingType === 'url' ? urlEncoded : (key) => key,
  };
}

function contents(
  bucket: Bucket,
  keys: readonly string[],
  encode: (key: string) => string,
  owner: XmlObject | undefined,
): XmlObject[] {
  return keys.flatMap((key) => {
    const object = bucket.objects.get(key);
    if (object === undefined) return [];
    return [
      {
        Key: encode(key),
        LastModified: wholeSeconds(object.modifiedMs),
        ETag: quoted(object.etag),
        ChecksumAlgorithm: object.checksum?.algorithm.toUpperCase(),
        ChecksumType: object.checksum?.type,
        Size: object.size,
        Owner: owner,
        StorageClass: 'STANDARD',
      },
    ];
  });
}

/** S3 keeps no fractions of a second. */
const wholeSeconds = (ms: number): Date => new Date(Math.floor(ms / 1_000) * 1_000);

const toToken = (entry: string): string => Buffer.from(entry).toString('base64url');

function fromToken(token: string): string {
  const entry = Buffer.from(token, 'base64url').toString('utf8');
  if (toToken(entry) !== token || entry === '') {
    throw s3Error('InvalidArgument', 'The continuation token provided is incorrect');
  }
  return entry;
}
