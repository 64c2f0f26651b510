import type { Blob, BlobStore } from './blobs.js';
import { sizeOf } from './blobs.js';
import type { Checksum, ChecksumAlgorithm } from './checksums.js';
import { isConditional, refusesWrite, type WriteCondition } from './conditions.js';
import { s3Error } from './errors.js';
import { compareKeys, firstIndex } from './listing.js';

/** An object as stored. Never changed: a write puts another one in its place. */
export interface StoredObject {
  readonly key: string;
  readonly blobs: readonly Blob[];
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  readonly modifiedMs: number;
  /** `content-type`, `cache-control`, `x-amz-meta-...`: what comes back as it was given. */
  readonly headers: Readonly<Record<string, string>>;
  readonly checksum: Checksum | null;
}

export interface Part {
  readonly number: number;
  readonly blob: Blob;
  readonly etag: string;
  readonly modifiedMs: number;
  /** Base64; null when the upload has no algorithm. */
  readonly checksum: string | null;
}

export interface Upload {
  readonly id: string;
  readonly key: string;
  readonly startedMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly algorithm: ChecksumAlgorithm | null;
  readonly parts: Map<number, Part>;
}

export interface Bucket {
  readonly name: string;
  readonly createdMs: number;
  readonly objects: Map<string, StoredObject>;
  /** Keys in S3's order. */
  readonly sorted: string[];
  readonly uploads: Map<string, Upload>;
  /** Conditional writes that have begun and aren't decided yet. */
  readonly intents: Set<Intent>;
}

/** A write under way. */
export interface Intent {
  readonly key: string;
  readonly condition: WriteCondition;
  /** Somebody deleted the key since the write began. */
  deleted: boolean;
}

const MAX_BUCKETS = 1_000;
const MAX_UPLOADS = 10_000;

/**
 * Buckets and objects. Conditions are looked at and the object put in place within one synchronous step, so that of any
 * number of writers with `If-None-Match: *`, or with the same `If-Match`, exactly one wins.
 */
export class S3Store {
  readonly buckets = new Map<string, Bucket>();
  readonly blobs: BlobStore;

  constructor(blobs: BlobStore) {
    this.blobs = blobs;
  }

  /** @throws AwsError `NoSuchBucket` */
  bucket(name: string): Bucket {
    const bucket = this.buckets.get(name);
    if (bucket === undefined) {
      throw s3Error('NoSuchBucket', 'The specified bucket does not exist', { BucketName: name });
    }
    return bucket;
  }

  createBucket(name: string, nowMs: number): void {
    if (!/^(?=.{3,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(name)) {
      throw s3Error('InvalidBucketName', 'The specified bucket is not valid.', { BucketName: name });
    }
    if (this.buckets.has(name)) {
      throw s3Error('BucketAlreadyOwnedByYou', 'Your previous request to create the named bucket succeeded', {
        BucketName: name,
      });
    }
    if (this.buckets.size >= MAX_BUCKETS) throw s3Error('TooManyBuckets', `At most ${MAX_BUCKETS} buckets`);
    this.buckets.set(name, {
      name,
      createdMs: nowMs,
      objects: new Map(),
      sorted: [],
      uploads: new Map(),
      intents: new Set(),
    });
  }

  deleteBucket(name: string): void {
    const bucket = this.bucket(name);
    if (bucket.objects.size > 0) {
      throw s3Error('BucketNotEmpty', 'The bucket you tried to delete is not empty', { BucketName: name });
    }
    for (const id of [...bucket.uploads.keys()]) this.dropUpload(bucket, id);
    this.buckets.delete(name);
  }

  /** @throws AwsError `NoSuchKey` */
  object(bucket: Bucket, key: string): StoredObject {
    const object = bucket.objects.get(key);
    if (object === undefined) throw s3Error('NoSuchKey', 'The specified key does not exist.', { Key: key });
    return object;
  }

  /** A write begins. It must be ended with {@link commit} or {@link abandon}. @throws AwsError when it is refused already. */
  begin(bucket: Bucket, key: string, condition: WriteCondition): Intent {
    const refusal = refusesWrite(condition, bucket.objects.get(key), key);
    if (refusal !== null) throw refusal;
    const intent: Intent = { key, condition, deleted: false };
    bucket.intents.add(intent);
    return intent;
  }

  abandon(bucket: Bucket, intent: Intent): void {
    bucket.intents.delete(intent);
  }

  /** Decides a write; the object takes over one use of its blobs. @throws AwsError 412, 404 or 409. */
  commit(bucket: Bucket, intent: Intent, object: Omit<StoredObject, 'key' | 'size'>): StoredObject {
    bucket.intents.delete(intent);
    const { key, condition } = intent;
    if (this.buckets.get(bucket.name) !== bucket) this.bucket(bucket.name);
    if (intent.deleted && isConditional(condition)) {
      throw s3Error(
        'ConditionalRequestConflict',
        'The conditional request cannot succeed due to a conflicting operation against this resource.',
        { Condition: condition.ifMatch === null ? 'If-None-Match' : 'If-Match', Key: key },
      );
    }
    const current = bucket.objects.get(key);
    const refusal = refusesWrite(condition, current, key);
    if (refusal !== null) throw refusal;
    const stored: StoredObject = { ...object, key, size: sizeOf(object.blobs) };
    bucket.objects.set(key, stored);
    if (current === undefined) bucket.sorted.splice(firstIndex(bucket.sorted, key), 0, key);
    else this.blobs.release(current.blobs);
    return stored;
  }

  /** Deletes an object; one that isn't there is no error unless there is a condition. @throws AwsError 412 or 404. */
  remove(bucket: Bucket, key: string, condition: WriteCondition): StoredObject | null {
    const current = bucket.objects.get(key);
    const refusal = refusesWrite(condition, current, key);
    if (refusal !== null) throw refusal;
    if (current === undefined) return null;
    bucket.objects.delete(key);
    const at = firstIndex(bucket.sorted, key);
    if (compareKeys(bucket.sorted[at] ?? '', key) === 0) bucket.sorted.splice(at, 1);
    this.blobs.release(current.blobs);
    for (const intent of bucket.intents) if (intent.key === key) intent.deleted = true;
    return current;
  }

  addUpload(bucket: Bucket, upload: Upload): void {
    if (bucket.uploads.size >= MAX_UPLOADS) throw s3Error('SlowDown', `At most ${MAX_UPLOADS} uploads at once`);
    bucket.uploads.set(upload.id, upload);
  }

  /** @throws AwsError `NoSuchUpload` */
  upload(bucket: Bucket, key: string, id: string): Upload {
    const upload = bucket.uploads.get(id);
    if (upload === undefined || upload.key !== key) {
      throw s3Error(
        'NoSuchUpload',
        'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
        { UploadId: id },
      );
    }
    return upload;
  }

  /** Forgets an upload and its parts. */
  dropUpload(bucket: Bucket, id: string): void {
    const upload = bucket.uploads.get(id);
    bucket.uploads.delete(id);
    if (upload !== undefined) this.blobs.release([...upload.parts.values()].map((part) => part.blob));
  }
}
