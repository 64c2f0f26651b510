import type { DeadlinePolicy } from '../policy/deadline/policy.js';
import type { TasksWorkload } from '../spec/spec.js';
import type { MonoMs } from '../time.js';
import type { OpenEntry } from './keys.js';
import type { PeerView, StoreCall, WorkerEffect } from './port.js';
import type { CheckpointRef, Lease, TaskRecord, TaskSpec } from './task.js';
import type { WorkerTimings } from './timings.js';

export interface WorkerIdentity {
  /** EC2 instance id. */
  readonly id: string;
  readonly instanceType: string;
  readonly zone: string;
  readonly lifecycle: 'spot' | 'on-demand';
}

/** MiB that tasks may take. */
export interface Room {
  readonly memoryMiB: number;
  readonly gpuMemoryMiB: number;
}

/** Whether a task may be started now; a reason: not yet, and why. */
export type Admission = (spec: TaskSpec, view: AdmissionView) => string | null;

export interface AdmissionView {
  readonly identity: WorkerIdentity;
  readonly room: Room;
  readonly running: readonly TaskSpec[];
  readonly peers: readonly PeerView[];
}

export interface WorkerOptions {
  readonly identity: WorkerIdentity;
  readonly workload: TasksWorkload;
  readonly room: Room;
  /** Names this writer in the keys of journals; letters, digits and hyphens. */
  readonly writer: string;
  readonly preset: 'lan' | 'local';
  /** Digests of data that is here from a former life. Default none. */
  readonly warm?: readonly string[];
  /** Absent: whatever fits is started. */
  readonly admit?: Admission;
}

/**
 * - waiting: not told to start yet
 * - running: looks for work and does it
 * - stopping: brings everything to an end
 * - stopped: nothing runs, nothing is held
 */
export type WorkerPhase = 'waiting' | 'running' | 'stopping' | 'stopped';

/** The worker of one node. Owned by the step that is given it: see `stepWorker`. */
export interface WorkerState {
  readonly options: WorkerOptions;
  readonly timings: WorkerTimings;
  /** Begins every nonce of this life: two lives of a node must differ. */
  readonly life: string;
  phase: WorkerPhase;
  /** This node goes, or stops, at that moment. */
  leaving: Leaving | null;
  peers: readonly PeerView[];
  /** By task key: what this node claims, runs, receives or brings to an end. */
  readonly held: Map<string, Held>;
  /** Room promised to peers that leave, by task key. */
  readonly reserved: Map<string, Reservation>;
  /** Leases given to peers, for those that ask once more; the latest ones. */
  readonly given: Map<string, Given>;
  readonly queue: Queue;
  readonly archive: Archive;
  readonly pressure: PressureState;
  /** Digests of data that this node has. */
  warm: readonly string[];
  /** Wall seconds of the newest work known. */
  work: number;
  published: { readonly text: string; readonly atMs: MonoMs } | null;
  /** Something may have changed since. */
  publishDue: boolean;
  /** Bytes/s of uploads, measured; null: not yet. */
  bytesPerSecond: number | null;
  readonly calls: Map<number, OpenCall>;
  nextId: number;
  nextNonce: number;
  readonly counters: WorkerCounters;
}

export interface WorkerCounters {
  requests: number;
  claims: number;
  claimsLost: number;
  done: number;
  failed: number;
  interrupted: number;
  handedOver: number;
  received: number;
  checkpoints: number;
  leasesLost: number;
}

export interface Leaving {
  readonly deadlineMs: MonoMs;
  /** Kept free before that for the last writes. */
  readonly settleMs: number;
  readonly cause: string;
  /** A plan that is made anew: when. */
  planDueMs: MonoMs;
}

export interface OpenCall {
  readonly purpose: Purpose;
  /** Null: it is a question to a peer. */
  readonly op: StoreCall['op'] | null;
  readonly sentMs: MonoMs;
  readonly expiresMs: MonoMs;
}

