/**
 * When a node's main process is started again: as systemd does with `Restart=on-failure`, `RestartSec=` and
 * `StartLimitBurst=` (systemd.service(5), systemd.unit(5)). Pure.
 */
export interface RestartPolicy {
  /** Pause before a restart, in ms. */
  readonly restartAfterMs: number;
  /** At most so many starts ... */
  readonly startLimitBurst: number;
  /** ... within so many ms; then the unit stays failed. */
  readonly startLimitIntervalMs: number;
}

/**
 * Lets an agent reach its own limit (5 starts within 5 minutes, after which it gives the machine back) before this one.
 */
export const DEFAULT_RESTARTS: RestartPolicy = {
  restartAfterMs: 500,
  startLimitBurst: 10,
  startLimitIntervalMs: 300_000,
};

/** How a process ended. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

export type RestartDecision =
  | { readonly restart: true; readonly afterMs: number }
  /** `stopped`: somebody stopped the unit. `stop-timeout`: and it had to be killed. */
  | { readonly restart: false; readonly reason: 'clean-exit' | 'start-limit' | 'stopped' | 'stop-timeout' };

/** Signals that systemd counts as a clean end. */
const CLEAN_SIGNALS: ReadonlySet<string> = new Set(['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGPIPE']);

export const isCleanEnd = (end: ProcessEnd): boolean =>
  end.exitCode === 0 || (end.signal !== null && CLEAN_SIGNALS.has(end.signal));

/** `startsMs`: when the process was started until now, the latest last. */
export function afterExit(
  policy: RestartPolicy,
  startsMs: readonly number[],
  end: ProcessEnd,
  nowMs: number,
): RestartDecision {
  if (isCleanEnd(end)) return { restart: false, reason: 'clean-exit' };
  const recent = startsMs.filter((at) => at > nowMs - policy.startLimitIntervalMs).length;
  if (recent >= policy.startLimitBurst) return { restart: false, reason: 'start-limit' };
  return { restart: true, afterMs: policy.restartAfterMs };
}
