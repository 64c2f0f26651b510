import type { CloudCall, CloudError, CloudValues } from '../cloud.js';
import type { WallMs } from '../time.js';
import type { InstanceWish, TypeFacts } from './instance-wish.js';

/**
 * What the fallback asks of AWS besides the calls of a node's brain (core/cloud.ts). They have a union of their own, so
 * that agents neither carry nor may do what only a Lambda does.
 */
export type FallbackCall =
  | { readonly op: 'readWish'; readonly parameter: string }
  | { readonly op: 'writeWish'; readonly parameter: string; readonly text: string }
  /** Which of these instances fail EC2's status checks. */
  | { readonly op: 'findImpaired'; readonly instanceIds: readonly string[] }
  /** Everything registered in a target group. */
  | { readonly op: 'findTargets'; readonly targetGroupArn: string }
  /** Volumes and network interfaces with the cluster's tags that nothing uses. */
  | { readonly op: 'findOrphans'; readonly cluster: string; readonly epoch: string }
  | { readonly op: 'deleteOrphan'; readonly kind: Orphan['kind']; readonly id: string }
  /** Whether an incident report of this instance stands in the bucket. */
  | { readonly op: 'findReport'; readonly bucket: string; readonly instanceId: string }
  /** The report of this instance's incident, its own rather than the fallback's; null: there is none. */
  | { readonly op: 'readReport'; readonly bucket: string; readonly instanceId: string }
  /** What spot capacity costs now. */
  | { readonly op: 'findSpotPrices'; readonly pools: readonly Pool[] }
  /** Some of the versions of objects in a bucket, delete markers among them; none when it is empty. */
  | { readonly op: 'findVersions'; readonly bucket: string }
  /** All of them, or it fails. */
  | { readonly op: 'deleteVersions'; readonly bucket: string; readonly versions: readonly ObjectVersion[] }
  /** The instance types that have what is wished. */
  | { readonly op: 'findInstanceTypes'; readonly wish: InstanceWish }
  /** Writes a lease, only if there is none; a conflict: there is one. */
  | { readonly op: 'beginLease'; readonly bucket: string; readonly key: string }
  /** When a lease was written last; null: S3 doesn't say. */
  | { readonly op: 'readLease'; readonly bucket: string; readonly key: string }
  /** Begins it; one that was deleted is fine. */
  | { readonly op: 'deleteStack'; readonly stackId: string }
  /** Runs the cluster's drain document on a node, through SSM. */
  | { readonly op: 'sendDrain'; readonly document: string; readonly instanceId: string };

/** The spec's parameter as it stands. */
export interface Wish {
  /** Unchecked. */
  readonly text: string;
  /** The parameter's own version. */
  readonly version: number;
  readonly changedMs: WallMs;
}

export interface Impaired {
  readonly instanceId: string;
  /** Since when, where EC2 says so. */
  readonly sinceMs: WallMs | null;
}

export interface RegisteredTarget {
  readonly instanceId: string;
  readonly port: number;
  readonly healthy: boolean;
}

export interface Orphan {
  readonly kind: 'volume' | 'network-interface';
  readonly id: string;
  /** Network interfaces don't say when they were made. */
  readonly createdMs: WallMs | null;
}

/** A version of an object. A bucket without versions calls its one version `null`. */
export interface ObjectVersion {
  readonly key: string;
  readonly versionId: string;
}

/** One instance type in one zone. */
export interface Pool {
  readonly instanceType: string;
  readonly zone: string;
}

export interface SpotPrice extends Pool {
  readonly usdPerHour: number;
}

export interface FallbackValues {
  readWish: Wish;
  writeWish: null;
  findImpaired: readonly Impaired[];
  findTargets: readonly RegisteredTarget[];
  findOrphans: readonly Orphan[];
  deleteOrphan: null;
  findReport: boolean;
  /** Unchecked. */
  readReport: string | null;
  findSpotPrices: readonly SpotPrice[];
  findVersions: readonly ObjectVersion[];
  deleteVersions: null;
  findInstanceTypes: readonly TypeFacts[];
  beginLease: null;
  readLease: WallMs | null;
  deleteStack: null;
  sendDrain: null;
}

export type AnyCall = CloudCall | FallbackCall;

export type ValueOf<C extends AnyCall> = (CloudValues & FallbackValues)[C['op']];

export type Answered<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: CloudError };

export type AnyOutcome = Answered<unknown>;
