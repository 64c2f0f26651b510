import { createHash } from 'node:crypto';
import type { WireRequest, WireResponse } from '../wire/service.js';
import { loadBlobs, readBlobs } from './blobs.js';
import { checksumOf } from './checksums.js';
import { bare, byteRange, readDecision, UNCONDITIONAL, writeCondition } from './conditions.js';
import { errorResponse, notImplemented, s3Error } from './errors.js';
import {
  checksumHeaders,
  keptHeaders,
  namedAlgorithm,
  parseXml,
  placeOf,
  records,
  refuseUnknown,
  textOf,
  verifiedChecksum,
} from './request.js';
import type { S3Context } from './service.js';
import type { StoredObject } from './store.js';
import { xmlResponse } from './xml.js';

export const quoted = (etag: string): string => `"${etag}"`;

export const md5Hex = (data: Buffer): string => createHash('md5').update(data).digest('hex');

/** GetObject and HeadObject. */
export function readObject(context: S3Context, bucketName: string, key: string, request: WireRequest): WireResponse {
  const object = context.store.object(context.store.bucket(bucketName), key);
  const decision = readDecision(request.headers, object);
  const identity = {
    etag: quoted(object.etag),
    'last-modified': new Date(object.modifiedMs).toUTCString(),
    ...responseOverrides(object, request),
  };
  if (decision === 'not-modified') return { status: 304, headers: identity };
  if (decision === 'failed') {
    throw s3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
  }
  if (request.query.has('partNumber')) throw notImplemented('reading one part of an object');
  const range = byteRange(request.headers.range, object.size);
  const length = range === null ? object.size : range.last - range.first + 1;
  const checked = request.headers['x-amz-checksum-mode']?.toUpperCase() === 'ENABLED' && range === null;
  const headers: Record<string, string> = {
    ...identity,
    'accept-ranges': 'bytes',
    'content-length': String(length),
    ...(checked ? checksumHeaders(object.checksum) : {}),
  };
  if (range !== null) headers['content-range'] = `bytes ${range.first}-${range.last}/${object.size}`;
  const status = range === null ? 200 : 206;
  if (request.method === 'HEAD' || length === 0) return { status, headers };
  return { status, headers, body: readBlobs(object.blobs, range?.first ?? 0, range?.last ?? object.size - 1) };
}

/** What an object was stored with, changed by `response-content-type=` and the like. */
function responseOverrides(object: StoredObject, request: WireRequest): Record<string, string> {
  const headers: Record<string, string> = { ...object.headers };
  for (const [name, value] of request.query) {
    if (/^response-(content-(type|language|encoding|disposition)|cache-control|expires)$/.test(name)) {
      headers[name.slice('response-'.length)] = value;
    }
  }
  return headers;
}

export async function putObject(
  context: S3Context,
  bucketName: string,
  key: string,
  request: WireRequest,
): Promise<WireResponse> {
  const { store } = context;
  const { headers, body } = request;
  refuseUnknown(headers);
  const bucket = store.bucket(bucketName);
  const kept = keptHeaders(headers);
  const checksum = verifiedChecksum(headers, body);
  const intent = store.begin(bucket, key, writeCondition(headers));
  let stored: StoredObject;
  try {
    const blob = await store.blobs.put(body);
    try {
      const version = { etag: md5Hex(body), modifiedMs: context.now(), headers: kept, checksum };
      stored = store.commit(bucket, intent, { ...version, blobs: [blob] });
    } catch (error) {
      store.blobs.release([blob]);
      throw error;
    }
  } finally {
    store.abandon(bucket, intent);
  }
  context.wrote(bucketName, stored, request.principal);
  return { status: 200, headers: { etag: quoted(stored.etag), ...checksumHeaders(checksum) } };
}

