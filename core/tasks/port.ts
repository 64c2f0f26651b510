import type { CloudError } from '../cloud.js';
import type { Address } from '../gossip/member.js';
import type { LogFields, LogLevel } from '../node/port.js';
import type { MonoMs, WallMs } from '../time.js';
import type { CheckpointRef, Lease, TaskSpec } from './task.js';

/**
 * What a host tells the worker of a node (`stepWorker` in worker.ts), and what the worker asks of its host. The worker
 * is the second brain on a node, beside core/node's: that one sees it as a workload of kind `tasks`, whose requests in
 * flight are the tasks that aren't settled yet. All decisions on tasks pass through these unions; the agent and the
 * fault schedules carry them out.
 */
export type WorkerEvent =
  /** `nextWorkerDeadlineMs` has passed. */
  | { readonly type: 'tick' }
  /** The node's brain wants tasks to be run (once, at its start). */
  | { readonly type: 'start' }
  /** The node's brain wants everything to end within `graceMs`: what still runs is saved if time allows, and stopped. */
  | { readonly type: 'stop'; readonly graceMs: number }
  /** This node goes, at the deadline or (null) when its work is settled. Said once, or again with an earlier deadline. */
  | { readonly type: 'leaving'; readonly deadlineMs: WallMs | null; readonly cause: string }
  /** The others that live, leaving ones included, this node not; at each change. */
  | { readonly type: 'peers'; readonly peers: readonly PeerView[] }
  /** A peer told of new work (its record's `work` grew). */
  | { readonly type: 'work-heard' }
  | { readonly type: 'stored'; readonly id: number; readonly outcome: StoreOutcome }
  /** A peer asks. To be answered by an `answer` of the same connection, soon. */
  | { readonly type: 'asked'; readonly connection: number; readonly from: string; readonly note: Note }
  /** A peer's answer; null: none came. */
  | { readonly type: 'answered'; readonly id: number; readonly note: Note | null }
  /** The program runs; `warm`: no data had to be fetched. */
  | { readonly type: 'task-started'; readonly task: string; readonly fence: number }
  /** It ended, or couldn't begin (`exitCode` null, with the reason). `tail`: its last lines. */
  | {
      readonly type: 'task-ended';
      readonly task: string;
      readonly fence: number;
      readonly exitCode: number | null;
      readonly signal: string | null;
      readonly problem: string | null;
      readonly tail: string;
      /** It wrote more than fits into the tail, and the whole lies on this node. */
      readonly longLog: boolean;
    }
  /** The task has said that its folder holds a consistent state (it replaced its marker file). */
  | { readonly type: 'task-marked'; readonly task: string; readonly fence: number; readonly progress: number | null }
  /** What a checkpoint would have to send now; at least every 10 s while the task runs, and every second once leaving. */
  | {
      readonly type: 'task-size';
      readonly task: string;
      readonly fence: number;
      /** Bytes changed since the last checkpoint that was sent whole, and all bytes of the folder. */
      readonly changedBytes: number;
      readonly bytes: number;
    }
  /** An upload's or download's measured rate, bytes/s over all that run together. */
  | { readonly type: 'bandwidth'; readonly bytesPerSecond: number }
  /** The files and the manifest are in S3; the lease doesn't name them yet. */
  | { readonly type: 'saved'; readonly task: string; readonly fence: number; readonly checkpoint: CheckpointRef }
  | { readonly type: 'save-failed'; readonly task: string; readonly fence: number; readonly why: string };

export interface PeerView {
  readonly id: string;
  readonly address: Address;
  readonly leaving: boolean;
  readonly freeMemoryMiB: number;
  readonly freeGpuMemoryMiB: number;
  /** Digests of data that it has: see warmth.ts. */
  readonly warm: readonly string[];
}