export type Purpose =
  /** A page of the look for work. */
  | { readonly for: 'look' }
  | { readonly for: 'spec'; readonly task: string }
  | { readonly for: 'lease'; readonly task: string }
  /** Of a task that is held: its fence tells lives of the task on this node apart. */
  | { readonly for: 'register'; readonly task: string; readonly fence: number }
  | { readonly for: 'verify'; readonly task: string; readonly fence: number }
  | { readonly for: 'poll'; readonly task: string; readonly fence: number }
  | { readonly for: 'archive'; readonly batch: number }
  | { readonly for: 'phantom' | 'orphan'; readonly task: string }
  | { readonly for: 'offer' | 'take' | 'given'; readonly task: string; readonly fence: number }
  | { readonly for: 'running'; readonly task: string; readonly fence: number }
  | { readonly for: 'release' };

/** What this node has seen of the queue. */
export interface Queue {
  entries: readonly OpenEntry[];
  /** Entries that it is this node's turn to claim, in order; with the moment from which that isn't known any more. */
  turn: Turn[];
  readonly leases: Map<string, SeenLease>;
  readonly specs: Map<string, SeenSpec>;
  /** Since when an entry was claimable in each look. */
  claimableSince: Map<string, MonoMs>;
  /** The first task of each node's turn, and since when it is that. */
  heads: ReadonlyMap<string, { readonly task: string; readonly sinceMs: MonoMs }>;
  /** When a claimable task was first seen as the first one of a node's turn. */
  firstSince: Map<string, MonoMs>;
  /** Since when a look shows nothing that is this node's turn; null: something is. */
  idleSinceMs: MonoMs | null;
  /** Leases without an open object: since when. */
  orphans: Map<string, MonoMs>;
  /** When the last look that was carried to its end began; null: none yet. */
  seenMs: MonoMs | null;
  look: Look | null;
  dueMs: MonoMs;
  fruitless: number;
  /** Looks to come that leave the listing of leases out. */
  sweepDueMs: MonoMs;
  /** Something changed that may allow a claim. */
  changed: boolean;
  /** When a back-off ends, or a deputy's turn begins: time to choose again. */
  chooseDueMs: MonoMs;
}

export interface Turn {
  readonly entry: OpenEntry;
  readonly untilMs: MonoMs;
  /** Where it doesn't fit, room is kept for it. */
  readonly keeps: boolean;
}

export interface Look {
  stage: 'open' | 'leases';
  readonly sentMs: MonoMs;
  readonly sweep: boolean;
  readonly open: OpenEntry[];
  readonly leases: Map<string, SeenLease>;
  after: string | null;
  pages: number;
  retryMs: MonoMs;
  tries: number;
  requests: number;
}

/** A lease as a listing or a read showed it. Its age now is at least `ageMs` and what passed since. */
export interface SeenLease {
  readonly etag: string;
  readonly ageMs: number;
  readonly seenMs: MonoMs;
  /** Null: not read yet; `bad`: what stands there is no lease. */
  readonly lease: Lease | null | 'bad';
  /** Its length says that it is free, and that is worth a read. */
  readonly free?: boolean;
}

export interface SeenSpec {
  /** Null: what stands there is no task. */
  readonly spec: TaskSpec | null;
  /** When the request was sent that showed it. */
  readonly seenMs: MonoMs;
}

/** A lease that this node holds, or tries to get. */
export interface Register {
  /** What S3 holds of this node's, as far as known. */
  lease: Lease | null;
  etag: string | null;
  /** Until when this node may count on it. */
  endMs: MonoMs;
  write: Write | null;
  /** Somebody else has it: what was found. */
  lost: { readonly lease: Lease | null; readonly etag: string | null } | null;
}

/** A change on its way. It is sent again unchanged until it is known to have won or lost: see register.ts. */
export interface Write {
  readonly next: Lease;
  readonly etag: string | null;
  readonly why: WriteReason;
  readonly firstSentMs: MonoMs;
  stage: 'put' | 'check';
  dueMs: MonoMs;
  asking: boolean;
  tries: number;
}

export type WriteReason = 'claim' | 'renew' | 'commit' | 'done' | 'failed' | 'free' | 'give';

