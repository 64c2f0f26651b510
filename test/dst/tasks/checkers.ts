/**
 * What must hold of tasks, whatever happens. The register's history is checked at S3 itself, by what took effect there and
 * when, so that no node's belief is asked. A `Violation` says what and when.
 */
import { ENDED, parseLeaseKey, parseOpenKey } from '../../../core/tasks/keys.js';
import { parseLease, parseRecordLine } from '../../../core/tasks/parse.js';
import type { WorkerEffect } from '../../../core/tasks/port.js';
import { type Lease, taskKey } from '../../../core/tasks/task.js';
import { Violation } from '../checkers.js';
import type { Machine } from './machine.js';
import { restoredSteps } from './program.js';
import type { ModelS3, StoredObject } from './s3.js';

const FINAL = new Set(['done', 'failed', 'cancelled']);

export class TaskCheckers {
  readonly completed = new Map<string, Lease>();
  readonly submitted = new Set<string>();
  readonly #leaseMs: number;
  readonly #nowMs: () => number;
  readonly #fences = new Map<string, number>();
  s3: ModelS3 | null = null;

  constructor(leaseMs: number, nowMs: () => number) {
    this.#leaseMs = leaseMs;
    this.#nowMs = nowMs;
  }

  changed(by: string, key: string, before: StoredObject | null, after: StoredObject | null): void {
    const lease = parseLeaseKey(key);
    if (lease !== null) this.#lease(by, taskKey(lease), before, after);
    const open = parseOpenKey(key);
    if (open !== null && after === null && !this.completed.has(taskKey(open))) {
      throw this.#violation(`${by} deletes the open object of ${taskKey(open)}, which hasn't ended`);
    }
    if ((before !== null || after === null) && key.startsWith('tasks/checkpoints/')) this.#whole(by, key);
  }

  /** Before an effect is carried out. */
  onEffect(machine: Machine, effect: WorkerEffect): void {
    if (effect.type !== 'run-task') return;
    const task = taskKey(effect.spec);
    const archived = this.completed.has(task) && !this.#isOpen(task);
    const received = machine.worker.held.get(task)?.received != null;
    if (archived && !received) throw this.#violation(`${machine.id} runs ${task}, which was archived`);
  }

