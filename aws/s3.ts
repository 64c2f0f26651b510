import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Hint } from '../core/cloud.js';
import type { HeldSeat } from '../core/seats/seat.js';
import { type ClientConfig, clientOptions } from './client.js';
import { classify, isNotFound } from './errors.js';
import { hintKey } from './keys.js';

/** The cluster's bucket: hints under conditional writes, incident reports and last words. */
export interface S3 {
  /** Null when there is none. */
  readHint(bucket: string, slot: number, signal: AbortSignal): Promise<Hint | null>;
  /** `etag` null: only if there is none. */
  writeHint(
    bucket: string,
    slot: number,
    position: HeldSeat,
    etag: string | null,
    signal: AbortSignal,
  ): Promise<{ etag: string }>;
  putObject(bucket: string, key: string, body: string, signal: AbortSignal): Promise<null>;
  close(): void;
}

/** A hint is some 50 bytes. */
const MAX_HINT_BYTES = 4_096;

/** `maxSockets`: requests at once. */
export const s3Client = (config: ClientConfig, maxAttempts = 2, maxSockets?: number): S3Client =>
  new S3Client({
    ...clientOptions(config, maxAttempts, maxSockets),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });

export function createS3(client: S3Client): S3 {
  return {
    async readHint(bucket, slot, signal) {
      try {
        const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: hintKey(slot) }), {
          abortSignal: signal,
        });
        if ((answer.ContentLength ?? 0) > MAX_HINT_BYTES) throw new UnreadableHint(bucket, slot);
        const position = parseHint((await answer.Body?.transformToString()) ?? '', slot);
        if (position === null || answer.ETag === undefined) throw new UnreadableHint(bucket, slot);
        return { position, etag: answer.ETag };
      } catch (error) {
        if (isNotFound(classify(error))) return null;
        throw error;
      }
    },

    async writeHint(bucket, slot, position, etag, signal) {
      const { generation, rung } = position;
      const answer = await client.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: hintKey(slot),
          Body: JSON.stringify({ slot, generation, rung }),
          ContentType: 'application/json',
          ...(etag === null ? { IfNoneMatch: '*' } : { IfMatch: etag }),
        }),
        { abortSignal: signal },
      );
      return { etag: answer.ETag ?? '' };
    },

    async putObject(bucket, key, body, signal) {
      const ContentType = key.endsWith('.json') ? 'application/json' : 'text/plain; charset=utf-8';
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentType }), {
        abortSignal: signal,
      });
      return null;
    },

    close: () => client.destroy(),
  };
}

/** The object isn't a hint of this slot: somebody else wrote it. */
class UnreadableHint extends Error {
  override readonly name = 'UnreadableHint';
  constructor(bucket: string, slot: number) {
    super(`The object ${hintKey(slot)} in bucket ${bucket} isn't a launch hint; delete it`);
  }
}

function parseHint(text: string, slot: number): HeldSeat | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { slot: itsSlot, generation, rung } = value as Partial<Record<keyof HeldSeat, unknown>>;
  if (itsSlot !== slot || !isCount(generation) || generation < 1 || !isCount(rung)) return null;
  return { slot, generation, rung };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
