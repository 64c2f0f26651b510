import type { UnkindInput } from '../../local/unkind/options.js';
import type { Limits } from './timeline.js';

/** Times of the emulated cloud and of the cluster's policy: AWS's own, or shortened so that a rehearsal is short. */
export interface Timings {
  readonly noticeMs: number;
  /** Pending to running. */
  readonly launchDelayMs: number;
  /** Real seconds in one second of the load balancer's settings, which AWS bounds from below (5 s between checks). */
  readonly balancerScale: number;
  /** A load balancer sends this much longer to a target that was deregistered. */
  readonly deregistrationLagMs: number;
  readonly deregistrationDelayMs: number;
  readonly keepServingMs: number;
  readonly drainMs: number;
  readonly atRiskMs: number;
  readonly silentPatienceMs: number;
  readonly bootPatienceMs: number;
  readonly gossip: 'lan' | 'local';
  /** The first targets must be healthy by then, or the run is given up. */
  readonly startMs: number;
  /** After the last act everything must be healed by then. */
  readonly healMs: number;
  readonly silentLimitMs: number;
  readonly outageLimitMs: number;
  /** Real seconds in one second of a stack's queues and schedules. */
  readonly functionScale: number;
  /** Real seconds in one second of the policy in a stack's spec. */
  readonly policyScale: number;
}

/** Health checks of the target group, in the load balancer's own seconds. */
export const HEALTH_CHECK = { intervalS: 5, timeoutS: 4, healthy: 2, unhealthy: 2 };

/** A node's first action: the poll of IMDS takes up to a second, the call as much. */
const FIRST_ACT_LIMIT_MS = 2_000;
/** Two nodes in one seat see each other by gossip or tags, and one goes, within this. */
const SURPLUS_LIMIT_MS = 10_000;
/** A request that takes longer is called slow. */
export const SLOW_MS = 1_000;
export const REQUEST_TIMEOUT_MS = 5_000;
/** A tenth of AWS's, as all times of a stack are. */
const STACK_NOTICE_MS = 12_000;
/** Tasks of ten seconds stand for tasks of hours: most must not be done within the notice. */
const TASKS_NOTICE_MS = 6_000;

/**
 * @param noticeMs null: the usual one
 * @param stack a stack of the user's own, whose template has times of its own
 * @param tasks tasks are rehearsed
 */
export function timings(realTime: boolean, noticeMs: number | null, stack = false, tasks = false): Timings {
  if (realTime) {
    return {
      noticeMs: noticeMs ?? 120_000,
      // Pending to running takes about 16 s on EC2; an ALB goes on for 10 to 25 s.
      launchDelayMs: 16_000,
      balancerScale: 1,
      deregistrationLagMs: 15_000,
      deregistrationDelayMs: 45_000,
      keepServingMs: 25_000,
      drainMs: 120_000,
      atRiskMs: 180_000,
      silentPatienceMs: 60_000,
      bootPatienceMs: 300_000,
      gossip: 'lan',
      startMs: 180_000,
      healMs: 300_000,
      // Suspicion among ten nodes lasts up to 24 s; then EC2 is asked.
      silentLimitMs: 45_000,
      // Two checks 5 s apart, and a connection that was being waited for.
      outageLimitMs: 20_000,
      functionScale: 1,
      policyScale: 1,
    };
  }
  return {
    noticeMs: noticeMs ?? (tasks ? TASKS_NOTICE_MS : stack ? STACK_NOTICE_MS : 20_000),
    launchDelayMs: 3_000,
    balancerScale: 0.2,
    deregistrationLagMs: 1_500,
    deregistrationDelayMs: 6_000,
    keepServingMs: 3_000,
    drainMs: 15_000,
    atRiskMs: 15_000,
    silentPatienceMs: 15_000,
    bootPatienceMs: 30_000,
    gossip: 'local',
    startMs: 45_000,
    healMs: 60_000,
    silentLimitMs: 10_000,
    outageLimitMs: 6_000,
    functionScale: 0.1,
    policyScale: 0.1,
  };
}

/** What may be expected of a cluster, given how unkind its cloud was made. */
export function limitsOf(times: Timings, unkind: UnkindInput): Limits {
  return {
    // A burst of errors hides a notice for its length, and one more poll.
    firstActMs: FIRST_ACT_LIMIT_MS + (unkind.imds?.burstMs === undefined ? 0 : unkind.imds.burstMs + 1_000),
    silentMs: times.silentLimitMs + (unkind.describeLagMs ?? 0),
    outageMs: times.outageLimitMs,
    lagMs: times.deregistrationLagMs,
    surplusMs: SURPLUS_LIMIT_MS + (unkind.describeLagMs ?? 0),
  };
}
