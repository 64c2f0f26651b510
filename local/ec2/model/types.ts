import type { InstanceState } from '../../../core/cloud.js';
import type { MonoMs, WallMs } from '../../../core/time.js';
import type { XmlObject } from '../../wire/xml.js';

/**
 * A model of EC2's fleet part: instances, launch templates, tokens, capacity pools. Pure: time and randomness come in
 * with each call, so that the local cloud runs it on the clock and the fault schedules under virtual time. Refusals
 * are thrown as `AwsError`; what EC2 reports inside a 200 is returned.
 */
export interface Ec2Options {
  readonly region: string;
  readonly accountId: string;
  readonly zones: readonly ZoneOptions[];
  readonly pools: readonly PoolOptions[];
  /** Pending to running, in ms. */
  readonly launchDelayMs: number;
  /** Shutting-down to terminated, in ms. */
  readonly shutdownMs: number;
  /** Running until status checks pass, in ms. */
  readonly statusCheckMs: number;
  /** How long an ended instance stays visible, in ms. */
  readonly visibleMs: number;
  /** Describes answer as of this long ago, in ms. */
  readonly describeLagMs: number;
  /** Whether a CreateFleet that launched nothing uses its token up (undocumented: both are played). */
  readonly failedAttemptUsesToken: boolean;
  /** A repeated token whose instance has ended: an error, or the old answer (both are seen). */
  readonly endedToken: 'error' | 'return';
  /** Private IP of the next instance in a zone; null: the subnet is full. */
  readonly nextAddress: (zone: string) => string | null;
}

export interface ZoneOptions {
  readonly name: string;
  readonly subnetId: string;
}

/** A capacity pool. Capacity: instances at the same time; null: endless. */
export interface PoolOptions {
  readonly instanceType: string;
  readonly zone: string;
  /** US dollars an hour. */
  readonly spotPrice: number;
  readonly onDemandPrice: number;
  /** Of spot. */
  readonly capacity: number | null;
  readonly onDemandCapacity?: number | null;
}

export type Market = 'spot' | 'on-demand';
export type InterruptionAction = 'terminate' | 'stop' | 'hibernate';
/** Where a notice is to be seen: IMDS, EventBridge, both or neither. */
export type Announce = 'both' | 'imds' | 'event' | 'none';
export type EndCause = 'user' | 'interruption' | 'failure';

export type Tags = Readonly<Record<string, string>>;

export interface MetadataOptions {
  readonly httpTokens: 'optional' | 'required';
  readonly hopLimit: number;
  readonly enabled: boolean;
  /** Whether IMDS serves `tags/instance/`. */
  readonly tags: boolean;
}

/** One version of an instance; a change makes a new one. */
export interface InstanceRecord {
  readonly instanceId: string;
  /** Order of launch, for paging. */
  readonly seq: number;
  readonly reservationId: string;
  readonly state: InstanceState;
  readonly stateReason: { readonly code: string; readonly message: string } | null;
  /** `User initiated (2026-01-17 10:30:00 GMT)`; empty while it lives. */
  readonly transitionReason: string;
  readonly instanceType: string;
  readonly zone: string;
  readonly subnetId: string;
  readonly privateIp: string;
  readonly lifecycle: Market;
  readonly interruptionBehavior: InterruptionAction;
  readonly launchTimeMs: WallMs;
  readonly clientToken: string;
  readonly fleetId: string | null;
  readonly imageId: string;
  readonly keyName: string | null;
  readonly userData: string | null;
  readonly securityGroupIds: readonly string[];
  /** ARN or name, as given. */
  readonly instanceProfile: string | null;
  readonly metadata: MetadataOptions;
  readonly template: { readonly id: string; readonly version: number } | null;
  readonly tags: Tags;
  /** False: status checks fail. */
  readonly statusOk: boolean;
  readonly runningSinceMs: WallMs | null;
  readonly interruption: Interruption | null;
  readonly rebalanceNoticeMs: WallMs | null;
  readonly maintenance: readonly MaintenanceEvent[];
}

export interface Interruption {
  readonly action: InterruptionAction;
  readonly atMs: WallMs;
  readonly announce: Announce;
}

export interface MaintenanceEvent {
  readonly eventId: string;
  readonly code: 'instance-reboot' | 'system-reboot' | 'system-maintenance' | 'instance-retirement' | 'instance-stop';
  readonly description: string;
  readonly notBeforeMs: WallMs;
  readonly notAfterMs: WallMs;
}

/** An instance: its versions, the newest last, as far back as describes may look; and what will happen to it. */
export interface Instance {
  readonly instanceId: string;
  record: InstanceRecord;
  readonly past: { readonly untilMs: MonoMs; readonly record: InstanceRecord | null }[];
  due: Due[];
}

export interface Due {
  readonly atMs: MonoMs;
  readonly what: 'run' | 'reclaim' | 'terminated' | 'stopped' | 'failed-seen' | 'forget';
}

export interface Pool {
  readonly options: PoolOptions;
  readonly key: string;
  readonly capacity: Record<Market, number | null>;
  /** Error code when the pool has no capacity left. */
  readonly shortage: Record<Market, string>;
  spotPrice: number;
  /** Newest first. */
  readonly prices: { readonly atMs: WallMs; readonly price: number }[];
}