export type WorkerEffect =
  /** To be answered with `stored` of the same id, within `timeoutMs`. */
  | { readonly type: 'store'; readonly id: number; readonly call: StoreCall; readonly timeoutMs: number }
  | { readonly type: 'ask'; readonly id: number; readonly to: Address; readonly note: Note; readonly timeoutMs: number }
  | { readonly type: 'answer'; readonly connection: number; readonly note: Note }
  /** Fetch data, restore the checkpoint (digests checked), start the program. `task-started` or `task-ended` follows. */
  | {
      readonly type: 'run-task';
      readonly spec: TaskSpec;
      readonly fence: number;
      readonly restore: CheckpointRef | null;
    }
  /** The notice, as the task's `checkpoint.notify` says; it may still run on. */
  | { readonly type: 'tell-task'; readonly task: string; readonly fence: number; readonly deadlineMs: WallMs }
  /** SIGTERM now, SIGKILL after `graceMs`; `task-ended` follows. */
  | { readonly type: 'stop-task'; readonly task: string; readonly fence: number; readonly graceMs: number }
  /**
   * Upload the folder: new contents, then the manifest; `saved` or `save-failed` follows by `byMs` at the latest. What is sent
   * is the state of the latest mark, where the task marks its states; after `task-ended`, what it left. The worker
   * itself fills in `doneMs` of the checkpoint, and its progress where the task doesn't say.
   */
  | {
      readonly type: 'save-task';
      readonly task: string;
      readonly fence: number;
      readonly seq: number;
      readonly byMs: MonoMs;
    }
  /**
   * The lease names this checkpoint now: contents of this fence that neither it nor the one before (nor a later one) names
   * may be deleted. Not while a save is on its way: both take turns. Nothing of another fence is touched: a holder that
   * comes late must not delete what the next one builds on.
   */
  | { readonly type: 'prune'; readonly task: string; readonly fence: number; readonly keep: readonly CheckpointRef[] }
  /** Put the whole log of an execution under this key. */
  | { readonly type: 'save-task-log'; readonly task: string; readonly fence: number; readonly key: string }
  /** Forget the task and its working folder. */
  | { readonly type: 'drop-task'; readonly task: string; readonly fence: number }
  /** What the others shall know of this node: goes into its gossip record. */
  | {
      readonly type: 'publish';
      readonly freeMemoryMiB: number;
      readonly freeGpuMemoryMiB: number;
      readonly warm: readonly string[];
      /** Wall time in s of the newest work known; grows only. */
      readonly work: number;
      /** Work with a deadline falls behind on spot: seats are to be filled on-demand for now. */
      readonly pressure: boolean;
    }
  | { readonly type: 'log'; readonly level: LogLevel; readonly code: string; readonly fields: LogFields }
  /** After `stop`: nothing runs, nothing is held. */
  | { readonly type: 'stopped' };

/** Requests to the bucket. A call never throws; a lost reply is an outcome of kind `unknown`. */
export type StoreCall =
  /** One page, at most 1,000 keys, in key order after `after`. */
  | { readonly op: 'list'; readonly prefix: string; readonly after: string | null }
  | { readonly op: 'get'; readonly key: string }
  /**
   * `etag`: only if it is still that; null: only if there is none; absent: in any case. A conditional put is sent once: were
   * it repeated after a lost reply, its own success would look like a conflict.
   */
  | { readonly op: 'put'; readonly key: string; readonly body: string; readonly etag?: string | null }
  /** At most 1,000 keys; deleting what isn't there succeeds. */
  | { readonly op: 'delete'; readonly keys: readonly string[] };

export type StoreOp = StoreCall['op'];

export interface StoreValues {
  list: StoreListing;
  /** Null: no such object. */
  get: { readonly body: string; readonly etag: string } | null;
  put: { readonly etag: string };
  delete: null;
}

export type StoreOutcome<Op extends StoreOp = StoreOp> =
  | { readonly ok: true; readonly value: StoreValues[Op] }
  /** `conflict`: the condition didn't hold (also: the object to be replaced is gone). */
  | { readonly ok: false; readonly error: CloudError };

export interface StoreListing {
  readonly entries: readonly StoreEntry[];
  /** S3's own time, from its answer: leases are judged by S3's clock alone. */
  readonly nowMs: WallMs;
  /** There are more keys. */
  readonly more: boolean;
}

export interface StoreEntry {
  readonly key: string;
  readonly etag: string;
  readonly bytes: number;
  /** By S3's clock; whole seconds. */
  readonly modifiedMs: WallMs;
}

/**
 * What workers say to each other, over the gossip's sealed streams; JSON on the wire, checked by note.ts. A hand-over:
 * offer -> accept (room is reserved until then) -> take (with the last checkpoint) -> taking; later the receiver says
 * `running`, and gets `yours` with the lease, that names it as the next holder, or `keep` if the sender went on.
 */
export type Note =
  | {
      readonly type: 'offer';
      readonly spec: TaskSpec;
      readonly stateMiB: number;
      /** The room is to be kept so long, in ms from now. */
      readonly keepMs: number;
    }
  | { readonly type: 'accept'; readonly task: string }
  | { readonly type: 'refuse'; readonly task: string; readonly reason: string }
  | { readonly type: 'take'; readonly task: string; readonly fence: number; readonly checkpoint: CheckpointRef | null }
  | { readonly type: 'taking'; readonly task: string }
  | { readonly type: 'running'; readonly task: string }
  | { readonly type: 'yours'; readonly task: string; readonly lease: Lease; readonly etag: string }
  | { readonly type: 'keep'; readonly task: string }
  /** The reservation isn't needed any more. */
  | { readonly type: 'release'; readonly task: string }
  | { readonly type: 'ok' };
