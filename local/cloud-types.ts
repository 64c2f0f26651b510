import type { InstanceState } from '../core/cloud.js';
import type { WallMs } from '../core/time.js';
import type { FinishedRequest } from './balancer/source.js';
import type { CloudClock } from './clock.js';
import type { RehearsalOptions } from './cloudformation/rehearsal-spec.js';
import type {
  Announce,
  EndCause,
  Interruption,
  InterruptionAction,
  MaintenanceEvent,
  Market,
  PoolOptions,
  Tags,
  ZoneOptions,
} from './ec2/model/types.js';
import type { BalancerView, TargetGroupView, TargetHealthChange } from './elbv2/elbv2.js';
import type { BusEvent, Delivery, EventBus } from './events/bus.js';
import type { Iam } from './iam/iam.js';
import type { Denial } from './iam/ledger.js';
import type { AsyncConfig } from './lambda/async.js';
import type { Functions, InvocationEvent } from './lambda/functions.js';
import type { MachineEvent } from './machines/machine.js';
import type { ProcessUsage } from './machines/processes.js';
import type { Network } from './network/network.js';
import type { ObjectChange, ObjectView } from './s3/service.js';
import type { MappingOptions } from './sqs/mapping.js';
import type { Queues } from './sqs/queues.js';
import type { UnkindInput } from './unkind/options.js';
import type { Call, CallCount } from './wire/history.js';

export interface LocalCloudOptions {
  readonly seed: number | string;
  /** Port of the AWS endpoint on 127.0.0.1. Default 0: any free one. */
  readonly port?: number;
  /** Default `us-east-1`. */
  readonly region?: string;
  readonly zones: readonly ZoneOptions[];
  readonly pools: readonly PoolOptions[];
  /** Pending to running, in ms. Default 16,000. */
  readonly launchDelayMs?: number;
  /** Shutting-down to terminated, in ms: what an agent has after SIGTERM. Default 5,000. */
  readonly shutdownMs?: number;
  /** Notice of an interruption where none is given, in ms. Default 120,000. */
  readonly noticeMs?: number;
  /** What each instance runs; null: instances without processes. */
  readonly machine: MachineOptions | null;
  /** UDP and TCP port of the gossip, which the network carries between nodes. Default 7946. */
  readonly gossipPort?: number;
  /** Where the run's directory is made; default the system's temporary directory. */
  readonly runDir?: string;
  /** Leaves the run's directory, with the nodes' logs, when the cloud stops. Default false. */
  readonly keepFiles?: boolean;
  readonly unkind?: UnkindInput;
  readonly failedAttemptUsesToken?: boolean;
  readonly endedToken?: 'error' | 'return';
  /** Lifetime of role credentials, in ms. Default 6 h. */
  readonly credentialsMs?: number;
  /** See `Elbv2Options`. */
  readonly balancer?: {
    readonly timeScale?: number;
    readonly deregistrationLagMs?: number;
    readonly connectTimeoutMs?: number;
  };
  readonly onEvent?: (event: CloudEvent) => void;
  /** Every request that a load balancer finished. */
  readonly onRequest?: (request: FinishedRequest, balancerName: string) => void;
  /**
   * Real seconds per second of queues' delays and visibility time-outs, of schedules, and of waits before retries. Default 1.
   */
  readonly timeScale?: number;
  /** Brings an event to a rule's target that is neither a queue nor a function of this cloud. */
  readonly deliver?: (delivery: Delivery) => void | Promise<void>;
  readonly clock?: CloudClock;
  /** What is done otherwise in stacks that are created through CloudFormation's API. */
  readonly stacks?: RehearsalOptions;
}

export interface MachineOptions {
  /** Program and arguments; no shell. */
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Asked at each boot for what this instance runs in the place of `command`; a failure gives the instance back. */
  readonly plan?: (node: BootingNode) => Promise<BootPlan>;
}

/** An instance that boots, as far as its own programs know it. */
export interface BootingNode {
  readonly instanceId: string;
  /** Base64, as it was given. */
  readonly userData: string | null;
  /** Of its role; null: it has none. */
  readonly credentials: () => {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken: string;
  } | null;
  /** The AWS endpoint. */
  readonly endpoint: string;
  readonly region: string;
  /** Of the whole cloud. */
  readonly runDir: string;
}