  #isOpen(task: string): boolean {
    return this.s3?.under('tasks/open/').some((key) => key.endsWith(`-${task}`)) ?? false;
  }

  #lease(by: string, task: string, before: StoredObject | null, after: StoredObject | null): void {
    const was = before === null ? null : this.#read(before.body);
    if (after === null) {
      if (this.#isOpen(task)) throw this.#violation(`${by} deletes the lease of ${task}, which is open`);
      return;
    }
    const is = this.#read(after.body);
    const ageMs = before === null ? 0 : this.#nowMs() - before.atMs;
    const problem = this.#transition(by, was, is, ageMs);
    if (problem !== null) {
      const said = (l: Lease | null): string => (l === null ? 'nothing' : `${l.state} ${l.fence} ${l.holder ?? ''}`);
      throw this.#violation(`${by} changes ${task} from ${said(was)} to ${said(is)} after ${ageMs} ms: ${problem}`);
    }
    const known = this.#fences.get(task) ?? 0;
    // A phantom starts from 1 again; it never runs.
    if (is.fence < known && !(is.fence === 1 && this.completed.has(task))) {
      throw this.#violation(`the fence of ${task} falls from ${known} to ${is.fence}`);
    }
    this.#fences.set(task, Math.max(known, is.fence));
    if (FINAL.has(is.state)) {
      if (this.completed.has(task)) throw this.#violation(`${by} ends ${task} a second time, as ${is.state}`);
      this.completed.set(task, is);
    }
    if (is.checkpoint !== null && is.checkpoint.manifest !== was?.checkpoint?.manifest && this.s3 !== null) {
      const steps = restoredSteps(this.s3, is.checkpoint);
      if (typeof steps === 'string')
        throw this.#violation(`${by} commits a checkpoint of ${task} that is torn: ${steps}`);
    }
  }

  /** Null: this change of the register is one that may be. */
  #transition(by: string, was: Lease | null, is: Lease, ageMs: number): string | null {
    if (by === 'cli') return was !== null && FINAL.has(was.state) ? 'it had ended' : null;
    if (was === null) return is.fence === 1 && is.state === 'held' && is.holder === by ? null : 'no claim';
    if (FINAL.has(was.state)) return 'it had ended';
    const mine = was.state === 'held' && was.holder === by;
    if (is.fence === was.fence) {
      if (!mine) return 'not the holder';
      return is.state === 'held' && is.holder !== by ? 'another holder without a new fence' : null;
    }
    if (is.fence !== was.fence + 1) return 'the fence must grow by one';
    if (was.state === 'free') return null;
    if (mine && is.state === 'held' && is.holder !== by) return null;
    return ageMs > this.#leaseMs ? null : 'its holder still counts on it';
  }

  /** Whatever was deleted, the checkpoint that a lease names stays whole while it may be needed. */
  #whole(by: string, key: string): void {
    const { s3 } = this;
    const task = key.split('/')[2] ?? '';
    const object = s3?.objects.get(`tasks/lease/${task}`);
    if (s3 === null || object === undefined || this.completed.has(task)) return;
    const { checkpoint } = this.#read(object.body);
    const steps = checkpoint === null ? 0 : restoredSteps(s3, checkpoint);
    if (typeof steps === 'string')
      throw this.#violation(`${by} deletes or replaces what the checkpoint of ${task} needs: ${steps}`);
  }

  #read(body: string): Lease {
    const parsed = parseLease(body);
    if (!parsed.ok) throw this.#violation(`a lease that can't be read: ${parsed.problem}`);
    return parsed.value;
  }

  onTorn(machine: Machine, task: string, why: string): void {
    // A node that doesn't hold the task (any more) may read what is being deleted; it can't do harm.
    const object = this.s3?.objects.get(`tasks/lease/${task}`);
    const lease = object === undefined ? null : this.#read(object.body);
    if (lease?.holder !== machine.id) return;
    throw this.#violation(`${machine.id} restores a torn checkpoint of ${task}: ${why}`);
  }

  /** Everything has ended and is cleared away, and the journals say what the leases said. */
  settled(): boolean {
    const { s3 } = this;
    return s3 !== null && s3.under('tasks/open/').length === 0 && s3.under('tasks/lease/').length === 0;
  }

  atEnd(): void {
    const { s3 } = this;
    if (s3 === null) return;
    for (const task of this.submitted) if (!this.completed.has(task)) throw this.#violation(`${task} has not ended`);
    const left = [...s3.under('tasks/open/'), ...s3.under('tasks/lease/')];
    if (left.length > 0) throw this.#violation(`not cleared away: ${left.join(', ')}`);
    const journal = new Map<string, Lease>();
    for (const key of s3.under(ENDED)) {
      for (const line of (s3.objects.get(key)?.body ?? '').trim().split('\n')) {
        const parsed = parseRecordLine(line);
        if (!parsed.ok) throw this.#violation(`a journal's line that can't be read: ${parsed.problem}`);
        journal.set(taskKey(parsed.value.spec), parsed.value.lease);
      }
    }
    for (const [task, lease] of this.completed) {
      const said = journal.get(task);
      if (said === undefined) throw this.#violation(`${task} is in no journal`);
      if (said.state !== lease.state || said.fence !== lease.fence || said.nonce !== lease.nonce) {
        throw this.#violation(
          `the journal calls ${task} ${said.state} ${said.fence}, its lease ${lease.state} ${lease.fence}`,
        );
      }
    }
  }

  #violation(what: string): Violation {
    return new Violation(`at ${(this.#nowMs() / 1000).toFixed(3)} s: ${what}`);
  }
}
