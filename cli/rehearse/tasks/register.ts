import {
  CHECKPOINTS,
  ENDED,
  FAILED,
  LEASES,
  OPEN,
  parseLeaseKey,
  parseOpenKey,
  TASKS,
} from '../../../core/tasks/keys.js';
import { parseLease, parseRecordLine } from '../../../core/tasks/parse.js';
import { taskKey } from '../../../core/tasks/task.js';
import type { CloudEvent } from '../../../local/cloud-types.js';
import type { RecordFound, TaskWrite, Writer } from './facts.js';

type Change = Extract<CloudEvent, { type: 'object' }>['change'];

/** Writes that are kept: a run of thousands of tasks is a long one. */
const MAX_WRITES = 400_000;

/** How tasks stand, for people. */
export interface TaskCounts {
  readonly submitted: number;
  readonly waiting: number;
  readonly running: number;
  readonly done: number;
  /** Failed or cancelled. */
  readonly ended: number;
  /** Tasks that each instance holds. */
  readonly held: ReadonlyMap<string, number>;
}

/**
 * Follows everything that is written to the tasks' part of the bucket, as S3 carries it out: no version of a register is
 * missed, which a reader of the bucket couldn't say.
 */
export class Register {
  readonly writes: TaskWrite[] = [];
  readonly refusals: { readonly atMs: number; readonly by: string }[] = [];
  readonly problems: string[] = [];
  readonly #states = new Map<string, 'waiting' | 'running' | 'done' | 'ended'>();
  readonly #journals = new Map<string, string>();
  readonly #open = new Set<string>();
  readonly #leases = new Set<string>();
  /** By task. */
  readonly #holders = new Map<string, string>();
  readonly #counts = { waiting: 0, running: 0, done: 0, ended: 0 };
  readonly #bucket: string;

  constructor(bucket: string) {
    this.#bucket = bucket;
  }

  take(event: CloudEvent): void {
    if (event.type === 'call') {
      const { service, action, principal, status, atMs } = event.call;
      if (service !== 's3' || action !== 'PutObject' || principal?.kind !== 'node') return;
      if (status === 412 || status === 409) this.refusals.push({ atMs, by: principal.instanceId });
      return;
    }
    if (event.type !== 'object' || event.change.bucket !== this.#bucket) return;
    const { change } = event;
    if (!change.key.startsWith(TASKS)) return;
    const by = change.by.kind === 'node' ? change.by.instanceId : 'user';
    const write = this.#read(change, by);
    if (write !== null && this.writes.length < MAX_WRITES) this.writes.push(write);
  }

  counts(): TaskCounts {
    const held = new Map<string, number>();
    for (const holder of this.#holders.values()) held.set(holder, (held.get(holder) ?? 0) + 1);
    return { submitted: this.#states.size, ...this.#counts, held };
  }

  /** Nothing waits in the queue or is held; final registers stay for a while, so that nobody takes a task for a new one. */
  get archived(): boolean {
    return this.#open.size === 0 && this.#leases.size === 0;
  }

  get openLeft(): readonly string[] {
    return [...this.#open];
  }

  get leasesLeft(): readonly string[] {
    return [...this.#leases];
  }

  /** What the journals and `failed/` say at this moment. */
  records(): RecordFound[] {
    const found: RecordFound[] = [];
    for (const [key, text] of this.#journals) {
      for (const line of text.split('\n')) {
        if (line.trim() === '') continue;
        const parsed = parseRecordLine(line);
        if (parsed.ok) found.push({ task: taskKey(parsed.value.lease), lease: parsed.value.lease });
        else this.#problem(`${key}: ${parsed.problem}`);
      }
    }
    return found;
  }

  #read({ type, key, atMs, text }: Change, by: Writer): TaskWrite | null {
    const put = type === 'put';
    if (key.startsWith(OPEN)) {
      const entry = parseOpenKey(key);
      if (entry === null) return this.#stray(key);
      const task = taskKey(entry);
      if (put) this.#open.add(task);
      else this.#open.delete(task);
      if (put && !this.#states.has(task)) this.#move(task, 'waiting');
      return { atMs, by, task, type: put ? 'open' : 'open-deleted' };
    }
    if (key.startsWith(LEASES)) return this.#lease(key, put ? (text() ?? '') : null, atMs, by);
    if (key.startsWith(ENDED) || key.startsWith(FAILED)) {
      if (put) this.#journals.set(key, text() ?? '');
      else this.#journals.delete(key);
      return null;
    }
    if (key.startsWith(CHECKPOINTS)) {
      const [, task = '', fence = '', seq] = CHECKPOINT_KEY.exec(key) ?? [];
      if (task === '') return this.#stray(key);
      const manifest = seq === undefined ? null : key;
      if (!put) return { atMs, by, task, type: 'checkpoint-deleted', fence: Number(fence), manifest };
      return { atMs, by, task, type: 'checkpoint', fence: Number(fence), seq: seq === undefined ? null : Number(seq) };
    }
    return null;
  }

  #lease(key: string, body: string | null, atMs: number, by: Writer): TaskWrite | null {
    const named = parseLeaseKey(key);
    if (named === null) return this.#stray(key);
    const task = taskKey(named);
    if (body === null) {
      this.#leases.delete(task);
      return { atMs, by, task, type: 'lease-deleted' };
    }
    this.#leases.add(task);
    const parsed = parseLease(body);
    if (!parsed.ok) {
      this.#problem(`${key}: ${parsed.problem}`);
      return null;
    }
    const { state, fence, holder, nonce, checkpoint } = parsed.value;
    if (state !== 'held' && state !== 'free') this.#leases.delete(task);
    if (holder === null) this.#holders.delete(task);
    else this.#holders.set(task, holder);
    this.#move(task, STANDS[state]);
    return { atMs, by, task, type: 'lease', state, fence, holder, nonce, checkpoint: checkpoint?.manifest ?? null };
  }

  /** Final states stay. */
  #move(task: string, to: 'waiting' | 'running' | 'done' | 'ended'): void {
    const from = this.#states.get(task);
    if (from === 'done' || from === 'ended') return;
    if (from !== undefined) this.#counts[from]--;
    this.#counts[to]++;
    this.#states.set(task, to);
  }

  #stray(key: string): null {
    this.#problem(`${key} is no key of a task`);
    return null;
  }

  #problem(text: string): void {
    if (this.problems.length < 20 && !this.problems.includes(text)) this.problems.push(text);
  }
}

const STANDS = { held: 'running', free: 'waiting', done: 'done', failed: 'ended', cancelled: 'ended' } as const;

const CHECKPOINT_KEY = /^tasks\/checkpoints\/([^/]+)\/(\d+)\/(?:(\d+)\.json$|files\/)/;

export const progressText = ({ waiting, running, done, ended }: TaskCounts): string =>
  `tasks: ${done} done, ${running} running, ${waiting} waiting${ended === 0 ? '' : `, ${ended} failed or cancelled`}`;