export interface BootPlan {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Access key of the deployer of stacks. Unkindness spares its calls: CloudFormation retries, so a deployment goes on. */
export const DEPLOYER_KEY = 'CLOUDFORMATION';

/** An instance as it is, not as lagging describes show it. */
export interface InstanceView {
  readonly instanceId: string;
  readonly state: InstanceState;
  readonly zone: string;
  readonly instanceType: string;
  readonly lifecycle: Market;
  /** Its ENI: what others see of it. */
  readonly privateIp: string;
  /** What its processes bind. */
  readonly insideIp: string;
  readonly launchTimeMs: WallMs;
  readonly tags: Tags;
  readonly interruption: Interruption | null;
  /** Cut off from the network. */
  readonly cut: boolean;
  /** Main process; null when none runs. */
  readonly pid: number | null;
}

interface Timed {
  readonly atMs: WallMs;
}

/** What happens in the cloud, for live views and verdicts. */
export type CloudEvent =
  | (Timed & {
      readonly type: 'instance-state';
      readonly instanceId: string;
      readonly from: InstanceState | null;
      readonly to: InstanceState;
      readonly cause: 'launch' | EndCause;
      readonly instance: InstanceView;
    })
  | (Timed & { readonly type: 'interruption-notice'; readonly instanceId: string; readonly interruption: Interruption })
  | (Timed & { readonly type: 'rebalance-recommendation'; readonly instanceId: string })
  | (Timed & { readonly type: 'maintenance'; readonly instanceId: string; readonly event: MaintenanceEvent })
  /** The network and the processes of a node are gone from this moment on. */
  | (Timed & { readonly type: 'cut-off'; readonly instanceId: string; readonly cause: 'interruption' | 'failure' })
  | (Timed & { readonly type: 'machine'; readonly instanceId: string; readonly event: MachineEvent })
  | (Timed & { readonly type: 'call'; readonly call: Call })
  | (Timed & { readonly type: 'target-health'; readonly change: TargetHealthChange })
  | (Timed & { readonly type: 'object'; readonly change: ObjectChange })
  /** An event on the bus; `copies` 0: it was lost. */
  | (Timed & { readonly type: 'bus'; readonly event: BusEvent; readonly copies: number })
  /** A call that a role's policies don't allow; told once for each role, action, resource and reason. */
  | (Timed & { readonly type: 'denied'; readonly denial: Denial })
  /** A function ran; `atMs` is its start. */
  | (Timed & { readonly type: 'invocation' } & Omit<InvocationEvent, 'startedMs'>)
  /** A message or an event was given up; `to` null: nobody keeps it. */
  | (Timed & {
      readonly type: 'dead-letter';
      readonly from: string;
      readonly to: string | null;
      readonly messageId: string;
      readonly body: string;
    })
  /** Something of the local cloud itself went wrong, such as a port that is taken. */
  | (Timed & { readonly type: 'trouble'; readonly instanceId: string | null; readonly message: string });

export interface InterruptOptions {
  readonly action?: InterruptionAction;
  /** Default: the cloud's. */
  readonly noticeMs?: number;
  /** Default `both`. */
  readonly announce?: Announce;
}

export interface LocalCloud {
  /** `AWS_ENDPOINT_URL`. */
  readonly endpoint: string;
  readonly region: string;
  readonly runDir: string;
  readonly clock: CloudClock;
  /** For the user's AWS CLI and SDKs. */
  readonly environment: Readonly<Record<string, string>>;
  readonly network: Network;
  /** Roles, policies, and what was asked of them (`iam.ledger`). */
  readonly iam: Iam;
  readonly functions: Functions;
  readonly queues: Queues;
  readonly bus: EventBus;
  /** How a function's asynchronous invocations are retried; null: Lambda's defaults. */
  configureAsync(functionName: string, config: AsyncConfig | null): void;
  /** Lets a queue feed a function; returns the mapping's id. @throws AwsError */
  mapQueue(options: MappingOptions): string;
  /** Waits for the batch under way. One that isn't there is fine. */
  unmapQueue(mappingId: string): Promise<void>;
  /** Every instance that EC2 still knows, in order of launch. */
  instances(): InstanceView[];
  /** EC2 takes a spot instance back, unkindness included. @throws AwsError */
  interrupt(instanceId: string, how?: InterruptOptions): void;
  /** @throws AwsError */
  recommendRebalance(instanceId: string): void;
  /** Retirement of the host in `inMs`. @throws AwsError */
  scheduleMaintenance(instanceId: string, inMs: number): MaintenanceEvent;
  /** EC2 dates its launch so much earlier: for what waits longer than a rehearsal lasts. @throws AwsError */
  age(instanceId: string, byMs: number): void;
  /**
   * Dies without a word: cut off and killed at once. EC2 sees it after `seenAfterMs` (default 3,000) and ends it; null:
   * EC2 goes on to call it running, with failing status checks. @throws AwsError
   */
  fail(instanceId: string, options?: { readonly seenAfterMs?: number | null }): void;
  /** An ended instance's volume or network interface that nobody deleted; returns its id. */
  leaveBehind(kind: 'volume' | 'network-interface', tags: Tags): string;
  /** Kills the agent's process only. False when none runs. */
  failAgent(instanceId: string): boolean;
  /** How many pools it fitted. */
  setCapacity(
    where: { readonly instanceType?: string; readonly zone?: string; readonly market?: Market },
    capacity: number | null,
    code?: string,
  ): number;
  /** @throws AwsError */
  setSpotPrice(instanceType: string, zone: string, pricePerHourUsd: number): void;
  /** Only nodes of one group reach each other; the AWS endpoint is reached by all. */
  partition(groups: readonly (readonly string[])[]): void;
  heal(): void;
  balancers(): BalancerView[];
  targetGroups(): TargetGroupView[];
  /** Everything in S3, sorted by bucket and key. */
  objects(): ObjectView[];
  /** No-op of a bucket that is there. @throws AwsError */
  createBucket(name: string): void;
  /** A target group that stands elsewhere, under its own ARN. No-op of one that is there. */
  adoptTargetGroup(arn: string, healthPath: string): void;
  /** Names of the zones. */
  zones(): string[];
  /** A further subnet of a zone; instances can be launched into it. False: it was there. @throws CloudError */
  addSubnet(subnetId: string, zone: string): boolean;
  /** A further pool, such as a stack's template names. False: it was there. */
  addPool(pool: PoolOptions): boolean;
  /** No-op of one that isn't there. */
  removeSubnet(subnetId: string): void;
  calls(): CallCount[];
  /** Memory and processor time of a node's processes. */
  usage(instanceId: string): Promise<ProcessUsage>;
  /** Ends every process, port and file of the run. Idempotent. */
  stop(): Promise<void>;
}

/** The cloud can't start for a reason that the user can change. */
export class CloudError extends Error {
  override readonly name = 'CloudError';
  readonly code: 'PORT_IN_USE' | 'PORT_FORBIDDEN' | 'BAD_OPTIONS';

  constructor(code: CloudError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
