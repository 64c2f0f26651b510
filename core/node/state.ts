import type { CloudCall } from '../cloud.js';
import type { Drain } from '../drain/drain.js';
import type { GossipState } from '../gossip/gossip.js';
import type { Address, Leaving, Meta } from '../gossip/member.js';
import type { Fate } from '../interruption/tracker.js';
import type { CopiesLayout } from '../placement/copies.js';
import type { UnsafeCause, VoluntaryAct } from '../safety/judge.js';
import type { Pursuit } from '../seats/pursuit.js';
import type { HeldSeat } from '../seats/seat.js';
import type { Spec } from '../spec/spec.js';
import type { MonoMs } from '../time.js';
import type { HeldTask, NodeEffect, WorkloadStatus } from './port.js';
import type { NodeTimings } from './timings.js';

/** What a node knows of itself when it starts. */
export interface NodeIdentity {
  /** EC2 instance id. */
  readonly id: string;
  /** Where peers reach its gossip. */
  readonly address: Address;
  readonly seat: HeldSeat;
  /** From the tag of its launch; 0 when it isn't there. */
  readonly templateVersion: number;
  readonly zone: string;
  readonly instanceType: string;
  readonly lifecycle: 'spot' | 'on-demand';
  readonly freeMemoryMiB: number;
  readonly freeGpuMemoryMiB: number;
}

/**
 * - looking: asks EC2 whether it is needed before it takes work
 * - serving: its workloads run or start
 * - leaving: it drains
 * - drained: nothing left to do but to fill its seat; ends itself, or waits for AWS to take the machine
 * - gone: the host was told to exit
 */
export type Phase = 'looking' | 'serving' | 'leaving' | 'drained' | 'gone';

/** The brain of one node. Owned by the step that is given it: see `stepNode`. */
export interface NodeState {
  readonly identity: NodeIdentity;
  readonly timings: NodeTimings;
  /** Leave the machine running when the agent stops on purpose. */
  readonly keepInstance: boolean;
  readonly startedMs: MonoMs;
  /** What it runs, as of its start. */
  readonly revision: string;
  spec: Spec;
  phase: Phase;
  gossip: GossipState;
  /** This node's own record, as it was last published. */
  meta: Meta;
  /** What its work leaves free: as told, as it is now, and when that may be told. */
  room: { readonly shown: Room; readonly wanted: Room; readonly dueMs: MonoMs };
  work: number;
  pressure: boolean;
  /** What runs here; null: the host doesn't say. */
  tasks: readonly HeldTask[] | null;
  standby: Meta['standby'];
  leaving: Leaving | null;
  fate: Fate;
  drain: Drain | null;
  readonly workloads: Map<string, WorkloadView>;
  readonly targets: Target[];
  readonly copies: CopiesState;
  /** By slot. */
  readonly pursuits: Map<number, Pursuit>;
  readonly vacancies: Map<number, WatchedVacancy>;
  /** Newer holders of this node's slot: since when each is healthy. */
  readonly successors: Map<string, MonoMs>;
  /** This node's part in a rolling update, for as long as it is its turn. */
  roll: {
    readonly wanted: string;
    readonly successor: string | null;
    readonly dueMs: MonoMs;
    readonly stopped: boolean;
  } | null;
  /** What is held back now; null: nothing. */
  waiting: Waiting | null;
  /** Number of this step. */
  step: number;
  /** Since when its gossip hears few of the cluster, null: it doesn't; and whether that has lasted for a while. */
  hearing: { readonly fewSinceMs: MonoMs | null; readonly apart: boolean };
  readonly ownTags: Record<OwnTag, ToldTag>;
  /** An early replacement is wished for that hasn't been begun. */
  earlyReplacement: boolean;
  /** The most room that each live member was seen to have free. */
  readonly roomiest: Map<string, { readonly memoryMiB: number; readonly gpuMemoryMiB: number }>;
  /** Membership or spec changed since the vacancies were last worked out. */
  membersChanged: boolean;
  lookDueMs: MonoMs;
  specDueMs: MonoMs;
  /** The newest version of the spec that a peer has told of, and since when. */
  heard: { readonly version: number; readonly sinceMs: MonoMs };
  /** `bare`: the others may not be emptied along with it. */
  tags: {
    readonly wanted: string | null;
    readonly written: string | null;
    readonly dueMs: MonoMs;
    readonly bare: boolean;
  };
  words: { readonly written: string | null; readonly dueMs: MonoMs };
  terminateDueMs: MonoMs;
  /** It has told the others that it is gone. */
  leftGossip: boolean;
  /** Calls on their way, by id. */
  readonly calls: Map<number, OpenCall>;
  nextCallId: number;
  readonly counters: NodeCounters;
}