export interface Held {
  readonly key: string;
  readonly spec: TaskSpec;
  readonly fence: number;
  /** When the request was sent that last showed the open object. */
  openSeenMs: MonoMs;
  /** Null: it was claimed here. */
  readonly received: Receipt | null;
  /** The open object is known to have been there when the lease was won. */
  verified: boolean;
  readonly register: Register;
  program: 'none' | 'starting' | 'running' | 'ended';
  startedMs: MonoMs | null;
  /** Computing time that the restored checkpoint stands for. */
  baseMs: number;
  ended: Ended | null;
  stop: StopReason | null;
  told: boolean;
  readonly saves: Saves;
  evacuation: {
    readonly kind: 'finish' | 'full' | 'partial' | 'restart';
    readonly startMs: MonoMs;
    readonly stopByMs: MonoMs;
    readonly byMs: MonoMs;
  } | null;
  handover: Handover;
}

/** Why a program was stopped; how it ended then says nothing of the task. */
export type StopReason = 'leaving' | 'lost' | 'kept';

export interface Ended {
  readonly atMs: MonoMs;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly problem: string | null;
  readonly tail: string;
  readonly longLog: boolean;
}

export interface Saves {
  nextSeq: number;
  dueMs: MonoMs;
  /** On its way. `pointMs`: the moment whose state it holds. */
  sending: { readonly seq: number; readonly pointMs: MonoMs; readonly byMs: MonoMs; readonly last: boolean } | null;
  /** Whole in S3, but no lease names it yet. */
  uncommitted: CheckpointRef | null;
  /** The one before the lease's, which is kept too. */
  previous: CheckpointRef | null;
  markMs: MonoMs | null;
  markSaved: boolean;
  progress: number | null;
  sentMs: MonoMs | null;
  /** When one failed last. */
  failedMs: MonoMs | null;
  /** Why, until one succeeds. */
  problem: string | null;
  size: { readonly bytes: number; readonly changedBytes: number } | null;
  /** The state that the task left at its end is saved, or nothing can be done about it. */
  lastDone: boolean;
}

/** The sender's side: see handover.ts. */
export interface Handover {
  stage: 'none' | 'offered' | 'accepted' | 'taking' | 'waiting';
  peer: string | null;
  untilMs: MonoMs;
  readonly refusedBy: Set<string>;
  /** The receiver's question that waits for the lease. */
  connection: number | null;
}

/** The receiver's side. */
export interface Receipt {
  readonly from: string;
  readonly restore: CheckpointRef | null;
  readonly sinceMs: MonoMs;
  /** It was told that it runs. */
  told: boolean;
  pollMs: MonoMs;
  asking: boolean;
  /** The register as seen last, and since when it stays like that. */
  seen: { readonly etag: string; readonly sinceMs: MonoMs } | null;
}

export interface Reservation {
  readonly spec: TaskSpec;
  readonly from: string;
  readonly untilMs: MonoMs;
}

export interface Given {
  readonly lease: Lease;
  readonly etag: string;
  readonly peer: string;
}

/** What has ended and is cleared away: see archive.ts. */
export interface Archive {
  readonly items: ArchiveItem[];
  readonly batches: Map<number, Batch>;
  nextBatch: number;
  nextJournal: number;
}

export interface ArchiveItem {
  readonly task: string;
  readonly id: string;
  readonly run: number;
  /** Null: it is in a journal already; only its remains are left. */
  readonly record: TaskRecord | null;
  /** Where its checkpoints stand, as far as they are to go. */
  readonly prefixes: string[];
  stage: 'failed' | 'journal' | 'open' | 'checkpoints' | 'lease';
  dueMs: MonoMs;
  busy: boolean;
  tries: number;
}

export interface Batch {
  readonly stage: ArchiveItem['stage'];
  readonly items: readonly ArchiveItem[];
}

export interface PressureState {
  /** One policy a task with a deadline; it learns. */
  readonly policies: Map<string, { readonly policy: DeadlinePolicy; seenMs: MonoMs }>;
  dueMs: MonoMs;
  untilMs: MonoMs;
  on: boolean;
}

export type Emit = (effect: WorkerEffect) => void;
