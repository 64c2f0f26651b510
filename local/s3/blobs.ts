import { randomUUID } from 'node:crypto';
import { closeSync, createReadStream, mkdirSync, openSync } from 'node:fs';
import { readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';

/** Bytes in memory or in a file, shared by whoever retains them. */
export interface Blob {
  readonly size: number;
  readonly data: Buffer | null;
  readonly path: string | null;
  users: number;
}

/** Keeps bodies in memory up to a bound, and larger ones, or what is beyond, in files. */
export class BlobStore {
  readonly #directory: string;
  readonly #memoryBytes: number;
  readonly #inlineBytes: number;
  #used = 0;
  #made = false;

  /** `directory` is made when it is needed first. */
  constructor(directory: string, memoryBytes: number, inlineBytes: number) {
    this.#directory = directory;
    this.#memoryBytes = memoryBytes;
    this.#inlineBytes = inlineBytes;
  }

  /** Stores bytes for one user. Rejects with the system's error (`ENOSPC`, ...). */
  async put(data: Buffer): Promise<Blob> {
    if (data.length <= this.#inlineBytes && this.#used + data.length <= this.#memoryBytes) {
      this.#used += data.length;
      // A copy: the request's buffer may be a small piece of a large one.
      return { size: data.length, data: Buffer.from(data), path: null, users: 1 };
    }
    if (!this.#made) mkdirSync(this.#directory, { recursive: true });
    this.#made = true;
    const path = join(this.#directory, randomUUID());
    await writeFile(path, data);
    return { size: data.length, data: null, path, users: 1 };
  }

  retain(blobs: readonly Blob[]): void {
    for (const blob of blobs) blob.users++;
  }

  release(blobs: readonly Blob[]): void {
    for (const blob of blobs) {
      if (--blob.users > 0) continue;
      if (blob.data !== null) this.#used -= blob.size;
      // Who is reading it has it open.
      if (blob.path !== null) unlink(blob.path).catch(() => {});
    }
  }
}

export const sizeOf = (blobs: readonly Blob[]): number => blobs.reduce((sum, blob) => sum + blob.size, 0);

/** Bytes `first` to `last` (inclusive) of blobs that follow one another; files are opened at once. */
export function readBlobs(blobs: readonly Blob[], first: number, last: number): Buffer | Readable {
  const pieces: (Buffer | { fd: number; start: number; end: number })[] = [];
  let offset = 0;
  for (const blob of blobs) {
    const start = Math.max(0, first - offset);
    const end = Math.min(blob.size - 1, last - offset);
    offset += blob.size;
    if (start > end) continue;
    if (blob.data !== null) pieces.push(blob.data.subarray(start, end + 1));
    else if (blob.path !== null) pieces.push({ fd: openSync(blob.path, 'r'), start, end });
  }
  if (pieces.every((piece) => Buffer.isBuffer(piece))) return Buffer.concat(pieces);
  const open = new Set(pieces.flatMap((piece) => (Buffer.isBuffer(piece) ? [] : [piece.fd])));
  const stream = Readable.from(
    (async function* () {
      for (const piece of pieces) {
        if (Buffer.isBuffer(piece)) {
          yield piece;
          continue;
        }
        open.delete(piece.fd);
        yield* createReadStream('', { ...piece, autoClose: true });
      }
    })(),
    { objectMode: false },
  );
  stream.once('close', () => {
    for (const fd of open) closeSync(fd);
  });
  return stream;
}

/** All bytes, for checks that need them at once. */
export async function loadBlobs(blobs: readonly Blob[]): Promise<Buffer> {
  return Buffer.concat(await Promise.all(blobs.map((blob) => blob.data ?? readFile(blob.path ?? ''))));
}
