import type { WallMs } from '../time.js';
import { taskKey } from './task.js';

/**
 * Where tasks stand in the cluster's bucket:
 *
 *     tasks/open/<9 - priority>-<submitted, ms in base 36>-<id>.<run>    the TaskSpec; a listing is the queue in order
 *     tasks/lease/<id>.<run>                                             the Lease; only of tasks that aren't archived
 *     tasks/ended/<wall ms in base 36>-<instance or "cli">-<n>.jsonl     TaskRecords, several an object
 *     tasks/failed/<id>.<run>.json                                       the TaskRecord of a poison task, log included
 *     tasks/logs/<id>.<run>/<fence>.log                                  whole output, where it is longer than a lease's tail
 *     tasks/checkpoints/<id>.<run>/<fence>/<seq>.json                    manifests
 *     tasks/checkpoints/<id>.<run>/<fence>/files/<seq>-<sha256>          contents, by the save that sent them: contents.ts
 *
 * A task that has ended is archived in this order, each step safe to repeat: its record into a journal, then its open
 * object is deleted, then its checkpoints (of one that is done), and its lease last, a while later (archive.ts says why).
 * A task without an open object must not be run.
 */
export const TASKS = 'tasks/';
export const OPEN = 'tasks/open/';
export const LEASES = 'tasks/lease/';
export const ENDED = 'tasks/ended/';
export const FAILED = 'tasks/failed/';
export const LOGS = 'tasks/logs/';
export const CHECKPOINTS = 'tasks/checkpoints/';

interface Named {
  readonly id: string;
  readonly run: number;
}

/** 9 digits of base 36 hold the ms of the next 3,000 years. */
const TIME_DIGITS = 9;

export const timeDigits = (ms: number): string => Math.trunc(ms).toString(36).padStart(TIME_DIGITS, '0');

export const openKey = (task: Named & { readonly priority: number; readonly submittedMs: WallMs }): string =>
  `${OPEN}${9 - task.priority}-${timeDigits(task.submittedMs)}-${taskKey(task)}`;

export const leaseKey = (task: Named): string => `${LEASES}${taskKey(task)}`;

export const journalKey = (wallMs: WallMs, writer: string, n: number): string =>
  `${ENDED}${timeDigits(wallMs)}-${writer}-${n}.jsonl`;

export const failedKey = (task: Named): string => `${FAILED}${taskKey(task)}.json`;

export const logKey = (task: Named, fence: number): string => `${LOGS}${taskKey(task)}/${fence}.log`;

export const checkpointsOf = (task: Named): string => `${CHECKPOINTS}${taskKey(task)}/`;

export const manifestKey = (task: Named, fence: number, seq: number): string =>
  `${checkpointsOf(task)}${fence}/${seq}.json`;

export const contentKey = (task: Named, fence: number, seq: number, sha256: string): string =>
  `${checkpointsOf(task)}${fence}/files/${seq}-${sha256}`;

/** What an open object's key says; null: no task's. */
export interface OpenEntry extends Named {
  readonly key: string;
  readonly priority: number;
  readonly submittedMs: WallMs;
}

const OPEN_KEY = /^tasks\/open\/([0-9])-([0-9a-z]{9})-([a-z0-9][a-z0-9-]{0,62})\.([1-9][0-9]{0,5})$/;

export function parseOpenKey(key: string): OpenEntry | null {
  const found = OPEN_KEY.exec(key);
  if (found === null) return null;
  const [, rank, time, id = '', run] = found;
  return {
    key,
    id,
    run: Number(run),
    priority: 9 - Number(rank),
    submittedMs: Number.parseInt(time ?? '0', 36) as WallMs,
  };
}

const LEASE_KEY = /^tasks\/lease\/([a-z0-9][a-z0-9-]{0,62})\.([1-9][0-9]{0,5})$/;

export function parseLeaseKey(key: string): Named | null {
  const found = LEASE_KEY.exec(key);
  return found === null ? null : { id: found[1] ?? '', run: Number(found[2]) };
}
