import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { ObjectVersion } from '../../core/fallback/port.js';

export interface FallbackS3 {
  /** Whether an incident report of this instance stands in the bucket. */
  findReport(bucket: string, instanceId: string, signal: AbortSignal): Promise<boolean>;
  /** The report of this instance's incident, its own rather than the fallback's; null: there is none. */
  readReport(bucket: string, instanceId: string, signal: AbortSignal): Promise<string | null>;
  /** The first page. */
  findVersions(bucket: string, signal: AbortSignal): Promise<readonly ObjectVersion[]>;
  deleteVersions(bucket: string, versions: readonly ObjectVersion[], signal: AbortSignal): Promise<null>;
}

/** S3 lists and deletes at most 1,000 at once; fewer are gone well within a call's time-out. */
const PAGE = 500;
/** A node has one, and perhaps the fallback's beside it. */
const FEW_REPORTS = 10;
/** In bytes. They have about two thousand. */
const MAX_REPORT = 65_536;

export function createFallbackS3(client: S3Client): FallbackS3 {
  return {
    async findReport(bucket, instanceId, signal) {
      const answer = await client.send(
        new ListObjectsV2Command({ Bucket: bucket, Prefix: `incidents/${instanceId}-`, MaxKeys: 1 }),
        { abortSignal: signal },
      );
      return (answer.Contents ?? []).length > 0;
    },

    async readReport(bucket, instanceId, signal) {
      const Prefix = `incidents/${instanceId}-`;
      const { Contents = [] } = await client.send(
        new ListObjectsV2Command({ Bucket: bucket, Prefix, MaxKeys: FEW_REPORTS }),
        { abortSignal: signal },
      );
      const keys = Contents.flatMap(({ Key, Size }) => (Key === undefined || (Size ?? 0) > MAX_REPORT ? [] : Key));
      const Key = keys.find((key) => key !== `${Prefix}ended.json`) ?? keys[0];
      if (Key === undefined) return null;
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }), { abortSignal: signal });
      return (await Body?.transformToString()) ?? null;
    },

    async findVersions(bucket, signal) {
      const answer = await client.send(new ListObjectVersionsCommand({ Bucket: bucket, MaxKeys: PAGE }), {
        abortSignal: signal,
      });
      return [...(answer.Versions ?? []), ...(answer.DeleteMarkers ?? [])].flatMap(({ Key, VersionId }) =>
        Key === undefined ? [] : [{ key: Key, versionId: VersionId ?? 'null' }],
      );
    },

    async deleteVersions(bucket, versions, signal) {
      const Objects = versions.map(({ key, versionId }) => ({ Key: key, VersionId: versionId }));
      const { Errors } = await client.send(
        new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
        { abortSignal: signal },
      );
      const [first] = Errors ?? [];
      if (first !== undefined) throw new NotDeleted(first.Code ?? 'Unknown', first.Key ?? '', first.Message ?? '');
      return null;
    },
  };
}

/** One object of a batch stayed. */
class NotDeleted extends Error {
  override readonly name = 'NotDeleted';
  readonly code: string;
  constructor(code: string, key: string, message: string) {
    super(`${key} can't be deleted: ${message}`);
    this.code = code;
  }
}
