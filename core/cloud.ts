import type { HeldSeat, Seat } from './seats/seat.js';

/**
 * The port to AWS: the few things that decisions ask of it, and what comes back. `aws/` carries the calls out with the
 * SDK; the fault schedules carry them out on a model. A call never throws: its outcome says what is known.
 */
export type CloudCall =
  | { readonly op: 'launch'; readonly request: LaunchRequest }
  /** The cluster's nodes by tag, ended ones included for as long as EC2 shows them; of one slot or of all. */
  | { readonly op: 'findNodes'; readonly cluster: string; readonly epoch: string; readonly slot: number | null }
  /** One instance's state and status checks. */
  | { readonly op: 'describeNode'; readonly instanceId: string }
  | {
      readonly op: 'registerTarget';
      readonly targetGroupArn: string;
      readonly instanceId: string;
      readonly port: number;
    }
  | {
      readonly op: 'deregisterTarget';
      readonly targetGroupArn: string;
      readonly instanceId: string;
      readonly port: number;
    }
  | { readonly op: 'readHint'; readonly bucket: string; readonly slot: number }
  /** Conditional: `etag` null means "only if there is none". */
  | {
      readonly op: 'writeHint';
      readonly bucket: string;
      readonly slot: number;
      readonly position: HeldSeat;
      readonly etag: string | null;
    }
  | { readonly op: 'putObject'; readonly bucket: string; readonly key: string; readonly body: string }
  | { readonly op: 'readSpec'; readonly parameter: string }
  /** Ends an instance; agents are allowed to end only their own. */
  | { readonly op: 'terminate'; readonly instanceId: string }
  | { readonly op: 'tagNode'; readonly instanceId: string; readonly tags: Readonly<Record<string, string>> };

export type CloudOp = CloudCall['op'];

/** What each call returns when it succeeds. */
export interface CloudValues {
  launch: LaunchAnswer;
  findNodes: readonly NodeView[];
  describeNode: NodeView | null;
  registerTarget: null;
  deregisterTarget: null;
  readHint: Hint | null;
  writeHint: { readonly etag: string };
  putObject: null;
  /** The parameter's text, unchecked, its `version` at least the parameter's own. */
  readSpec: string;
  terminate: null;
  tagNode: null;
}

export type Outcome<Op extends CloudOp = CloudOp> =
  | { readonly ok: true; readonly value: CloudValues[Op] }
  | { readonly ok: false; readonly error: CloudError };

/**
 * - capacity, quota: nothing was launched and another pool or market may help.
 * - throttle: not even looked at; the same call later.
 * - configuration: repeating won't help until somebody mends it (permissions, template, parameters).
 * - mismatch: the token was used with other parameters: somebody already acted.
 * - ended: the token's instance has ended.
 * - conflict: a conditional write lost.
 * - not-found: no such thing, or not visible yet.
 * - unknown: no answer; the call may have taken effect.
 */
export type CloudErrorKind =
  | 'capacity'
  | 'quota'
  | 'throttle'
  | 'configuration'
  | 'mismatch'
  | 'ended'
  | 'conflict'
  | 'not-found'
  | 'unknown';

export interface CloudError {
  readonly kind: CloudErrorKind;
  /** AWS's own code, such as `InsufficientInstanceCapacity`. */
  readonly code: string;
  readonly message: string;
}

/** A `CreateFleet` of type instant for one instance, byte-identical whoever makes it. Built by seats/launch.ts alone. */
export interface LaunchRequest {
  readonly token: string;
  readonly seat: HeldSeat;
  readonly market: 'spot' | 'on-demand';
  readonly templateId: string;
  readonly templateVersion: number;
  /** Sorted by zone, then type. */
  readonly overrides: readonly { readonly instanceType: string; readonly subnetId: string; readonly zone: string }[];
  /** Tags of instance and fleet, sorted by key. */
  readonly tags: readonly (readonly [key: string, value: string])[];
}

/** A 200 of CreateFleet: instances, errors of pools, or both. */
export interface LaunchAnswer {
  readonly instanceIds: readonly string[];
  readonly errors: readonly PoolError[];
}

export interface PoolError {
  readonly kind: CloudErrorKind;
  readonly code: string;
  readonly message: string;
  readonly instanceType: string | null;
  readonly zone: string | null;
}

export type InstanceState = 'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopping' | 'stopped';

/** A node as EC2 describes it. */
export interface NodeView {
  readonly instanceId: string;
  readonly state: InstanceState;
  /** Of `describeNode`: false when EC2's status checks fail; null when not known. */
  readonly statusOk: boolean | null;
  readonly privateIp: string | null;
  readonly zone: string;
  readonly instanceType: string;
  readonly lifecycle: 'spot' | 'on-demand';
  readonly launchTimeMs: number;
  /** From its tags; null when they aren't there or are nonsense. */
  readonly seat: HeldSeat | null;
  readonly token: string | null;
  /** What the node last said of itself, in its state tag; absent or null: nothing yet. */
  readonly phase?: NodePhase | null;
  /** What it holds back, and why, from its tag; absent or null: nothing. */
  readonly waiting?: string | null;
  /** How few live members its gossip hears, itself included, as its tag says; null or absent: enough. */
  readonly hears?: number | null;
  /** EC2's code for why it ended, such as `Server.SpotInstanceTermination`. */
  readonly endReason?: string | null;
}

/** The values of a node's state tag. */
export type NodePhase = 'serving' | 'draining' | 'drained';

/** How far the launches of a slot have come: everything before `position` is settled. */
export interface Hint {
  readonly position: HeldSeat;
  readonly etag: string;
}

/** The seat that a hint speaks of. */
export const hintSeat = (hint: Hint): Seat => ({ slot: hint.position.slot, generation: hint.position.generation });
