/**
 * A cluster that is lent: its stack goes when nobody has renewed the lease for long. The lease is one object in the
 * cluster's bucket, and S3's date of it is the last renewal; what it holds doesn't matter.
 *
 *     sweep: write it, if there is none   -> the lease counts from now: alive
 *            there is one: read its date  -> younger than the lease: alive; older: the stack is deleted
 *            any other answer             -> unknown, and the unknown is alive
 *
 * It is written before it is read, so that a lease that nobody ever renewed runs out, too.
 */
import type { CloudError } from '../cloud.js';
import type { Context, WallMs } from '../time.js';
import { call, type Script } from './script.js';

/** Key of the lease; its owner overwrites it to renew it. */
export const LEASE_KEY = 'owner/lease.json';

export interface Lease {
  readonly bucket: string;
  readonly stackId: string;
  /** How long it lasts after a renewal. */
  readonly lengthMs: number;
}

/** `renewedMs` null: the date isn't known. */
export function leaseAt(renewedMs: WallMs | null, nowMs: WallMs, lengthMs: number): 'alive' | 'stale' {
  // Dates that can't be compared end nothing.
  return renewedMs !== null && nowMs - renewedMs > lengthMs ? 'stale' : 'alive';
}

export type LeaseEnd =
  /** `error`: of a look that failed. */
  | { readonly state: 'alive'; readonly error: CloudError | null; readonly ctx: Context }
  /** `error`: of the deletion; null: it is under way. */
  | { readonly state: 'stale'; readonly ageMs: number; readonly error: CloudError | null; readonly ctx: Context };

/** Looks at the lease, and deletes the stack when it ran out. Again, it does no harm. */
export function* tendLease({ bucket, stackId, lengthMs }: Lease): Script<LeaseEnd> {
  const begun = yield* call({ op: 'beginLease', bucket, key: LEASE_KEY });
  if (begun.outcome.ok) return { state: 'alive', error: null, ctx: begun.ctx };
  if (begun.outcome.error.kind !== 'conflict') {
    return { state: 'alive', error: begun.outcome.error, ctx: begun.ctx };
  }
  const { outcome, ctx } = yield* call({ op: 'readLease', bucket, key: LEASE_KEY });
  if (!outcome.ok) return { state: 'alive', error: outcome.error, ctx };
  const renewedMs = outcome.value;
  if (renewedMs === null || leaseAt(renewedMs, ctx.wallMs, lengthMs) === 'alive') {
    return { state: 'alive', error: null, ctx };
  }
  const ended = yield* call({ op: 'deleteStack', stackId });
  return {
    state: 'stale',
    ageMs: ctx.wallMs - renewedMs,
    error: ended.outcome.ok ? null : ended.outcome.error,
    ctx: ended.ctx,
  };
}
