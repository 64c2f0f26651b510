/** Empties a bucket that is about to be deleted: CloudFormation deletes none that holds anything. */
import type { CloudError } from '../cloud.js';
import { after, type Context, type MonoMs } from '../time.js';
import { call, type Script, waitUntil } from './script.js';

/** After an error that may pass. */
const TRY_AGAIN_MS = 2_000;

export interface Emptied {
  /** Versions that were deleted. */
  readonly deleted: number;
  /** Null: nothing is left. */
  readonly error: CloudError | null;
}

const OUT_OF_TIME: CloudError = {
  kind: 'unknown',
  code: 'OutOfTime',
  message: 'It holds more than there was time for.',
};

/**
 * Deletes every version of every object, page by page, until a look finds none.
 *
 * @param untilMs no call is begun after this
 */
export function* emptyBucket(bucket: string, untilMs: MonoMs, start: Context): Script<Emptied> {
  let ctx = start;
  let deleted = 0;
  let error: CloudError = OUT_OF_TIME;
  while (ctx.nowMs < untilMs) {
    const look = yield* call({ op: 'findVersions', bucket });
    ctx = look.ctx;
    let failed = look.outcome.ok ? null : look.outcome.error;
    if (look.outcome.ok) {
      const versions = look.outcome.value;
      if (versions.length === 0) return { deleted, error: null };
      const removal = yield* call({ op: 'deleteVersions', bucket, versions });
      ctx = removal.ctx;
      if (removal.outcome.ok) deleted += versions.length;
      else failed = removal.outcome.error;
    }
    if (failed === null) continue;
    // Somebody was quicker.
    if (failed.code === 'NoSuchBucket') return { deleted, error: null };
    error = failed;
    // Repeating won't help until somebody mends it.
    if (failed.kind === 'configuration') break;
    ctx = yield* waitUntil(after(ctx.nowMs, TRY_AGAIN_MS));
  }
  return { deleted, error };
}
