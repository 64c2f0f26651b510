import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { classify } from '../../aws/errors.js';
import type { Transfer, UploadedPart } from '../../aws/transfer.js';
import { withDeadline } from './deadline.js';
import { createGate, eachOf, type Gate } from './gate.js';
import type { BandwidthMeter } from './meter.js';
import { openPlain, sameFile, viewOf } from './scan.js';
import type { SnapshotFile } from './snapshot.js';

/**
 * Puts contents of files into the bucket under their digest. Memory is bounded by the gate, which all uploads of a node
 * share: files over {@link WHOLE_BYTES} go in parts, all parts in parallel.
 */
export interface Uploader {
  /**
   * The digest of a file, and then, unless `has` knows it, its content under the key for it. Rejects with
   * {@link FileChanged} when the file isn't what the snapshot says.
   */
  upload(file: SnapshotFile & { readonly source: string }, target: UploadTarget): Promise<string>;
  putText(key: string, text: string, contentType: string, signal: AbortSignal): Promise<void>;
}

export interface UploadTarget {
  readonly keyOf: (sha256: string) => string;
  /** Its content is in the bucket already, or on its way there by another file's upload. */
  readonly has: (sha256: string) => boolean;
  readonly signal: AbortSignal;
}

/** Larger files go in parts: a lost connection costs one part, and several connections carry more than one. */
export const WHOLE_BYTES = 16 * 1_048_576;
/** S3 allows 10,000 parts of at least 5 MiB. */
const PART_BYTES = 8 * 1_048_576;
const MAX_PARTS = 10_000;
/** Requests at once. Raising it helps on networks of more than 10 Gbit/s. */
const MAX_REQUESTS = 16;
/** Bytes of all requests under way. */
const MAX_BYTES = 64 * 1_048_576;
/**
 * A file as small as this was written just now and is in memory: waiting for each step would cost more than reading it.
 * From a disk of 125 MB/s it would hold the agent up for 8 ms.
 */
const SMALL_BYTES = 1_048_576;
const READ_BYTES = 1_048_576;
const ABORT_TIMEOUT_MS = 5_000;

export class FileChanged extends Error {
  override readonly name = 'FileChanged';
  constructor(path: string) {
    super(`${path} changed while it was read`);
  }
}

export const partBytes = (bytes: number): number => Math.max(PART_BYTES, Math.ceil(bytes / MAX_PARTS));

export function createUploader(transfer: Transfer, meter: BandwidthMeter): Uploader {
  const gate: Gate = createGate(MAX_REQUESTS, MAX_BYTES);

  async function gated<T>(bytes: number, act: () => Promise<T>): Promise<T> {
    await gate.enter(bytes);
    try {
      return await act();
    } finally {
      gate.leave(bytes);
    }
  }

  async function whole(file: SnapshotFile & { readonly source: string }, target: UploadTarget): Promise<string> {
    return gated(file.bytes, async () => {
      const body =
        file.bytes <= SMALL_BYTES ? readSmall(file) : await opened(file, (handle) => readWhole(handle, file));
      const sha256 = createHash('sha256').update(body).digest('hex');
      if (target.has(sha256)) return sha256;
      target.signal.throwIfAborted();
      await meter.during(body.length, () =>
        transfer.put(target.keyOf(sha256), body, { sha256, signal: target.signal }),
      );
      return sha256;
    });
  }

  async function inParts(
    file: SnapshotFile & { readonly source: string },
    handle: FileHandle,
    target: UploadTarget,
  ): Promise<string> {
    const sha256 = await digestOf(file, handle, target.signal);
    if (target.has(sha256)) return sha256;
    const key = target.keyOf(sha256);
    const id = await transfer.createUpload(key, target.signal);
    try {
      const size = partBytes(file.bytes);
      const numbers = Array.from({ length: Math.ceil(file.bytes / size) }, (_, at) => at + 1);
      const parts: UploadedPart[] = [];
      await eachOf(numbers, MAX_REQUESTS, (number) => {
        const from = (number - 1) * size;
        const length = Math.min(size, file.bytes - from);
        return gated(length, async () => {
          target.signal.throwIfAborted();
          const body = await readAt(handle, file, from, length);
          const send = () => transfer.putPart(key, id, number, body, target.signal);
          parts.push(await meter.during(length, send));
        });
      });
      await unchanged(handle, file);
      parts.sort((a, b) => a.number - b.number);
      await complete(key, id, parts, target.signal);
      return sha256;
    } catch (error) {
      // What is left of it would be billed for ever.
      await withDeadline(ABORT_TIMEOUT_MS, [], (signal) => transfer.abortUpload(key, id, signal)).catch(() => {});
      throw error;
    }
  }

  /** A lost answer is asked for again, and then the upload is gone, since it is the object now. */
  async function complete(
    key: string,
    id: string,
    uploaded: readonly UploadedPart[],
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await transfer.completeUpload(key, id, uploaded, signal);
    } catch (error) {
      if (classify(error).code !== 'NoSuchUpload') throw error;
      await transfer.get({ bucket: null, key }, { first: 0, last: 0 }, 1, signal);
    }
  }

  return {
    async upload(file, target) {
      if (file.bytes <= WHOLE_BYTES) return whole(file, target);
      return opened(file, (handle) => inParts(file, handle, target));
    },

    putText(key, text, contentType, signal) {
      const body = Buffer.from(text);
      return gated(body.length, () => transfer.put(key, body, { contentType, signal }));
    },
  };
}

async function opened<T>(file: { readonly source: string }, act: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await openPlain(file.source);
  try {
    return await act(handle);
  } finally {
    await handle.close();
  }
}

async function readWhole(handle: FileHandle, file: SnapshotFile): Promise<Buffer> {
  const body = await readAt(handle, file, 0, file.bytes);
  await unchanged(handle, file);
  return body;
}

function readSmall(file: SnapshotFile & { readonly source: string }): Buffer {
  const fd = openSync(file.source, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const body = Buffer.allocUnsafe(file.bytes);
    for (let at = 0; at < body.length; ) {
      const count = readSync(fd, body, at, body.length - at, at);
      if (count === 0) throw new FileChanged(file.path);
      at += count;
    }
    if (!sameFile(viewOf(file.path, fstatSync(fd, { bigint: true })), file)) throw new FileChanged(file.path);
    return body;
  } finally {
    closeSync(fd);
  }
}

async function digestOf(file: SnapshotFile, handle: FileHandle, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (let at = 0; at < file.bytes; ) {
    signal.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, file.bytes - at), at);
    if (bytesRead === 0) throw new FileChanged(file.path);
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  await unchanged(handle, file);
  return hash.digest('hex');
}

async function readAt(handle: FileHandle, file: SnapshotFile, from: number, length: number): Promise<Buffer> {
  const body = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(body, at, length - at, from + at);
    if (bytesRead === 0) throw new FileChanged(file.path);
    at += bytesRead;
  }
  return body;
}

async function unchanged(handle: FileHandle, file: SnapshotFile): Promise<void> {
  if (!sameFile(viewOf(file.path, await handle.stat({ bigint: true })), file)) throw new FileChanged(file.path);
}
