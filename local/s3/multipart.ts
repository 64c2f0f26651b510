import { createHash, randomBytes } from 'node:crypto';
import type { WireRequest, WireResponse } from '../wire/service.js';
import { compositeChecksum } from './checksums.js';
import { bare, writeCondition } from './conditions.js';
import { notImplemented, s3Error } from './errors.js';
import { md5Hex, quoted } from './objects.js';
import {
  keptHeaders,
  namedAlgorithm,
  parseXml,
  queryInteger,
  records,
  refuseUnknown,
  textOf,
  verifiedChecksum,
} from './request.js';
import type { S3Context } from './service.js';
import type { Part, StoredObject, Upload } from './store.js';
import { xmlResponse } from './xml.js';

/** Every part but the last must have it. */
const MIN_PART_BYTES = 5 * 1024 * 1024;
const MAX_PARTS = 10_000;

export function createUpload(context: S3Context, bucketName: string, key: string, request: WireRequest): WireResponse {
  const { headers } = request;
  refuseUnknown(headers);
  const bucket = context.store.bucket(bucketName);
  const algorithm = namedAlgorithm(headers);
  if (headers['x-amz-checksum-type']?.toUpperCase() === 'FULL_OBJECT') {
    throw notImplemented('full-object checksums of multipart uploads');
  }
  const id = randomBytes(24).toString('base64url');
  context.store.addUpload(bucket, {
    id,
    key,
    startedMs: context.now(),
    headers: keptHeaders(headers),
    algorithm,
    parts: new Map(),
  });
  const answer = xmlResponse('InitiateMultipartUploadResult', { Bucket: bucketName, Key: key, UploadId: id });
  if (algorithm === null) return answer;
  const named = { 'x-amz-checksum-algorithm': algorithm.toUpperCase(), 'x-amz-checksum-type': 'COMPOSITE' };
  return { ...answer, headers: { ...answer.headers, ...named } };
}

export async function uploadPart(
  context: S3Context,
  bucketName: string,
  key: string,
  request: WireRequest,
): Promise<WireResponse> {
  if (request.headers['x-amz-copy-source'] !== undefined) throw notImplemented('UploadPartCopy');
  const { store } = context;
  const bucket = store.bucket(bucketName);
  const id = request.query.get('uploadId') ?? '';
  const upload = store.upload(bucket, key, id);
  const number = queryInteger(request, 'partNumber', 0, 1, MAX_PARTS);
  if (number === 0) throw s3Error('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive');
  const checksum = verifiedChecksum(request.headers, request.body);
  if (upload.algorithm !== null && checksum.algorithm !== upload.algorithm) {
    throw s3Error('InvalidRequest', `Checksum Type mismatch occurred, expected checksum Type: ${upload.algorithm}`);
  }
  const blob = await store.blobs.put(request.body);
  // Meanwhile the upload may have been completed or aborted.
  if (bucket.uploads.get(id) !== upload) {
    store.blobs.release([blob]);
    store.upload(bucket, key, id);
  }
  const before = upload.parts.get(number);
  if (before !== undefined) store.blobs.release([before.blob]);
  const etag = md5Hex(request.body);
  const value = upload.algorithm === null ? null : checksum.value;
  upload.parts.set(number, { number, blob, etag, modifiedMs: context.now(), checksum: value });
  const named = upload.algorithm === null ? {} : { [`x-amz-checksum-${upload.algorithm}`]: checksum.value };
  return { status: 200, headers: { etag: quoted(etag), ...named } };
}

