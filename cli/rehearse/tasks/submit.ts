import { S3Client } from '@aws-sdk/client-s3';
import { type ClientConfig, clientOptions } from '../../../aws/client.js';
import type { TaskSpec } from '../../../core/tasks/task.js';
import { putTasks } from '../../tasks/put.js';
import { queueStore } from '../../tasks/store.js';
import { messageOf } from '../../user-error.js';

/** A reply may be lost many times in an unkind cloud. */
const ATTEMPTS = 8;

/** Puts tasks into the queue by the functions of `synkti submit`: all of them or none. */
export async function submitTasks(
  config: ClientConfig,
  bucket: string,
  specs: readonly TaskSpec[],
  signal: AbortSignal,
): Promise<void> {
  const client = new S3Client({ ...clientOptions(config, ATTEMPTS), forcePathStyle: true });
  try {
    const end = await putTasks(queueStore(client, bucket), specs, { signal, checkIds: false, now: () => Date.now() });
    if (end.type === 'not-put' && end.why !== 'stopped') {
      throw new Error(`The tasks couldn't be submitted: ${messageOf(end.error)}`);
    }
  } finally {
    client.destroy();
  }
}
