/**
 * The queue in the cluster's bucket, as a person's machine sees it. Errors are the SDK's own, so that the session can say
 * them in words; what a condition or an absent object means is an answer, not an error.
 */
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { readBounded } from '../../aws/body.js';
import { classify, isConflict, isNotFound } from '../../aws/errors.js';
import { AwsFailure } from '../aws/explain.js';

export interface QueueStore {
  readonly bucket: string;
  /** All keys under a prefix, in order. */
  list(prefix: string): Promise<Listing>;
  /** The first of them, of those behind a key. */
  listSome(prefix: string, bound: ListBound): Promise<SomeKeys>;
  /** Null: no such object. */
  get(key: string): Promise<Stored | null>;
  /** Only if there is none; false: there is one, and it isn't this body. */
  create(key: string, body: string): Promise<boolean>;
  /** Only if it is still that; false: it isn't. */
  replace(key: string, body: string, etag: string): Promise<boolean>;
  /** Deleting what isn't there succeeds. */
  remove(keys: readonly string[]): Promise<void>;
  /** A whole object, as it comes; false: no such object. */
  copy(key: string, write: (chunk: Uint8Array) => Promise<void>): Promise<boolean>;
}

export interface Listing {
  readonly entries: readonly Entry[];
  /** S3's own time, which leases are judged by. */
  readonly nowMs: number;
}

export interface ListBound {
  /** Requests at most, of 1,000 keys each. */
  readonly pages: number;
  /** Default: from the first one on. */
  readonly after?: string | undefined;
}

export interface SomeKeys extends Listing {
  /** There are more behind the last one. */
  readonly more: boolean;
}

export interface Entry {
  readonly key: string;
  readonly etag: string;
  readonly modifiedMs: number;
  readonly bytes: number;
}

export interface Stored {
  readonly body: string;
  readonly etag: string;
}

/** Keys of a listing's page, as S3 has it, and pages at most. */
const PAGE_KEYS = 1_000;
const MAX_PAGES = 1_000;
/** A journal holds several records. */
const MAX_BODY_BYTES = 64 * 1_048_576;
const DELETES = 1_000;

export function queueStore(client: S3Client, bucket: string, pageKeys = PAGE_KEYS): QueueStore {
  async function page(prefix: string, token: string | undefined, after: string | undefined) {
    const command = new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: prefix,
      MaxKeys: pageKeys,
      ContinuationToken: token,
      StartAfter: token === undefined ? after : undefined,
    });
    let date = '';
    command.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        date = (result.response as { headers?: Record<string, string> })?.headers?.date ?? '';
        return result;
      },
      { step: 'deserialize', priority: 'low' },
    );
    const answer = await client.send(command);
    const nowMs = Date.parse(date);
    return { answer, nowMs: Number.isNaN(nowMs) ? Date.now() : nowMs };
  }

  async function listSome(prefix: string, { pages, after }: ListBound): Promise<SomeKeys> {
    const entries: Entry[] = [];
    let token: string | undefined;
    let now = 0;
    for (let n = 0; n < pages; n++) {
      const { answer, nowMs } = await page(prefix, token, after);
      if (n === 0) now = nowMs;
      for (const { Key, ETag, LastModified, Size } of answer.Contents ?? []) {
        if (Key === undefined || ETag === undefined) continue;
        entries.push({ key: Key, etag: ETag, modifiedMs: LastModified?.getTime() ?? 0, bytes: Size ?? 0 });
      }
      token = answer.IsTruncated === true ? answer.NextContinuationToken : undefined;
      if (token === undefined) break;
    }
    return { entries, nowMs: now, more: token !== undefined };
  }

  async function list(prefix: string): Promise<Listing> {
    const { entries, nowMs, more } = await listSome(prefix, { pages: MAX_PAGES });
    if (more) throw new AwsFailure(`s3://${bucket}/${prefix} holds more than ${MAX_PAGES * pageKeys} objects.`);
    return { entries, nowMs };
  }

  /**
   * Whether an object that can't be read isn't there. Who may list only under `tasks/` is answered 403 instead of 404: of
   * a single key's absence IAM is asked without a prefix.
   */
  async function absent(key: string, error: unknown): Promise<boolean> {
    const found = classify(error);
    if (isNotFound(found)) return true;
    if (!/^(AccessDenied|Forbidden)$/.test(found.code)) return false;
    const { entries } = await list(key);
    return !entries.some((entry) => entry.key === key);
  }

  async function open(key: string) {
    try {
      return await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    } catch (error) {
      if (await absent(key, error)) return null;
      throw error;
    }
  }

  async function get(key: string): Promise<Stored | null> {
    const answer = await open(key);
    if (answer === null) return null;
    const body = await readBounded(answer.Body, MAX_BODY_BYTES);
    return { body: body.toString('utf8'), etag: answer.ETag ?? '' };
  }

  /** The SDK repeats a put whose reply was lost, and it then meets itself: what stands there decides. */
  async function put(key: string, body: string, condition: object): Promise<boolean> {
    const ContentType = 'application/json';
    try {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentType, ...condition }));
      return true;
    } catch (error) {
      const found = classify(error);
      if (!isConflict(found) && !isNotFound(found)) throw error;
      if (found.code === 'NoSuchBucket') throw error;
      return (await get(key))?.body === body;
    }
  }

  return {
    bucket,
    list,
    listSome,
    get,
    create: (key, body) => put(key, body, { IfNoneMatch: '*' }),
    replace: (key, body, etag) => put(key, body, { IfMatch: etag }),

    async remove(keys) {
      for (let at = 0; at < keys.length; at += DELETES) {
        const Objects = keys.slice(at, at + DELETES).map((Key) => ({ Key }));
        const { Errors } = await client.send(
          new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
        );
        const refused = Errors?.[0];
        if (refused !== undefined) {
          throw new AwsFailure(
            `s3:DeleteObject failed on arn:aws:s3:::${bucket}/${refused.Key}: ${refused.Message} (${refused.Code}).`,
          );
        }
      }
    },

    async copy(key, write) {
      const answer = await open(key);
      if (answer === null) return false;
      for await (const chunk of (answer.Body ?? []) as AsyncIterable<Uint8Array>) await write(chunk);
      return true;
    },
  };
}
