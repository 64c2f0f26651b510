import type { S3Error } from './errors.js';
import { s3Error } from './errors.js';

/** What conditions look at. */
export interface Version {
  /** Without quotes. */
  readonly etag: string;
  readonly modifiedMs: number;
}

/** `If-Match` and `If-None-Match` of a write or a delete. */
export interface WriteCondition {
  /** An ETag without quotes, or `*`. */
  readonly ifMatch: string | null;
  readonly ifNoneMatch: string | null;
}

export const UNCONDITIONAL: WriteCondition = { ifMatch: null, ifNoneMatch: null };

export const isConditional = (condition: WriteCondition): boolean =>
  condition.ifMatch !== null || condition.ifNoneMatch !== null;

type Headers = Readonly<Record<string, string>>;

/** Reads the conditions of a write. @throws AwsError `NotImplemented` of an If-None-Match that isn't `*`. */
export function writeCondition(headers: Headers): WriteCondition {
  const ifMatch = bare(headers['if-match']);
  const ifNoneMatch = bare(headers['if-none-match']);
  if (ifNoneMatch !== null && ifNoneMatch !== '*') {
    throw s3Error(
      'NotImplemented',
      'A header you provided implies functionality that is not implemented: If-None-Match',
    );
  }
  if (ifMatch !== null && ifNoneMatch !== null) {
    throw s3Error('NotImplemented', 'If-Match and If-None-Match can not be combined');
  }
  return { ifMatch, ifNoneMatch };
}

/** Null: the write may go ahead. */
export function refusesWrite(condition: WriteCondition, current: Version | undefined, key: string): S3Error | null {
  if (condition.ifNoneMatch !== null && current !== undefined) return failed('If-None-Match');
  if (condition.ifMatch === null) return null;
  if (current === undefined) return s3Error('NoSuchKey', 'The specified key does not exist.', { Key: key });
  return condition.ifMatch === '*' || condition.ifMatch === current.etag ? null : failed('If-Match');
}

const failed = (condition: string): S3Error =>
  s3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
    Condition: condition,
  });

export type ReadDecision = 'ok' | 'not-modified' | 'failed';

/** Conditions of a read, in the order of RFC 9110, 13.2.2; `prefix` is for the source of a copy. */
export function readDecision(headers: Headers, version: Version, prefix = ''): ReadDecision {
  const get = (name: string): string | undefined => headers[`${prefix}${name}`];
  const etags = (name: string): string[] | null =>
    get(name)
      ?.split(',')
      .map((one) => bare(one) ?? '') ?? null;
  const seconds = Math.floor(version.modifiedMs / 1000);
  const date = (name: string): number | null => {
    const at = Date.parse(get(name) ?? '');
    return Number.isNaN(at) ? null : Math.floor(at / 1000);
  };
  const matches = (list: readonly string[]): boolean => list.includes('*') || list.includes(version.etag);
  const ifMatch = etags('if-match');
  const unmodifiedSince = date('if-unmodified-since');
  if (ifMatch !== null) {
    if (!matches(ifMatch)) return 'failed';
  } else if (unmodifiedSince !== null && seconds > unmodifiedSince) return 'failed';
  const ifNoneMatch = etags('if-none-match');
  const modifiedSince = date('if-modified-since');
  if (ifNoneMatch !== null) {
    if (matches(ifNoneMatch)) return 'not-modified';
  } else if (modifiedSince !== null && seconds <= modifiedSince) return 'not-modified';
  return 'ok';
}

/** An ETag without its quotes; null when there is none. */
export function bare(etag: string | undefined): string | null {
  if (etag === undefined) return null;
  return etag
    .trim()
    .replace(/^W\//, '')
    .replace(/^"(.*)"$/, '$1');
}

export interface ByteRange {
  readonly first: number;
  /** Inclusive. */
  readonly last: number;
}

/** One range of a `Range` header; null: the whole object (no header, or one that S3 ignores). @throws AwsError 416. */
export function byteRange(header: string | undefined, size: number): ByteRange | null {
  const found = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '');
  if (found === null) return null;
  const [, from = '', to = ''] = found;
  if (from === '' && to === '') return null;
  const unsatisfiable = (): S3Error =>
    s3Error('InvalidRange', 'The requested range is not satisfiable', { ActualObjectSize: String(size) });
  if (from === '') {
    const length = Number(to);
    if (length === 0 || size === 0) throw unsatisfiable();
    return { first: Math.max(0, size - length), last: size - 1 };
  }
  const first = Number(from);
  if (to !== '' && Number(to) < first) return null;
  if (first >= size) throw unsatisfiable();
  return { first, last: to === '' ? size - 1 : Math.min(size - 1, Number(to)) };
}
