import { type CloudFormationClient, DeleteStackCommand } from '@aws-sdk/client-cloudformation';
import { HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { type WallMs, wallMs } from '../../core/time.js';

/** The lease of a cluster that is lent; see core/fallback/lease.ts. */
export interface LeaseCalls {
  /** Writes it if there is none; `PreconditionFailed`: there is one. */
  beginLease(bucket: string, key: string, signal: AbortSignal): Promise<null>;
  /** When it was last written, by S3's clock; null: S3 doesn't say. */
  readLease(bucket: string, key: string, signal: AbortSignal): Promise<WallMs | null>;
  /** Begins the deletion; one that is under way, or over, is fine. */
  deleteStack(stackId: string, signal: AbortSignal): Promise<null>;
}

export function createLeaseCalls(s3: () => S3Client, cloudformation: () => CloudFormationClient): LeaseCalls {
  return {
    async beginLease(Bucket, Key, signal) {
      const input = { Bucket, Key, Body: '{"by":"sweep"}', ContentType: 'application/json', IfNoneMatch: '*' };
      await s3().send(new PutObjectCommand(input), { abortSignal: signal });
      return null;
    },

    async readLease(Bucket, Key, signal) {
      const { LastModified } = await s3().send(new HeadObjectCommand({ Bucket, Key }), { abortSignal: signal });
      const ms = LastModified?.getTime() ?? Number.NaN;
      return Number.isFinite(ms) ? wallMs(ms) : null;
    },

    async deleteStack(StackName, signal) {
      await cloudformation().send(new DeleteStackCommand({ StackName }), { abortSignal: signal });
      return null;
    },
  };
}
