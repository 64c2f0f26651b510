import type { CloudCall, Outcome } from '../cloud.js';
import type { Address, WorkloadHealth } from '../gossip/member.js';
import type { Exchange, Message } from '../gossip/message.js';

/**
 * What a host (the agent's process, the simulator, a fault schedule) tells a node's brain, and what the brain asks of
 * its host. The brain is `stepNode` in node.ts; all of its decisions pass through these two unions.
 */
export type NodeEvent =
  /** `nextDeadlineMs` has passed. */
  | { readonly type: 'tick' }
  /** A datagram that could be opened and decoded. */
  | { readonly type: 'datagram'; readonly from: Address; readonly messages: readonly Message[] }
  /** A full state exchange came in; to be answered with `exchange-reply` on the same connection. */
  | { readonly type: 'exchange'; readonly connection: number; readonly exchange: Exchange }
  /** The answer to an exchange that this node began. */
  | { readonly type: 'exchange-answer'; readonly to: Address; readonly exchange: Exchange }
  | { readonly type: 'exchange-failed'; readonly to: Address }
  /** One poll of IMDS; `status` 0 means no answer. */
  | { readonly type: 'imds'; readonly path: ImdsPath; readonly status: number; readonly body: string }
  | { readonly type: 'outcome'; readonly id: number; readonly outcome: Outcome }
  /** At each change of health; every second or so, and every 250 ms while the node leaves. */
  | { readonly type: 'workload'; readonly name: string; readonly status: WorkloadStatus }
  /** What this node's work leaves free, and what the others shall know of it; may be said as often as one likes. */
  | ({ readonly type: 'publish' } & Publication)
  /** The host wants to end: a signal, or the agent crashed too often. */
  | { readonly type: 'stop'; readonly reason: 'signal' | 'crash-loop' };

export interface Publication {
  readonly freeMemoryMiB: number;
  readonly freeGpuMemoryMiB: number;
  /** Digests of data; the first `MAX_WARM` that can be sent are told. */
  readonly warm: readonly string[];
  /** Wall time in s of the newest work known. */
  readonly work: number;
  readonly pressure: boolean;
  /** What runs here, where it is known: the Banker's rule moves it. Absent: as many as are in flight, all alike. */
  readonly tasks?: readonly HeldTask[];
}

export interface HeldTask {
  readonly task: string;
  readonly memoryMiB: number;
  readonly gpuMemoryMiB: number;
}

/** Paths under /latest/meta-data/ that are polled. */
export type ImdsPath = 'spot/instance-action' | 'events/recommendations/rebalance' | 'events/maintenance/scheduled';

export interface WorkloadStatus {
  /** `stopped` only when no process of it is left. */
  readonly health: WorkloadHealth;
  /** Requests in flight; null when it can't be known. */
  readonly inFlight: number | null;
}

export type NodeEffect =
  | { readonly type: 'datagram'; readonly to: Address; readonly messages: readonly Message[] }
  /** Connect, send, and report `exchange-answer` or `exchange-failed`. */
  | { readonly type: 'exchange'; readonly to: Address; readonly exchange: Exchange }
  | { readonly type: 'exchange-reply'; readonly connection: number; readonly exchange: Exchange }
  /** To be answered with an `outcome` of the same id, within `timeoutMs`. */
  | { readonly type: 'call'; readonly id: number; readonly call: CloudCall; readonly timeoutMs: number }
  | { readonly type: 'start-workload'; readonly name: string }
  /** SIGTERM now, SIGKILL after `graceMs`; a `workload` event with `stopped` must follow. */
  | { readonly type: 'stop-workload'; readonly name: string; readonly graceMs: number }
  /** Put the host's recent log under this key of the cluster's bucket, as well as it can. */
  | { readonly type: 'save-log'; readonly bucket: string; readonly key: string }
  | { readonly type: 'log'; readonly level: LogLevel; readonly code: string; readonly fields: LogFields }
  /** The brain is done: the host closes its sockets and exits; the machine ends by itself or was ended. */
  | { readonly type: 'exit' };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;
