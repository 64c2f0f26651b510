import type { Ledger } from '../../core/drain/ledger.js';
import type { HeldSeat } from '../../core/seats/seat.js';
import type { ChangeFact, DenialFact, StackFacts } from './stack/facts.js';
import type { TaskFacts } from './tasks/facts.js';

/**
 * What happened in a rehearsal, as it was recorded. The verdict is a pure function of it. All times are wall-clock ms.
 */
export interface Timeline {
  readonly desired: number;
  /** When the scenario began; times are shown from here. */
  readonly startedMs: number;
  readonly endedMs: number;
  readonly events: readonly TimelineEvent[];
  /** Null: no requests were sent, since the nodes only run tasks. */
  readonly traffic: Traffic | null;
  readonly limits: Limits;
  /** What is left after everything was stopped; null while it still runs (`--keep`). */
  readonly leftovers: Leftovers | null;
  /** It ends in the midst of things, since the scenario deleted the stack. */
  readonly cutShort?: boolean;
  /** Absent: no stack was rehearsed. */
  readonly stack?: StackFacts;
  /** Absent: no tasks were rehearsed. */
  readonly tasks?: TaskFacts;
}

export interface NodeInfo {
  readonly instanceId: string;
  /** Null: it carries no seat of the cluster. */
  readonly seat: HeldSeat | null;
  readonly zone: string;
  readonly instanceType: string;
  readonly market: 'spot' | 'on-demand';
  /** Version of the launch template that was asked for; absent: not known. */
  readonly templateVersion?: number;
}

/** `absent`: not registered, or not any more. */
export type TargetState = 'initial' | 'healthy' | 'unhealthy' | 'draining' | 'absent';

export type TimelineEvent = { readonly atMs: number } & (
  | { readonly type: 'launched'; readonly node: NodeInfo }
  | { readonly type: 'running'; readonly instanceId: string }
  /** EC2 says shutting-down, stopping, or the like. */
  | { readonly type: 'ending'; readonly instanceId: string }
  | { readonly type: 'ended'; readonly instanceId: string }
  /** An interruption notice was given. */
  | { readonly type: 'notice'; readonly instanceId: string; readonly deadlineMs: number }
  | { readonly type: 'rebalance'; readonly instanceId: string }
  /** The machine was gone, and nothing had announced it. */
  | { readonly type: 'died'; readonly instanceId: string }
  /** Of nodes that only run tasks: healthy, since it asked for some. */
  | { readonly type: 'target'; readonly instanceId: string; readonly state: TargetState }
  /** An AWS call that changes something; `caller`: the node that made it, null for everybody else. */
  | { readonly type: 'call'; readonly action: string; readonly caller: string | null; readonly ok: boolean }
  /** A node's own report, from its last words or from its local endpoint. */
  | { readonly type: 'ledger'; readonly ledger: Ledger }
  /** The node's agent hangs; its workload doesn't. */
  | { readonly type: 'agent-dead'; readonly instanceId: string }
  /** A call that a role's policies don't allow; told once for each role, action and resource. */
  | { readonly type: 'denied'; readonly denial: DenialFact }
  /** A change of the stack begins. */
  | { readonly type: 'change'; readonly what: ChangeFact['what']; readonly desired: number }
  /** Launches fail from now on, or may succeed again, in some pools. */
  | { readonly type: 'shortage'; readonly market: 'spot' | 'on-demand' | null; readonly over: boolean }
  /** The scenario did something. */
  | { readonly type: 'act'; readonly text: string }
);

export interface Traffic {
  readonly sent: number;
  readonly failed: number;
  /** Answered, but slower than `slowMs`. */
  readonly slow: number;
  readonly slowMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The first failed requests, at most {@link MAX_FAILURES}. */
  readonly failures: readonly FailedRequest[];
}

export const MAX_FAILURES = 10_000;

export interface FailedRequest {
  readonly startedMs: number;
  readonly endedMs: number;
  /** `502`, `time-out`, `ECONNRESET`, ... */
  readonly reason: string;
}

export interface Limits {
  /** Notice to the node's first act. */
  readonly firstActMs: number;
  /** Silent death to the request of the replacement. */
  readonly silentMs: number;
  /** Silent death to the load balancer's sending nothing more there. */
  readonly outageMs: number;
  /** Two nodes in one seat, until one of them is gone. */
  readonly surplusMs: number;
  /** A load balancer still sends for as long to a target that was deregistered; absent: it doesn't. */
  readonly lagMs?: number;
}

export interface Leftovers {
  readonly processes: number;
  readonly files: number;
  readonly ports: number;
}