/** What a node tells by a tag of its instance. */
export type OwnTag = 'waiting' | 'hears';

export interface ToldTag {
  /** As EC2 has it; empty: nothing to tell. */
  readonly written: string;
  /** Nothing new is told before; what is over is taken back at once, unless the last write failed. */
  readonly dueMs: MonoMs;
  readonly failed: boolean;
}

/** An act of this node's own will that it holds back. */
export interface Waiting {
  readonly act: VoluntaryAct['type'];
  /** As the Banker's rule says; or the policy has paused such acts, or work with a deadline needs this node. */
  readonly cause: UnsafeCause | 'paused' | 'pressure';
  /** One sentence. */
  readonly reason: string;
  readonly sinceMs: MonoMs;
  /** When it is judged again; never: whenever anything happens. */
  readonly againMs: MonoMs;
  /** When it was last logged; null: not yet. */
  readonly saidMs: MonoMs | null;
  /** The step that last found it waiting. */
  readonly step: number;
}

/** Part of a node's record. */
export type Room = Pick<Meta, 'freeMemoryMiB' | 'freeGpuMemoryMiB' | 'warm'>;

export interface WorkloadView {
  readonly status: WorkloadStatus;
  readonly reportedMs: MonoMs;
  /** The last count of requests in flight while it ran: what it says when it is stopped is lost. Null: never counted. */
  readonly lastInFlight: number | null;
  readonly started: boolean;
  readonly stopAsked: boolean;
}

/**
 * One registration of this node in a target group. `unknown`: a former life of the agent may have made it, or a call that
 * may or may not take effect is on its way.
 */
export interface Target {
  readonly arn: string;
  readonly port: number;
  /** Whose it is. */
  readonly workload: string;
  state: 'unknown' | 'registered' | 'removed';
  dueMs: MonoMs;
  retries: number;
}

export interface WatchedVacancy {
  readonly sinceMs: MonoMs;
  /** Patience counts from here: the vacancy's beginning, or the last look at which parted gossip explained it. */
  readonly patientFromMs: MonoMs;
  readonly dueMs: MonoMs;
}

export interface OpenCall {
  readonly purpose: Purpose;
  readonly call: CloudCall;
  readonly expiresMs: MonoMs;
}

export type Purpose =
  /** The look at EC2 before taking work; also finds the first peers. */
  | { readonly for: 'start' }
  /** The rescuer's look for vacant slots. */
  | { readonly for: 'rescue' }
  /** Is the silent holder of this slot really gone? */
  | { readonly for: 'confirm'; readonly slot: number; readonly generation: number }
  | { readonly for: 'pursuit'; readonly slot: number }
  | { readonly for: 'target'; readonly index: number; readonly act: 'register' | 'deregister' }
  | { readonly for: 'tag'; readonly value: string }
  | { readonly for: 'own-tag'; readonly tag: OwnTag; readonly value: string }
  | { readonly for: 'words'; readonly body: string }
  /** Who launched the holder of a seat: nobody waits for the answer. */
  | { readonly for: 'launch-record' }
  | { readonly for: 'spec' }
  | { readonly for: 'terminate' };

export interface NodeCounters {
  launchesAsked: number;
  replacementsLaunched: number;
  silentDeathsConfirmed: number;
  surplusLeft: number;
}

/** This node's part in the layout of copies: see copies.ts. */
export interface CopiesState {
  layout: CopiesLayout;
  /** Members, this node or the spec changed since the layout was worked out. */
  stale: boolean;
  /** Since when a copy is given to this node that doesn't run here, or isn't that runs here. */
  readonly givenSince: Map<string, MonoMs>;
  readonly takenSince: Map<string, MonoMs>;
  /** Copies that end here: since when they are deregistered; null: not yet. */
  readonly ending: Map<string, MonoMs | null>;
  /** Workloads in the order of this node's own spec: its bits. */
  readonly names: readonly string[];
  /** The same of the revisions that are known, its own and the newest. */
  namesOf: ReadonlyMap<string, readonly string[]>;
}

/** Collects the effects of one step. */
export type Emit = (effect: NodeEffect) => void;
