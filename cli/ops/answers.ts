/** What AWS answers about a cluster, as the operations commands keep it. */
import type { NodeView } from '../../core/cloud.js';
import type { HeldSeat } from '../../core/seats/seat.js';

export interface OpsNode extends NodeView {
  /** The launch template version that was asked for; null: not in its tags. */
  readonly templateVersion: number | null;
  readonly subnetId: string | null;
  readonly imageId: string | null;
  readonly architecture: string | null;
  readonly securityGroupIds: readonly string[];
  /** When EC2 says that it went; null: it is there, or EC2 doesn't say. */
  readonly endedMs: number | null;
}

export type HealthState = 'initial' | 'healthy' | 'unhealthy' | 'unused' | 'draining' | 'unavailable';

export interface TargetAnswer {
  readonly instanceId: string;
  readonly port: number;
  readonly state: HealthState;
  /** AWS's words on a target that isn't healthy. */
  readonly reason: string | null;
}

export interface TargetGroupAnswer {
  readonly arn: string;
  readonly targets: readonly TargetAnswer[];
}

/** A pool's spot price as it is now. */
export interface SpotPrice {
  readonly instanceType: string;
  readonly zone: string;
  readonly usdPerHour: number;
  readonly sinceMs: number;
}

/** An incident report as the bucket lists it: its body isn't read. */
export interface ReportHead {
  readonly key: string;
  readonly instanceId: string;
  readonly writtenMs: number;
}

/** What couldn't be looked at, and why, in a sentence. */
export interface Unseen {
  readonly what: string;
  readonly why: string;
}

export interface Answers {
  readonly atMs: number;
  /** Of this cluster and epoch, ended ones included. */
  readonly nodes: readonly OpsNode[];
  /** Groups that didn't answer are missing here, and named in `unseen`. */
  readonly groups: readonly TargetGroupAnswer[];
  readonly prices: readonly SpotPrice[];
  /** Newest first. */
  readonly reports: readonly ReportHead[];
  /** How far the launches have come, of empty slots only. */
  readonly hints: ReadonlyMap<number, HeldSeat>;
  readonly unseen: readonly Unseen[];
}

export const poolName = (instanceType: string, zone: string): string => `${instanceType} ${zone}`;
