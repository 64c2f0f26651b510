import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';

export interface FallbackS3 {
  /** Whether an incident report of this instance stands in the bucket. */
  findReport(bucket: string, instanceId: string, signal: AbortSignal): Promise<boolean>;
}

export function createFallbackS3(client: S3Client): FallbackS3 {
  return {
    async findReport(bucket, instanceId, signal) {
      const answer = await client.send(
        new ListObjectsV2Command({ Bucket: bucket, Prefix: `incidents/${instanceId}-`, MaxKeys: 1 }),
        { abortSignal: signal },
      );
      return (answer.Contents ?? []).length > 0;
    },
  };
}
