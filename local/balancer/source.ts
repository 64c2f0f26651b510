import type { Traffic } from './traffic.js';

/** Where a load balancer may send a request. */
export interface Candidate {
  /** `<target id>:<port>`: names the target in counters. */
  readonly key: string;
  /** Null: an address that belongs to no instance. */
  readonly instanceId: string | null;
  readonly host: string;
  readonly port: number;
}

/** What a load balancer asks about its targets, at every request. */
export interface CandidateSource {
  /** The same array as long as nothing has changed. */
  candidates(): readonly Candidate[];
  readonly algorithm: () => 'round_robin' | 'least_outstanding_requests';
}

/** What a load balancer does with a request. */
export type Destination =
  | {
      readonly kind: 'targets';
      readonly source: CandidateSource;
      /** Where the request is counted by minute. */
      readonly traffic?: Traffic;
    }
  /** It answers by itself. */
  | { readonly kind: 'fixed'; readonly status: number; readonly contentType: string; readonly body: string };

export type RequestOutcome =
  /** The target answered, or the load balancer by a fixed response. */
  | 'answered'
  /** 502: refused, reset, malformed, or the deregistration delay ended meanwhile. */
  | 'bad-gateway'
  /** 503: there is no target. */
  | 'no-target'
  /** 504: no connection or no answer in time. */
  | 'timeout'
  /** The answer broke off after its head was passed on. */
  | 'broken'
  /** 460: the client went away first. */
  | 'client-gone';

/** A request that has ended, whichever way. */
export interface FinishedRequest {
  /** Null when there was none. */
  readonly target: Candidate | null;
  readonly outcome: RequestOutcome;
  /** What the client got; 460 when it went away. */
  readonly status: number;
  /** Wall clock. */
  readonly startedAtMs: number;
  readonly latencyMs: number;
}
