import type { IncomingMessage } from 'node:http';
import { AwsError } from './error.js';

/** Reads a body of at most `limit` bytes. @throws AwsError `RequestEntityTooLarge` (413), `IncompleteBody` (400). */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  const chunks: Buffer[] = [];
  let size = 0;
  if (declared > limit) throw tooLarge(limit);
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw tooLarge(limit);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof AwsError) throw error;
    throw new AwsError('IncompleteBody', 'The connection ended before the whole body had arrived');
  }
  return Buffer.concat(chunks, size);
}

const tooLarge = (limit: number): AwsError =>
  new AwsError('RequestEntityTooLarge', `The request is larger than the local cloud's limit of ${limit} bytes`, 413);

export interface DecodedBody {
  readonly body: Buffer;
  /** Headers that came after the body, such as `x-amz-checksum-crc32`; names in lower case. */
  readonly trailers: Readonly<Record<string, string>>;
}

export function isAwsChunked(headers: Readonly<Record<string, string>>): boolean {
  return (
    (headers['content-encoding'] ?? '').split(',').some((part) => part.trim().toLowerCase() === 'aws-chunked') ||
    (headers['x-amz-content-sha256'] ?? '').startsWith('STREAMING-')
  );
}

/**
 * Takes off the aws-chunked framing that SDKs put around a streamed body: `hex-size[;chunk-signature=..]`, data, and so
 * on until a chunk of size 0, then trailing headers. Chunk signatures aren't verified.
 *
 * @throws AwsError `IncompleteBody` (400).
 */
export function decodeAwsChunked(raw: Buffer, decodedLength: number | null): DecodedBody {
  const chunks: Buffer[] = [];
  const trailers: Record<string, string> = {};
  let at = 0;
  const line = (): string => {
    const end = raw.indexOf('\r\n', at);
    if (end < 0 || end - at > 8192) throw incomplete('a chunk header has no end');
    const text = raw.toString('latin1', at, end);
    at = end + 2;
    return text;
  };
  for (;;) {
    const header = /^([0-9a-fA-F]{1,8})(?:;.*)?$/.exec(line());
    if (header?.[1] === undefined) throw incomplete('a chunk header is malformed');
    const size = Number.parseInt(header[1], 16);
    if (size === 0) break;
    if (at + size + 2 > raw.length) throw incomplete('a chunk is shorter than its header says');
    chunks.push(raw.subarray(at, at + size));
    at += size;
    if (raw.toString('latin1', at, at + 2) !== '\r\n') throw incomplete('a chunk has no end');
    at += 2;
  }
  while (at < raw.length && Object.keys(trailers).length < 32) {
    const text = line();
    if (text === '') break;
    const colon = text.indexOf(':');
    if (colon > 0) trailers[text.slice(0, colon).trim().toLowerCase()] = text.slice(colon + 1).trim();
  }
  const body = Buffer.concat(chunks);
  if (decodedLength !== null && decodedLength !== body.length) {
    throw incomplete(`x-amz-decoded-content-length says ${decodedLength} bytes, ${body.length} came`);
  }
  return { body, trailers };
}

const incomplete = (why: string): AwsError =>
  new AwsError('IncompleteBody', `The aws-chunked body can't be decoded: ${why}`);
