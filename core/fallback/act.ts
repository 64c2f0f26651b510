import type { NodeView } from '../cloud.js';
import type { HeldSeat } from '../seats/seat.js';
import type { Spec } from '../spec/spec.js';
import type { WallMs } from '../time.js';
import type { Orphan } from './port.js';

/** What a Lambda does. Each may be repeated, by whomever, without harm. */
export type Act =
  /** Out of every target group of the spec's workloads. */
  | { readonly type: 'deregister'; readonly instanceId: string }
  /**
   * - need: fill the seat, whatever it takes
   * - wish: one attempt
   * - return: one attempt, and on spot only
   */
  | { readonly type: 'fill'; readonly position: HeldSeat; readonly kind: 'need' | 'wish' | 'return' }
  /** Its agent is told to leave. */
  | { readonly type: 'drain'; readonly instanceId: string }
  | { readonly type: 'end'; readonly instanceId: string; readonly why: EndReason }
  | { readonly type: 'delete-orphan'; readonly orphan: Orphan }
  | { readonly type: 'report'; readonly key: string; readonly body: string };

export type EndReason =
  /** Another holds the same seat, and wins. */
  | 'twin'
  /** A newer one has long served in its slot. */
  | 'superseded'
  /** Its slot isn't wanted any more. */
  | 'scale-in'
  /** It runs, but never came to serve. */
  | 'never-served'
  /** EC2's status checks fail. */
  | 'impaired'
  /** It is stopped, and its seat is held. */
  | 'stopped'
  /** It has the cluster's tags and no seat. */
  | 'no-seat'
  /** The cluster is deleted. */
  | 'deleted';

/** What every judgement looks at. */
export interface Scene {
  readonly spec: Spec;
  /** The cluster's instances, ended ones included. */
  readonly nodes: readonly NodeView[];
  readonly wallMs: WallMs;
}

export interface Verdict {
  /** Whether there was something to do; why, in a word that logs and metrics can count. */
  readonly needed: boolean;
  readonly why: string;
  readonly acts: readonly Act[];
}

export const notNeeded = (why: string): Verdict => ({ needed: false, why, acts: [] });