export function completeUpload(
  context: S3Context,
  bucketName: string,
  key: string,
  request: WireRequest,
): WireResponse {
  const { store } = context;
  const bucket = store.bucket(bucketName);
  const id = request.query.get('uploadId') ?? '';
  const upload = store.upload(bucket, key, id);
  const parts = chosenParts(upload, request);
  const md5s = Buffer.concat(parts.map((part) => Buffer.from(part.etag, 'hex')));
  const etag = `${createHash('md5').update(md5s).digest('hex')}-${parts.length}`;
  const checksum =
    upload.algorithm === null
      ? null
      : compositeChecksum(
          upload.algorithm,
          parts.map((part) => part.checksum ?? ''),
        );
  const blobs = parts.map((part) => part.blob);
  // No byte moves: the object is made of its parts. So the condition is decided in this very step, and a failed one
  // leaves the upload as it was.
  const intent = store.begin(bucket, key, writeCondition(request.headers));
  store.blobs.retain(blobs);
  let stored: StoredObject;
  try {
    stored = store.commit(bucket, intent, {
      blobs,
      etag,
      modifiedMs: context.now(),
      headers: upload.headers,
      checksum,
    });
  } catch (error) {
    store.blobs.release(blobs);
    throw error;
  }
  store.dropUpload(bucket, id);
  context.wrote(bucketName, stored, request.principal);
  return xmlResponse('CompleteMultipartUploadResult', {
    Location: `/${bucketName}/${key}`,
    Bucket: bucketName,
    Key: key,
    ETag: quoted(etag),
    ...(checksum === null
      ? {}
      : { [`Checksum${checksum.algorithm.toUpperCase()}`]: checksum.value, ChecksumType: checksum.type }),
  });
}

function chosenParts(upload: Upload, request: WireRequest): Part[] {
  const listed = records(parseXml(request.body, 'CompleteMultipartUpload'), 'Part');
  if (listed.length === 0) throw s3Error('MalformedXML', 'You must specify at least one part');
  let before = 0;
  const parts = listed.map((one) => {
    const number = Number(textOf(one, 'PartNumber'));
    if (!(number > before)) {
      throw s3Error('InvalidPartOrder', 'The list of parts was not in ascending order.');
    }
    before = number;
    const part = upload.parts.get(number);
    const checksum = upload.algorithm === null ? undefined : textOf(one, `Checksum${upload.algorithm.toUpperCase()}`);
    if (
      part === undefined ||
      bare(textOf(one, 'ETag')) !== part.etag ||
      (checksum !== undefined && checksum !== part.checksum)
    ) {
      throw s3Error('InvalidPart', 'One or more of the specified parts could not be found.', {
        PartNumber: String(number),
      });
    }
    return part;
  });
  const small = parts.slice(0, -1).find((part) => part.blob.size < MIN_PART_BYTES);
  if (small !== undefined) {
    throw s3Error('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', {
      PartNumber: String(small.number),
    });
  }
  return parts;
}

export function abortUpload(context: S3Context, bucketName: string, key: string, request: WireRequest): WireResponse {
  const bucket = context.store.bucket(bucketName);
  const id = request.query.get('uploadId') ?? '';
  context.store.upload(bucket, key, id);
  context.store.dropUpload(bucket, id);
  return { status: 204 };
}

export function listParts(context: S3Context, bucketName: string, key: string, request: WireRequest): WireResponse {
  const id = request.query.get('uploadId') ?? '';
  const upload = context.store.upload(context.store.bucket(bucketName), key, id);
  const after = queryInteger(request, 'part-number-marker', 0, 0, MAX_PARTS);
  const maxParts = queryInteger(request, 'max-parts', 1000, 1, 1000);
  const all = [...upload.parts.values()].sort((a, b) => a.number - b.number).filter((part) => part.number > after);
  const shown = all.slice(0, maxParts);
  return xmlResponse('ListPartsResult', {
    Bucket: bucketName,
    Key: key,
    UploadId: id,
    PartNumberMarker: after,
    NextPartNumberMarker: shown.at(-1)?.number,
    MaxParts: maxParts,
    IsTruncated: all.length > maxParts,
    ChecksumAlgorithm: upload.algorithm?.toUpperCase(),
    StorageClass: 'STANDARD',
    Part: shown.map((part) => ({
      PartNumber: part.number,
      LastModified: new Date(part.modifiedMs),
      ETag: quoted(part.etag),
      Size: part.blob.size,
      ...(upload.algorithm === null ? {} : { [`Checksum${upload.algorithm.toUpperCase()}`]: part.checksum }),
    })),
  });
}
