import { AwsError } from '../wire/error.js';
import type { Principal, Service, WireRequest, WireResponse } from '../wire/service.js';
import { type Blob, BlobStore } from './blobs.js';
import { errorResponse, notImplemented, S3Error, s3Error } from './errors.js';
import { UploadLinks } from './links.js';
import { listBuckets, listMultipartUploads, listObjects, listObjectsV2, listObjectVersions } from './lists.js';
import { abortUpload, completeUpload, createUpload, listParts, uploadPart } from './multipart.js';
import { copyObject, deleteObject, deleteObjects, headError, putObject, readObject } from './objects.js';
import { type Place, placeOf } from './request.js';
import { S3Store, type StoredObject } from './store.js';
import { xmlResponse } from './xml.js';

/**
 * S3's REST API. Written here because seats lean on conditional writes, and no well-kept npm package has them: s3rver
 * (last release 2021) and its forks ignore If-Match and If-None-Match of a PUT.
 */
export interface S3Options {
  /** For bodies that don't stay in memory; made when it is needed first. */
  readonly directory: string;
  /** Memory for bodies, in bytes; default 64 MiB. */
  readonly memoryBytes?: number;
  /** Larger bodies go to files at once, in bytes; default 1 MiB. */
  readonly inlineBytes?: number;
  /** Default Date.now. */
  readonly wallClock?: () => number;
  readonly onChange?: (change: ObjectChange) => void;
  /** What each node can send, in bytes/s; null or absent: no limit. */
  readonly uploadBytesPerSecond?: number | null;
}

export interface ObjectChange {
  readonly type: 'put' | 'deleted';
  readonly bucket: string;
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly by: Principal;
  /** Wall clock. */
  readonly atMs: number;
  /** What was stored, or deleted; null when it lies in a file. */
  readonly text: () => string | null;
}

/** What the operations need. */
export interface S3Context {
  readonly store: S3Store;
  readonly now: () => number;
  readonly links: UploadLinks;
  wrote(bucket: string, object: StoredObject, by: Principal): void;
  deleted(bucket: string, object: StoredObject, by: Principal): void;
}

export interface ObjectView {
  readonly bucket: string;
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly modifiedMs: number;
}

export interface S3 {
  readonly service: Service;
  /** No-op of a bucket that exists. @throws AwsError `InvalidBucketName` */
  createBucket(name: string): void;
  hasObject(bucket: string, key: string): boolean;
  /** All objects, sorted by bucket and key. */
  objects(): ObjectView[];
}

export function createS3(options: S3Options): S3 {
  const now = options.wallClock ?? (() => Date.now());
  const blobs = new BlobStore(
    options.directory,
    options.memoryBytes ?? 64 * 1024 * 1024,
    options.inlineBytes ?? 1024 * 1024,
  );
  const store = new S3Store(blobs);
  const told =
    (type: ObjectChange['type']) =>
    (bucket: string, { key, size, etag, blobs }: StoredObject, by: Principal): void =>
      options.onChange?.({ type, bucket, key, size, etag, by, atMs: now(), text: () => textOf(blobs) });
  const links = new UploadLinks(options.uploadBytesPerSecond ?? null);
  const context: S3Context = { store, now, links, wrote: told('put'), deleted: told('deleted') };
  return {
    service: s3Service(context),
    createBucket: (name) => {
      if (!store.buckets.has(name)) store.createBucket(name, now());
    },
    hasObject: (bucket, key) => store.buckets.get(bucket)?.objects.has(key) ?? false,
    objects: () =>
      [...store.buckets.values()].flatMap((bucket) =>
        [...bucket.objects.values()].map(({ key, size, etag, modifiedMs }) => ({
          bucket: bucket.name,
          key,
          size,
          etag,
          modifiedMs,
        })),
      ),
  };
}

function textOf(blobs: readonly Blob[]): string | null {
  const pieces = blobs.flatMap(({ data }) => (data === null ? [] : [data]));
  return pieces.length === blobs.length ? Buffer.concat(pieces).toString('utf8') : null;
}

function s3Service(context: S3Context): Service {
  return {
    name: 's3',
    actionOf: (request) => {
      try {
        return operationOf(request, placeOf(request.path));
      } catch {
        return null;
      }
    },
    error: (status, code, message) => errorResponse(status, code, message),
    handle: async (request) => {
      try {
        return dated(context, await slowed(context, request, () => handle(context, request)));
      } catch (error) {
        if (!(error instanceof AwsError)) throw error;
        if (request.method === 'HEAD') return dated(context, headError(error.status, error.code, error.message));
        const details = error instanceof S3Error ? error.details : {};
        return dated(context, errorResponse(error.status, error.code, error.message, details));
      }
    },
  };
}

/** S3's own time, in whole seconds: what it says of an object's age is judged by it. */
const dated = (context: S3Context, response: WireResponse): WireResponse => ({
  ...response,
  headers: { ...response.headers, date: new Date(context.now()).toUTCString() },
});

