import type { HealthSpec } from '../../core/spec/spec.js';

/**
 * Health thresholds, pure: so many successes in a row make a workload healthy, so many failures unhealthy. One that has
 * never answered since its start is `starting`, however long it takes: loading a model may take minutes.
 */
export interface HealthState {
  readonly health: 'starting' | 'healthy' | 'unhealthy';
  /** Results of the same kind in a row. */
  readonly streak: number;
  readonly lastOk: boolean | null;
}

export const STARTING: HealthState = { health: 'starting', streak: 0, lastOk: null };

export function checked(
  state: HealthState,
  ok: boolean,
  spec: Pick<HealthSpec, 'healthyAfter' | 'unhealthyAfter'>,
): HealthState {
  const streak = state.lastOk === ok ? state.streak + 1 : 1;
  let { health } = state;
  if (ok && streak >= spec.healthyAfter) health = 'healthy';
  if (!ok && streak >= spec.unhealthyAfter && health !== 'starting') health = 'unhealthy';
  return { health, streak, lastOk: ok };
}

/** It exited by itself. */
export const exited = (): HealthState => ({ health: 'unhealthy', streak: 0, lastOk: null });
