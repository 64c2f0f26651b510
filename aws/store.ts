import { DeleteObjectsCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import type { CloudError } from '../core/cloud.js';
import type { StoreCall, StoreEntry, StoreListing, StoreOp, StoreOutcome, StoreValues } from '../core/tasks/port.js';
import { wallMs } from '../core/time.js';
import { readBounded } from './body.js';
import { type ClientConfig, lazy } from './client.js';
import { classify, isNotFound } from './errors.js';
import { s3Client } from './s3.js';
import { within } from './within.js';

/**
 * Carries out the requests of tasks (core/tasks/port.ts) on the cluster's bucket. Nothing here throws or decides, and
 * nothing is repeated: a conditional write that is sent again after a lost reply meets itself, and only the caller can
 * tell that apart from another's.
 */
export interface Store {
  call<Op extends StoreOp>(call: StoreCallOf<Op>, timeoutMs: number): Promise<StoreOutcome<Op>>;
  /** Closes idle sockets. */
  close(): void;
}

export type StoreCallOf<Op extends StoreOp> = Extract<StoreCall, { readonly op: Op }>;

/** What is read whole: leases, tasks and manifests' kin are some kB. */
const MAX_BODY_BYTES = 1_048_576;

export function createStore(config: ClientConfig & { readonly bucket: string }): Store {
  const client = lazy(() => s3Client(config, 1));
  const { bucket: Bucket } = config;

  async function list(call: StoreCallOf<'list'>, signal: AbortSignal): Promise<StoreListing> {
    const command = new ListObjectsV2Command({
      Bucket,
      Prefix: call.prefix,
      ...(call.after === null ? {} : { StartAfter: call.after }),
    });
    let date = '';
    command.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        date = headerOf(result.response, 'date');
        return result;
      },
      { step: 'deserialize', priority: 'low' },
    );
    const answer = await client.get().send(command, { abortSignal: signal });
    const nowMs = Date.parse(date);
    // Without S3's own time no lease can be judged.
    if (Number.isNaN(nowMs)) throw new NoDate();
    const entries = (answer.Contents ?? []).flatMap(({ Key, ETag, Size, LastModified }): StoreEntry[] =>
      Key === undefined || ETag === undefined || LastModified === undefined
        ? []
        : [{ key: Key, etag: ETag, bytes: Size ?? 0, modifiedMs: wallMs(wholeSeconds(LastModified.getTime())) }],
    );
    return { entries, nowMs: wallMs(nowMs), more: answer.IsTruncated ?? false };
  }

  async function get({ key }: StoreCallOf<'get'>, signal: AbortSignal): Promise<StoreValues['get']> {
    try {
      const answer = await client.get().send(new GetObjectCommand({ Bucket, Key: key }), { abortSignal: signal });
      const body = await readBounded(answer.Body, MAX_BODY_BYTES);
      return { body: body.toString('utf8'), etag: answer.ETag ?? '' };
    } catch (error) {
      if (isNotFound(classify(error))) return null;
      throw error;
    }
  }

  async function put({ key, body, etag }: StoreCallOf<'put'>, signal: AbortSignal): Promise<StoreValues['put']> {
    const condition = etag === undefined ? {} : etag === null ? { IfNoneMatch: '*' } : { IfMatch: etag };
    const ContentType = /\.log$/.test(key) ? 'text/plain; charset=utf-8' : 'application/json';
    const answer = await client
      .get()
      .send(new PutObjectCommand({ Bucket, Key: key, Body: body, ContentType, ...condition }), { abortSignal: signal });
    return { etag: answer.ETag ?? '' };
  }

  async function remove({ keys }: StoreCallOf<'delete'>, signal: AbortSignal): Promise<null> {
    if (keys.length === 0) return null;
    const Objects = keys.map((Key) => ({ Key }));
    const answer = await client
      .get()
      .send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }), { abortSignal: signal });
    // A 200 may hold refusals of single keys.
    const refused = answer.Errors?.[0];
    if (refused !== undefined) throw new RefusedDelete(refused.Code, refused.Message, refused.Key);
    return null;
  }

  function send(call: StoreCall, signal: AbortSignal): Promise<StoreValues[StoreOp]> {
    switch (call.op) {
      case 'list':
        return list(call, signal);
      case 'get':
        return get(call, signal);
      case 'put':
        return put(call, signal);
      case 'delete':
        return remove(call, signal);
    }
  }

  return {
    async call(call, timeoutMs) {
      const outcome = await within(timeoutMs, (signal) => send(call, signal) as Promise<never>);
      if (outcome.ok) return outcome;
      return { ok: false, error: replaces(call) ? conflictIfGone(outcome.error) : outcome.error };
    },
    close: () => client.current()?.destroy(),
  };
}

const replaces = (call: StoreCall): boolean => call.op === 'put' && typeof call.etag === 'string';

/** `If-Match` on a key that is gone is a 404: somebody else deleted what was to be replaced. */
const conflictIfGone = (error: CloudError): CloudError =>
  error.kind === 'not-found' ? { ...error, kind: 'conflict' } : error;

const wholeSeconds = (ms: number): number => Math.floor(ms / 1_000) * 1_000;

function headerOf(response: unknown, name: string): string {
  const { headers } = (response ?? {}) as { headers?: Readonly<Record<string, string>> };
  return headers?.[name] ?? '';
}

/** Known to aws/errors.ts by its status: the answer is of no use, and S3's next one may be. */
class NoDate extends Error {
  override readonly name = 'NoDate';
  constructor() {
    super("The answer has no Date header, so leases can't be judged");
  }
}

class RefusedDelete extends Error {
  override readonly name = 'RefusedDelete';
  readonly code: string;
  constructor(code: string | undefined, message: string | undefined, key: string | undefined) {
    super(`${key ?? 'an object'}: ${message ?? 'not deleted'}`);
    this.code = code ?? 'RefusedDelete';
  }
}
