/**
 * When a lease is to be renewed. Pure.
 *
 * The lease is an object in the cluster's bucket; the cluster's sweep judges its age by S3's own time, so clocks don't
 * matter. It is renewed every third of its length: two renewals in a row may fail.
 */
export interface LeaseState {
  readonly leaseMs: number;
  /** Monotonic, of the last renewal that S3 confirmed; at the start of it, not at the answer. */
  readonly renewedMs: number;
  /** Renewals in a row that failed. */
  readonly failures: number;
}

/** Bounds between a failed renewal and the next try, in ms. */
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 30_000;

/** When the next renewal is due, monotonic. */
export function nextRenewalMs({ leaseMs, renewedMs, failures }: LeaseState, nowMs: number): number {
  if (failures === 0) return renewedMs + Math.floor(leaseMs / 3);
  const patience = Math.min(RETRY_MAX_MS, Math.max(RETRY_MIN_MS, Math.floor(leaseMs / 12)));
  return nowMs + patience;
}

export const renewed = (state: LeaseState, atMs: number): LeaseState => ({
  ...state,
  renewedMs: Math.max(state.renewedMs, atMs),
  failures: 0,
});

export const renewalFailed = (state: LeaseState): LeaseState => ({ ...state, failures: state.failures + 1 });

/** The sweep may delete the cluster from now on. */
export const hasLapsed = ({ leaseMs, renewedMs }: LeaseState, nowMs: number): boolean => nowMs - renewedMs >= leaseMs;
