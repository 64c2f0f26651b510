/** Says again and again that the owner lives, in the cluster's own bucket. core/fallback's sweep reads it. */
import { hostname, userInfo } from 'node:os';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { readBounded } from '../aws/body.js';
import { LEASE_KEY } from '../core/fallback/lease.js';
import type { Aws } from './aws.js';
import { messageOf } from './error.js';
import { hasLapsed, type LeaseState, nextRenewalMs, renewalFailed, renewed } from './renewal.js';
import type { Owner } from './types.js';

export const thisProcess = (): Owner => ({ who: userName(), host: hostname(), pid: process.pid });

/** Containers run under users that have no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

export interface Heartbeat {
  /** Idempotent. Waits for the renewal that is under way, so that nothing is written any more. */
  stop(): Promise<void>;
}

const LAST_RENEWAL_MS = 10_000;

/** Renews at once, then every third of the lease. Its timer keeps no process alive. */
export function startHeartbeat(
  aws: Aws,
  bucket: string,
  leaseMs: number,
  owner: Owner,
  say: (line: string) => void,
): Heartbeat {
  let state: LeaseState = { leaseMs, renewedMs: performance.now(), failures: 0 };
  let timer: NodeJS.Timeout | null = null;
  let stopped = false;
  let underWay: Promise<void> = Promise.resolve();
  const aborted = new AbortController();

  async function renew(): Promise<void> {
    const atMs = performance.now();
    const body = JSON.stringify({ ...owner, at: new Date().toISOString(), leaseSeconds: leaseMs / 1_000 });
    const put = new PutObjectCommand({ Bucket: bucket, Key: LEASE_KEY, Body: body, ContentType: 'application/json' });
    try {
      await aws.s3.send(put, { abortSignal: aborted.signal });
      state = renewed(state, atMs);
    } catch (error) {
      if (stopped) return;
      state = renewalFailed(state);
      const lapsed = hasLapsed(state, performance.now()) ? '; it has run out, so the cluster may delete itself' : '';
      say(`the lease could not be renewed (${messageOf(aws.explain(error))})${lapsed}`);
    }
    if (stopped) return;
    timer = setTimeout(beat, Math.max(0, nextRenewalMs(state, performance.now()) - performance.now()));
    timer.unref();
  }
  function beat(): void {
    underWay = renew();
  }
  beat();
  return {
    async stop() {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
      // A renewal that comes after the bucket was emptied would keep it from being deleted.
      const patience = setTimeout(() => aborted.abort(), LAST_RENEWAL_MS);
      await underWay;
      clearTimeout(patience);
    },
  };
}

/** The last renewal, as S3 dates it; null: there is none. */
export interface Renewal {
  readonly owner: Owner;
  readonly at: Date;
}

const MAX_LEASE_BYTES = 4_096;

/** Null also for what isn't a lease. @throws what the SDK throws */
export async function readLease(aws: Aws, bucket: string): Promise<Renewal | null> {
  const answer = await aws.s3.send(new GetObjectCommand({ Bucket: bucket, Key: LEASE_KEY }));
  const text = (await readBounded(answer.Body, MAX_LEASE_BYTES)).toString('utf8');
  try {
    const { who, host, pid } = JSON.parse(text) as Record<string, unknown>;
    if (typeof who !== 'string' || typeof host !== 'string' || typeof pid !== 'number') return null;
    return { owner: { who, host, pid }, at: answer.LastModified ?? new Date(0) };
  } catch {
    return null;
  }
}
