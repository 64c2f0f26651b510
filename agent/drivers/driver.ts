import type { WorkloadHealth } from '../../core/gossip/member.js';
import type { LogFields, LogLevel } from '../../core/node/port.js';

/** Runs one workload. Never throws; what goes wrong shows in its health and in the log. */
export interface Driver {
  /** Once. From then on the driver keeps the workload running until `stop`. */
  start(): void;
  /** Once, also before `start`. Asks it to end, ends it by force after `graceMs`; `stopped` is reported when it is gone. */
  stop(graceMs: number): void;
  /** Requests in flight; null when it can't be known. */
  inFlight(): Promise<number | null>;
  /** The agent ends: leaves no timer and nothing of the workload behind. */
  close(): Promise<void>;
}

/** What all drivers are given. */
export interface DriverContext {
  /** Address that the workload binds, for its environment: `0.0.0.0` or the node's own. */
  readonly bindAddress: string;
  /** Added to the workload's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Directory of the workloads' logs. */
  readonly logDir: string;
  /** Directory for what the next life of the agent must know. */
  readonly stateDir: string;
  readonly log: (level: LogLevel, code: string, fields: LogFields) => void;
  readonly onHealth: (health: WorkloadHealth) => void;
}

/** Where the agent itself reaches what listens on the bind address. */
export const reachableHost = (bindAddress: string): string =>
  bindAddress === '0.0.0.0' || bindAddress === '::' ? '127.0.0.1' : bindAddress;
