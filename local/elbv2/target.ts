/**
 * Health of one target, as an Application Load Balancer sees it. Pure: the checks and the clock come from outside.
 *
 *     initial -> healthy <-> unhealthy          one good check makes a new target healthy, otherwise the thresholds count
 *        \         |          /
 *         `---> draining <---'                  until the deregistration delay ends; then the target is gone
 *
 * The control plane says "draining" at once; the data plane goes on sending new requests for a while (`routableUntilMs`).
 */
export type TargetPhase = 'initial' | 'healthy' | 'unhealthy' | 'draining';

export interface TargetHealth {
  phase: TargetPhase;
  /** Has the first health check begun? */
  checked: boolean;
  /** Consecutive results. */
  successes: number;
  failures: number;
  lastFailure: CheckFailure | null;
  /** While draining: when the deregistration delay ends. */
  drainedAtMs: number;
  /** While draining: new requests are sent until then. */
  routableUntilMs: number;
}

export type CheckFailure =
  | { readonly kind: 'code'; readonly status: number }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'failed' };

export type CheckResult = { readonly ok: true } | { readonly ok: false; readonly failure: CheckFailure };

export interface Thresholds {
  /** Consecutive successes that make an unhealthy target healthy: 2 to 10. */
  readonly healthy: number;
  /** Consecutive failures that make a target unhealthy: 2 to 10. */
  readonly unhealthy: number;
}

export const newTarget = (): TargetHealth => ({
  phase: 'initial',
  checked: false,
  successes: 0,
  failures: 0,
  lastFailure: null,
  drainedAtMs: 0,
  routableUntilMs: 0,
});

/** A health check has ended. Draining targets are checked no more. */
export function afterCheck(target: TargetHealth, result: CheckResult, thresholds: Thresholds): TargetHealth {
  if (target.phase === 'draining') return target;
  target.checked = true;
  if (result.ok) {
    target.successes++;
    target.failures = 0;
    const enough = target.phase === 'unhealthy' ? thresholds.healthy : 1;
    if (target.successes >= enough) target.phase = 'healthy';
  } else {
    target.failures++;
    target.successes = 0;
    target.lastFailure = result.failure;
    if (target.failures >= thresholds.unhealthy) target.phase = 'unhealthy';
  }
  return target;
}

/** DeregisterTargets. A second call doesn't lengthen the delay. */
export function deregister(target: TargetHealth, nowMs: number, delayMs: number, lagMs: number): TargetHealth {
  if (target.phase === 'draining') return target;
  target.routableUntilMs = target.phase === 'healthy' ? nowMs + lagMs : nowMs;
  target.drainedAtMs = nowMs + delayMs;
  target.phase = 'draining';
  return target;
}

/** Is the deregistration delay over? */
export const isGone = (target: TargetHealth, nowMs: number): boolean =>
  target.phase === 'draining' && nowMs >= target.drainedAtMs;

/**
 * Which targets get new requests: the healthy ones and, for the lag, those just deregistered. With no healthy target
 * the load balancer fails open and sends to the unhealthy ones too.
 */
export function routable<T extends { readonly health: TargetHealth }>(targets: readonly T[], nowMs: number): T[] {
  const lagging = (one: T): boolean => one.health.phase === 'draining' && nowMs < one.health.routableUntilMs;
  const failOpen = !targets.some((one) => one.health.phase === 'healthy');
  return targets.filter(
    (one) => one.health.phase === 'healthy' || lagging(one) || (failOpen && one.health.phase === 'unhealthy'),
  );
}

/** When {@link routable}'s answer may change by itself; Infinity if never. */
export function routesChangeAtMs(targets: readonly { readonly health: TargetHealth }[], nowMs: number): number {
  let at = Number.POSITIVE_INFINITY;
  for (const { health } of targets) {
    if (health.phase === 'draining' && health.routableUntilMs > nowMs) at = Math.min(at, health.routableUntilMs);
  }
  return at;
}

export type TargetHealthState = 'initial' | 'healthy' | 'unhealthy' | 'draining' | 'unused';

/** As DescribeTargetHealth shows it. */
export interface DescribedHealth {
  readonly state: TargetHealthState;
  readonly reason: string | null;
  readonly description: string | null;
}

export const NOT_REGISTERED: DescribedHealth = {
  state: 'unused',
  reason: 'Target.NotRegistered',
  description: 'Target is not registered to the target group',
};

export const INVALID_STATE: DescribedHealth = {
  state: 'unused',
  reason: 'Target.InvalidState',
  description: 'Target is in the stopped or terminated state',
};

/** `inUse`: a listener sends to the target's group. */
export function describeHealth(target: TargetHealth, inUse: boolean): DescribedHealth {
  if (!inUse && target.phase !== 'draining') {
    return {
      state: 'unused',
      reason: 'Target.NotInUse',
      description: 'Target group is not configured to receive traffic from the load balancer',
    };
  }
  switch (target.phase) {
    case 'healthy':
      return { state: 'healthy', reason: null, description: null };
    case 'draining':
      return {
        state: 'draining',
        reason: 'Target.DeregistrationInProgress',
        description: 'Target deregistration is in progress',
      };
    case 'initial':
      return target.checked
        ? {
            state: 'initial',
            reason: 'Elb.InitialHealthChecking',
            description: 'Initial health checks in progress',
          }
        : {
            state: 'initial',
            reason: 'Elb.RegistrationInProgress',
            description: 'Target registration is in progress',
          };
    case 'unhealthy':
      return { state: 'unhealthy', ...describeFailure(target.lastFailure) };
  }
}

function describeFailure(failure: CheckFailure | null): Omit<DescribedHealth, 'state'> {
  switch (failure?.kind) {
    case 'code':
      return {
        reason: 'Target.ResponseCodeMismatch',
        description: `Health checks failed with these codes: [${failure.status}]`,
      };
    case 'timeout':
      return { reason: 'Target.Timeout', description: 'Request timed out' };
    default:
      return { reason: 'Target.FailedHealthChecks', description: 'Health checks failed' };
  }
}