export interface Fleet {
  readonly fleetId: string;
  readonly createTimeMs: WallMs;
  readonly request: FleetRequest;
  readonly answer: FleetAnswer;
  tags: Tags;
}

export interface LaunchTemplate {
  readonly templateId: string;
  readonly name: string;
  readonly createTimeMs: WallMs;
  defaultVersion: number;
  tags: Tags;
  readonly versions: TemplateVersion[];
}

export interface TemplateVersion {
  readonly version: number;
  readonly description: string | null;
  readonly createTimeMs: WallMs;
  readonly data: TemplateData;
  /** The data as it is described, with what has no effect here. */
  readonly echo: XmlObject;
}

export interface TemplateData {
  readonly imageId: string | null;
  readonly instanceType: string | null;
  readonly keyName: string | null;
  readonly userData: string | null;
  readonly securityGroupIds: readonly string[];
  readonly instanceProfile: string | null;
  readonly metadata: MetadataOptions;
  readonly tagSpecifications: readonly TagSpecification[];
}

export interface TagSpecification {
  readonly resourceType: string;
  readonly tags: Tags;
}

/** CreateFleet of type instant. */
export interface FleetRequest {
  /** Null: the caller gave none, so every call stands for itself. */
  readonly clientToken: string | null;
  readonly configs: readonly FleetConfig[];
  readonly total: number;
  readonly spot: number | null;
  readonly onDemand: number | null;
  readonly defaultMarket: Market;
  readonly spotAllocation: SpotAllocation | null;
  readonly onDemandAllocation: 'lowest-price' | 'prioritized' | null;
  readonly interruptionBehavior: InterruptionAction | null;
  /** Fewer than this: nothing is launched. */
  readonly minSpot: number | null;
  readonly minOnDemand: number | null;
  readonly tagSpecifications: readonly TagSpecification[];
}

export type SpotAllocation =
  | 'price-capacity-optimized'
  | 'capacity-optimized'
  | 'capacity-optimized-prioritized'
  | 'lowest-price'
  | 'diversified';

export interface FleetConfig {
  readonly templateId: string;
  /** A number, `$Latest` or `$Default`. */
  readonly version: string;
  readonly overrides: readonly FleetOverride[];
}

export interface FleetOverride {
  readonly instanceType: string | null;
  readonly subnetId: string | null;
  readonly zone: string | null;
  readonly priority: number | null;
}

export interface FleetAnswer {
  readonly fleetId: string;
  readonly instances: readonly FleetInstance[];
  readonly errors: readonly FleetError[];
}

export interface FleetInstance {
  readonly instanceIds: readonly string[];
  readonly templateId: string;
  readonly version: string;
  readonly override: FleetOverride;
  readonly instanceType: string;
  readonly market: Market;
}

export interface FleetError {
  readonly code: string;
  readonly message: string;
  readonly templateId: string;
  readonly version: string;
  readonly override: FleetOverride;
  readonly market: Market;
}

/** What an instance left behind, `available` to be used or deleted. */
export interface Leftover {
  readonly id: string;
  readonly kind: 'volume' | 'network-interface';
  readonly zone: string;
  readonly createTimeMs: WallMs;
  readonly tags: Tags;
}

/** What was done with a token. */
export interface TokenRecord {
  /** The parameters, to compare a repeat with. */
  readonly fingerprint: string;
  readonly instanceIds: readonly string[];
  readonly answer: FleetAnswer | null;
}

export interface Ec2Model {
  readonly options: Ec2Options;
  /** Lag at the moment; starts as `options.describeLagMs`. */
  describeLagMs: number;
  /** Where instances can be launched; at first one a zone. */
  readonly subnets: ZoneOptions[];
  readonly instances: Map<string, Instance>;
  readonly pools: Map<string, Pool>;
  readonly fleets: Map<string, Fleet>;
  readonly templates: Map<string, LaunchTemplate>;
  readonly tokens: Map<string, TokenRecord>;
  /** Volumes and network interfaces that outlived their instance. Those of living instances go with them. */
  readonly leftovers: Map<string, Leftover>;
  /** Transitions that `advance` hasn't handed out yet. */
  outbox: Transition[];
  nextSeq: number;
}

/** What happened to an instance. */
export type Transition =
  | {
      readonly type: 'state';
      readonly instanceId: string;
      readonly from: InstanceState | null;
      readonly to: InstanceState;
      readonly cause: 'launch' | EndCause;
      readonly wallMs: WallMs;
    }
  | {
      readonly type: 'interruption-notice';
      readonly instanceId: string;
      readonly interruption: Interruption;
      readonly wallMs: WallMs;
    }
  | { readonly type: 'rebalance-recommendation'; readonly instanceId: string; readonly wallMs: WallMs }
  | {
      readonly type: 'maintenance-scheduled';
      readonly instanceId: string;
      readonly event: MaintenanceEvent;
      readonly wallMs: WallMs;
    }
  /** Died without a word; EC2 doesn't know it yet. */
  | { readonly type: 'failed'; readonly instanceId: string; readonly wallMs: WallMs }
  /** At its interruption's deadline: the machine is gone at once, whatever EC2 says it does. */
  | { readonly type: 'reclaimed'; readonly instanceId: string; readonly wallMs: WallMs };
