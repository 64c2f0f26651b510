import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type ClientConfig, clientOptions } from '../../../aws/client.js';
import { openKey } from '../../../core/tasks/keys.js';
import type { TaskSpec } from '../../../core/tasks/task.js';

/** Puts that are under way at the same time. */
const WIDTH = 8;

/** Puts tasks into the queue. Rejects with the SDK's error. */
export async function submitTasks(
  config: ClientConfig,
  bucket: string,
  specs: readonly TaskSpec[],
  signal: AbortSignal,
): Promise<void> {
  const client = new S3Client({ ...clientOptions(config, 3), forcePathStyle: true });
  const left = [...specs];
  const work = async (): Promise<void> => {
    for (let task = left.shift(); task !== undefined && !signal.aborted; task = left.shift()) {
      const command = new PutObjectCommand({ Bucket: bucket, Key: openKey(task), Body: JSON.stringify(task) });
      await client.send(command);
    }
  };
  try {
    await Promise.all(Array.from({ length: WIDTH }, work));
  } finally {
    client.destroy();
  }
}