export function deleteObject(context: S3Context, bucketName: string, key: string, request: WireRequest): WireResponse {
  if (request.query.has('versionId')) throw notImplemented('versions');
  const ifMatch = bare(request.headers['if-match']);
  const removed = context.store.remove(context.store.bucket(bucketName), key, { ...UNCONDITIONAL, ifMatch });
  if (removed !== null) context.deleted(bucketName, removed, request.principal);
  return { status: 204 };
}

/** DeleteObjects: each key on its own, all in one answer. */
export function deleteObjects(context: S3Context, bucketName: string, request: WireRequest): WireResponse {
  const bucket = context.store.bucket(bucketName);
  verifiedChecksum(request.headers, request.body);
  const root = parseXml(request.body, 'Delete');
  const wanted = records(root, 'Object');
  if (wanted.length === 0 || wanted.length > 1000) {
    throw s3Error('MalformedXML', 'The XML you provided must name 1 to 1000 objects');
  }
  const deleted: { Key: string }[] = [];
  const failed: { Key: string; Code: string; Message: string }[] = [];
  for (const one of wanted) {
    const key = textOf(one, 'Key') ?? '';
    try {
      const removed = context.store.remove(bucket, key, { ...UNCONDITIONAL, ifMatch: bare(textOf(one, 'ETag')) });
      if (removed !== null) context.deleted(bucketName, removed, request.principal);
      deleted.push({ Key: key });
    } catch (error) {
      const { code, message } = error as { code: string; message: string };
      failed.push({ Key: key, Code: code, Message: message });
    }
  }
  const quiet = textOf(root, 'Quiet') === 'true';
  return xmlResponse('DeleteResult', { Deleted: quiet ? [] : deleted, Error: failed });
}

export async function copyObject(
  context: S3Context,
  bucketName: string,
  key: string,
  request: WireRequest,
): Promise<WireResponse> {
  const { store } = context;
  const { headers } = request;
  refuseUnknown(headers);
  const source = placeOf(`/${(headers['x-amz-copy-source'] ?? '').replace(/^\//, '').replace(/\?versionId=.*$/, '')}`);
  if (source.bucket === null || source.key === null) {
    throw s3Error('InvalidArgument', 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey');
  }
  const from = store.object(store.bucket(source.bucket), source.key);
  if (readDecision(headers, from, 'x-amz-copy-source-') !== 'ok') {
    throw s3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
  }
  const replace = headers['x-amz-metadata-directive'] === 'REPLACE';
  if (source.bucket === bucketName && source.key === key && !replace) {
    throw s3Error('InvalidRequest', 'This copy request is illegal because it is trying to copy an object to itself');
  }
  const bucket = store.bucket(bucketName);
  const intent = store.begin(bucket, key, writeCondition(headers));
  store.blobs.retain(from.blobs);
  try {
    // A copy of a multipart upload is one object, so its ETag is the MD5 of the whole.
    const data = await loadBlobs(from.blobs);
    const algorithm = namedAlgorithm(headers) ?? from.checksum?.algorithm ?? 'crc64nvme';
    const value = checksumOf(algorithm, data).toString('base64');
    const stored = store.commit(bucket, intent, {
      blobs: from.blobs,
      etag: md5Hex(data),
      modifiedMs: context.now(),
      headers: replace ? keptHeaders(headers) : from.headers,
      checksum: { algorithm, value, type: 'FULL_OBJECT' },
    });
    context.wrote(bucketName, stored, request.principal);
    return xmlResponse('CopyObjectResult', {
      LastModified: new Date(stored.modifiedMs),
      ETag: quoted(stored.etag),
      [`Checksum${algorithm.toUpperCase()}`]: value,
      ChecksumType: 'FULL_OBJECT',
    });
  } catch (error) {
    store.blobs.release(from.blobs);
    throw error;
  } finally {
    store.abandon(bucket, intent);
  }
}

/** Errors of HEAD have no body; clients go by the status. */
export const headError = (status: number, code: string, message: string): WireResponse => ({
  ...errorResponse(status, code, message),
  body: '',
});
