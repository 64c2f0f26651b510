/**
 * How far a cluster's tasks are, for a page that looks again and again: three listings every half minute, and each journal
 * of ended tasks once. Who may not list them is told so, and has no card.
 */

import { callOf } from '../../../aws/failed-call.js';
import { deniedAction } from '../../../aws/failure.js';
import type { Spec } from '../../../core/spec/spec.js';
import { LEASES, OPEN } from '../../../core/tasks/keys.js';
import type { Session } from '../../aws/session.js';
import { EndedTasks } from '../../tasks/ended.js';
import { type QueueStore, queueStore } from '../../tasks/store.js';
import { type Tally, tallyOf } from '../../tasks/tally.js';
import type { TasksCard } from '../../ui/picture.js';
import type { Unseen } from '../answers.js';

const EVERY_MS = 30_000;
/** Rights come seldom. */
const DENIED_MS = 300_000;
/** Of 1,000 keys each. */
const PAGES = 5;

export interface TasksSeen {
  /** Null: the cluster has no tasks, or they can't be seen. */
  readonly card: TasksCard | null;
  /** Why they can't. */
  readonly unseen: Unseen | null;
}

const NOTHING: TasksSeen = { card: null, unseen: null };

export class TaskCounts {
  #bucket: string | null = null;
  #ended = new EndedTasks();
  #seen = NOTHING;
  #nextMs = 0;

  /** Never rejects. @param failed told of an error of AWS's */
  async look(session: Session, spec: Spec, nowMs: number, failed: (error: unknown) => void): Promise<TasksSeen> {
    const workload = spec.workloads.find(({ kind }) => kind === 'tasks');
    if (workload?.kind !== 'tasks') return NOTHING;
    if (this.#bucket !== spec.bucket) {
      this.#bucket = spec.bucket;
      this.#ended = new EndedTasks();
      this.#seen = NOTHING;
      this.#nextMs = 0;
    }
    if (nowMs < this.#nextMs) return this.#seen;
    try {
      const store = queueStore(await session.client('s3'), spec.bucket);
      this.#seen = { card: tasksCard(await readTally(store, this.#ended, workload.leaseMs)), unseen: null };
      this.#nextMs = nowMs + EVERY_MS;
    } catch (error) {
      failed(error);
      const denied = deniedAction(error, callOf(error)) !== null;
      // What was seen last still says more than nothing, where it is only the call that failed.
      const card = denied ? null : this.#seen.card;
      this.#seen = { card, unseen: { what: 'tasks', why: session.explain(error).message } };
      if (denied) this.#nextMs = nowMs + DENIED_MS;
    }
    return this.#seen;
  }
}

/** In the order in which a task moves: who has left one place before it was looked at is found in a later one. */
export async function readTally(store: QueueStore, ended: EndedTasks, leaseMs: number): Promise<Tally> {
  const open = await store.listSome(OPEN, { pages: PAGES });
  const leases = await store.listSome(LEASES, { pages: PAGES });
  await ended.look(store);
  return tallyOf({ open, leases, ended: ended.tasks, endedMore: ended.more }, leaseMs);
}

export function tasksCard({ waiting, running, done, failed, cancelled, least }: Tally): TasksCard {
  const ended = failed + cancelled;
  const atLeast = [
    ...(least.open || least.ended ? (['submitted'] as const) : []),
    ...(least.open ? (['waiting', 'running'] as const) : []),
    ...(least.ended ? (['done', 'ended'] as const) : []),
  ];
  return {
    submitted: waiting + running + done + ended,
    waiting,
    running,
    done,
    ended,
    ...(atLeast.length === 0 ? {} : { atLeast }),
  };
}