/** A body takes its time to arrive, and nothing comes of it when its sender is gone by then. */
async function slowed(
  { links, now }: S3Context,
  request: WireRequest,
  act: () => WireResponse | Promise<WireResponse>,
): Promise<WireResponse> {
  const delayMs = request.method === 'PUT' ? links.delayMs(request.principal, request.body.length, now()) : 0;
  if (delayMs === 0) return act();
  await new Promise((resolve) => setTimeout(resolve, Math.min(delayMs, MAX_DELAY_MS)));
  if (request.isGone?.() === true)
    throw s3Error('RequestTimeout', 'The connection ended before the whole body had arrived');
  return act();
}

/** Clients and the server's own time-outs give up before. */
const MAX_DELAY_MS = 600_000;

type Operation =
  | 'ListBuckets'
  | 'CreateBucket'
  | 'HeadBucket'
  | 'DeleteBucket'
  | 'GetBucketLocation'
  | 'ListObjects'
  | 'ListObjectsV2'
  | 'ListObjectVersions'
  | 'ListMultipartUploads'
  | 'DeleteObjects'
  | 'GetObject'
  | 'HeadObject'
  | 'PutObject'
  | 'CopyObject'
  | 'DeleteObject'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'ListParts';

/** Parameters that choose another operation of S3, which isn't emulated. */
const OTHER_OPERATIONS: readonly string[] =
  'accelerate acl analytics attributes cors encryption intelligent-tiering inventory legal-hold lifecycle logging metrics notification object-lock ownershipControls policy policyStatus publicAccessBlock replication requestPayment restore retention select tagging torrent versioning website'.split(
    ' ',
  );

/** Null: no such operation. */
function operationOf({ method, query, headers }: WireRequest, place: Place): Operation | null {
  if (OTHER_OPERATIONS.some((name) => query.has(name))) return null;
  if (place.bucket === null) return method === 'GET' ? 'ListBuckets' : null;
  if (place.key === null) {
    switch (method) {
      case 'PUT':
        return 'CreateBucket';
      case 'HEAD':
        return 'HeadBucket';
      case 'DELETE':
        return 'DeleteBucket';
      case 'POST':
        return query.has('delete') ? 'DeleteObjects' : null;
      case 'GET':
        if (query.has('location')) return 'GetBucketLocation';
        if (query.has('versions')) return 'ListObjectVersions';
        if (query.has('uploads')) return 'ListMultipartUploads';
        return query.get('list-type') === '2' ? 'ListObjectsV2' : 'ListObjects';
      default:
        return null;
    }
  }
  const inUpload = query.has('uploadId');
  switch (method) {
    case 'GET':
      return inUpload ? 'ListParts' : 'GetObject';
    case 'HEAD':
      return 'HeadObject';
    case 'PUT':
      if (inUpload) return 'UploadPart';
      return headers['x-amz-copy-source'] === undefined ? 'PutObject' : 'CopyObject';
    case 'DELETE':
      return inUpload ? 'AbortMultipartUpload' : 'DeleteObject';
    case 'POST':
      if (query.has('uploads')) return 'CreateMultipartUpload';
      return inUpload ? 'CompleteMultipartUpload' : null;
    default:
      return null;
  }
}

function handle(context: S3Context, request: WireRequest): WireResponse | Promise<WireResponse> {
  const place = placeOf(request.path);
  const operation = operationOf(request, place);
  const bucket = place.bucket ?? '';
  const key = place.key ?? '';
  switch (operation) {
    case null:
      throw notImplemented(`${request.method} ${[...request.query.keys()].join('&').slice(0, 80)} on this resource`);
    case 'ListBuckets':
      return listBuckets(context);
    case 'CreateBucket':
      if (!/^[\x21-\x7e]+$/.test(bucket)) throw s3Error('InvalidBucketName', 'The specified bucket is not valid.');
      context.store.createBucket(bucket, context.now());
      return { status: 200, headers: { location: `/${bucket}` } };
    case 'HeadBucket':
      context.store.bucket(bucket);
      return { status: 200, headers: { 'x-amz-bucket-region': request.region } };
    case 'DeleteBucket':
      context.store.deleteBucket(bucket);
      return { status: 204 };
    case 'GetBucketLocation':
      context.store.bucket(bucket);
      // The oldest Region is the one without a name.
      return xmlResponse('LocationConstraint', { '#text': request.region === 'us-east-1' ? '' : request.region });
    case 'ListObjects':
      return listObjects(context, bucket, request);
    case 'ListObjectsV2':
      return listObjectsV2(context, bucket, request);
    case 'ListObjectVersions':
      return listObjectVersions(context, bucket, request);
    case 'ListMultipartUploads':
      return listMultipartUploads(context, bucket, request);
    case 'DeleteObjects':
      return deleteObjects(context, bucket, request);
    case 'GetObject':
    case 'HeadObject':
      return readObject(context, bucket, key, request);
    case 'PutObject':
      return putObject(context, bucket, key, request);
    case 'CopyObject':
      return copyObject(context, bucket, key, request);
    case 'DeleteObject':
      return deleteObject(context, bucket, key, request);
    case 'CreateMultipartUpload':
      return createUpload(context, bucket, key, request);
    case 'UploadPart':
      return uploadPart(context, bucket, key, request);
    case 'CompleteMultipartUpload':
      return completeUpload(context, bucket, key, request);
    case 'AbortMultipartUpload':
      return abortUpload(context, bucket, key, request);
    case 'ListParts':
      return listParts(context, bucket, key, request);
  }
}
