/**
 * What AWS charges for one instance. Per second from running to the end, 60 s at least (EC2 on-demand pricing page,
 * "per-second billing"); a spot instance that EC2 itself interrupts within its first hour is free (EC2 User Guide,
 * "Billing for interrupted Spot Instances"). Pending time is never charged.
 */
export interface Lifetime {
  readonly runningMs: number;
  readonly spot: boolean;
  readonly interruptedByAws: boolean;
}

export const MINIMUM_MS = 60_000;
export const FREE_INTERRUPTED_MS = 3_600_000;

/** Milliseconds that are charged: whole seconds, rounded up. */
export function chargedMs(life: Lifetime): number {
  if (life.runningMs <= 0 || isForgiven(life)) return 0;
  return Math.max(MINIMUM_MS, Math.ceil(life.runningMs / 1000) * 1000);
}

export function isForgiven(life: Lifetime): boolean {
  return life.spot && life.interruptedByAws && life.runningMs < FREE_INTERRUPTED_MS;
}
