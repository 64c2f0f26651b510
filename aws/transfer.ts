import { crc32 } from 'node:zlib';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { readBounded } from './body.js';
import { type ClientConfig, lazy } from './client.js';
import { s3Client } from './s3.js';

/**
 * Objects of any size, for checkpoints and data: single requests, each with a checksum that S3 verifies. What runs at
 * once, how large a part is and what is tried again is for the caller to say. Rejects with the SDK's errors.
 */
export interface Transfer {
  put(key: string, body: Buffer, options: PutOptions): Promise<void>;
  createUpload(key: string, signal: AbortSignal): Promise<string>;
  putPart(key: string, uploadId: string, number: number, body: Buffer, signal: AbortSignal): Promise<UploadedPart>;
  completeUpload(key: string, uploadId: string, parts: readonly UploadedPart[], signal: AbortSignal): Promise<void>;
  abortUpload(key: string, uploadId: string, signal: AbortSignal): Promise<void>;
  /** The bytes from `first` to `last`, inclusive; all without a range. */
  get(from: ObjectName, range: ByteRange | null, maxBytes: number, signal: AbortSignal): Promise<Buffer>;
  /** At most 1,000 keys; what isn't there is no error. */
  remove(keys: readonly string[], signal: AbortSignal): Promise<void>;
  /** One page, at most 1,000, in key order after `after`. */
  list(bucket: string, prefix: string, after: string | null, signal: AbortSignal): Promise<ObjectPage>;
  /** Closes idle sockets. */
  close(): void;
}

export interface PutOptions {
  readonly signal: AbortSignal;
  /** In hexadecimal digits, if it is known: spares the SDK from hashing the body again for its signature. */
  readonly sha256?: string;
  readonly contentType?: string;
}

/** `bucket` null: the cluster's. */
export interface ObjectName {
  readonly bucket: string | null;
  readonly key: string;
}

export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

export interface UploadedPart {
  readonly number: number;
  readonly etag: string;
  readonly crc32: string;
}

export interface ObjectPage {
  readonly objects: readonly { readonly key: string; readonly bytes: number; readonly etag: string }[];
  readonly more: boolean;
}

/** Requests that the client lets through at once; callers bound theirs by memory. */
const MAX_SOCKETS = 32;

export function createTransfer(config: ClientConfig & { readonly bucket: string }): Transfer {
  const client = lazy(() => s3Client(config, 3, MAX_SOCKETS));
  const { bucket: Bucket } = config;
  return {
    async put(key, body, { signal, sha256, contentType = 'application/octet-stream' }) {
      const command = new PutObjectCommand({
        Bucket,
        Key: key,
        Body: body,
        ContentType: contentType,
        ChecksumCRC32: crc32Of(body),
      });
      if (sha256 !== undefined) payloadDigest(command, sha256);
      await client.get().send(command, { abortSignal: signal });
    },

    async createUpload(key, signal) {
      const command = new CreateMultipartUploadCommand({
        Bucket,
        Key: key,
        ChecksumAlgorithm: 'CRC32',
        ContentType: 'application/octet-stream',
      });
      const { UploadId } = await client.get().send(command, { abortSignal: signal });
      if (UploadId === undefined) throw new Error(`S3 gave no id for the upload of ${key}`);
      return UploadId;
    },

    async putPart(key, uploadId, number, body, signal) {
      const crc = crc32Of(body);
      const command = new UploadPartCommand({
        Bucket,
        Key: key,
        UploadId: uploadId,
        PartNumber: number,
        Body: body,
        ChecksumCRC32: crc,
      });
      // Its checksum is signed and S3 verifies it, so another digest of every part would be in vain.
      payloadDigest(command, 'UNSIGNED-PAYLOAD');
      const { ETag } = await client.get().send(command, { abortSignal: signal });
      return { number, etag: ETag ?? '', crc32: crc };
    },

    async completeUpload(key, uploadId, parts, signal) {
      const Parts = parts.map(({ number, etag, crc32: crc }) => ({
        PartNumber: number,
        ETag: etag,
        ChecksumCRC32: crc,
      }));
      await client
        .get()
        .send(
          new CompleteMultipartUploadCommand({ Bucket, Key: key, UploadId: uploadId, MultipartUpload: { Parts } }),
          { abortSignal: signal },
        );
    },

    async abortUpload(key, uploadId, signal) {
      await client
        .get()
        .send(new AbortMultipartUploadCommand({ Bucket, Key: key, UploadId: uploadId }), { abortSignal: signal });
    },

    async get({ bucket, key }, range, maxBytes, signal) {
      const Range = range === null ? undefined : `bytes=${range.first}-${range.last}`;
      const command = new GetObjectCommand({
        Bucket: bucket ?? Bucket,
        Key: key,
        ...(Range === undefined ? {} : { Range }),
      });
      const { Body } = await client.get().send(command, { abortSignal: signal });
      return readBounded(Body, maxBytes);
    },

    async remove(keys, signal) {
      if (keys.length === 0) return;
      const Objects = keys.map((Key) => ({ Key }));
      const { Errors } = await client
        .get()
        .send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }), { abortSignal: signal });
      if (Errors?.[0] !== undefined) throw new Error(`${Errors[0].Key}: ${Errors[0].Code}: ${Errors[0].Message}`);
    },

    async list(bucket, prefix, after, signal) {
      const command = new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix,
        ...(after === null ? {} : { StartAfter: after }),
      });
      const { Contents, IsTruncated } = await client.get().send(command, { abortSignal: signal });
      const objects = (Contents ?? []).flatMap(({ Key, Size, ETag }) =>
        Key === undefined ? [] : [{ key: Key, bytes: Size ?? 0, etag: ETag ?? '' }],
      );
      return { objects, more: IsTruncated ?? false };
    },

    close: () => client.current()?.destroy(),
  };
}

/** What the signature says of the body, instead of a digest that the SDK would compute. */
function payloadDigest(command: PutObjectCommand | UploadPartCommand, digest: string): void {
  const { middlewareStack } = command as { middlewareStack: Pick<PutObjectCommand['middlewareStack'], 'add'> };
  middlewareStack.add(
    (next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers['x-amz-content-sha256'] = digest;
      return next(args);
    },
    { step: 'build' },
  );
}

/** As S3 writes it: four bytes, the highest first, in base64. */
function crc32Of(body: Buffer): string {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(crc32(body));
  return out.toString('base64');
}
