/** A task as people see it, put together of what stands in the bucket. */
import type { OpenEntry } from '../../core/tasks/keys.js';
import { type Lease, type TaskRecord, type TaskSpec, taskKey } from '../../core/tasks/task.js';

export const STATES = ['waiting', 'running', 'done', 'failed', 'cancelled'] as const;
export type State = (typeof STATES)[number];

export interface TaskView {
  /** `id.run`. */
  readonly key: string;
  readonly id: string;
  readonly run: number;
  readonly state: State;
  readonly priority: number;
  readonly submittedMs: number;
  /** Null: nobody has ever held it. */
  readonly lease: Lease | null;
  /** Null: to be read from its open object, which has this key. */
  readonly spec: TaskSpec | null;
  readonly openKey: string | null;
  /** Its holder hasn't renewed its lease in time: somebody else may take it. */
  readonly overdue: boolean;
}

export const isFinal = (state: State): boolean => state === 'done' || state === 'failed' || state === 'cancelled';

export const finalLease = (lease: Lease): boolean => lease.state !== 'held' && lease.state !== 'free';

/** @param leaseAgeMs age of the lease by S3's clock */
export function openView(entry: OpenEntry, lease: Lease | null, leaseAgeMs: number, leaseMs: number): TaskView {
  const overdue = lease?.state === 'held' && leaseAgeMs > leaseMs;
  return {
    key: taskKey(entry),
    id: entry.id,
    run: entry.run,
    state: stateOf(lease, overdue),
    priority: entry.priority,
    submittedMs: entry.submittedMs,
    lease,
    spec: null,
    openKey: entry.key,
    overdue,
  };
}

export function endedView({ spec, lease }: TaskRecord): TaskView {
  return {
    key: taskKey(spec),
    id: spec.id,
    run: spec.run,
    state: stateOf(lease, false),
    priority: spec.priority,
    submittedMs: spec.submittedMs,
    lease,
    spec,
    openKey: null,
    overdue: false,
  };
}

function stateOf(lease: Lease | null, overdue: boolean): State {
  if (lease === null) return 'waiting';
  switch (lease.state) {
    case 'free':
      return 'waiting';
    case 'held':
      return overdue ? 'waiting' : 'running';
    default:
      return lease.state;
  }
}

/** The node that it is on, or was on last. */
export const nodeOf = ({ lease }: TaskView): string | null =>
  lease?.attempts.at(-1)?.instanceId ?? lease?.holder ?? null;

/** When it ended; null: it hasn't, or nobody noted it. */
export const endedMs = ({ state, lease }: TaskView): number | null =>
  isFinal(state) ? (lease?.attempts.at(-1)?.endedMs ?? null) : null;

/**
 * Of two views of one run the truer: a final one, else that of the later holder, else the later one, which is a record
 * where there is one.
 */
export function truer<T extends Judged>(a: T, b: T): T {
  if (isFinal(a.state) !== isFinal(b.state)) return isFinal(a.state) ? a : b;
  return (b.lease?.fence ?? 0) >= (a.lease?.fence ?? 0) ? b : a;
}

interface Judged {
  readonly state: State;
  readonly lease: { readonly fence: number } | null;
}
