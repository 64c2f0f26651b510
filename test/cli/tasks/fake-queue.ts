/** A bucket in memory with S3's conditions, in which something may happen before each request. */
import type { Entry, ListBound, QueueStore, SomeKeys, Stored } from '../../../cli/tasks/store.js';
import { journalKey, leaseKey, openKey } from '../../../core/tasks/keys.js';
import { parseSubmission } from '../../../core/tasks/submission.js';
import { type Attempt, type CheckpointRef, type Lease, type TaskSpec, taskKey } from '../../../core/tasks/task.js';
import { wallMs } from '../../../core/time.js';

export const NOW_MS = Date.parse('2026-11-24T10:00:00Z');

export class FakeQueue implements QueueStore {
  readonly bucket = 'synkti-training';
  readonly objects = new Map<string, Stored & { readonly modifiedMs: number }>();
  readonly calls: string[] = [];
  nowMs = NOW_MS;
  /** Called before each request; may throw as the SDK does, or change the bucket as others would. */
  before: (op: string, key: string) => void = () => {};
  #versions = 0;

  put(key: string, body: string): void {
    this.#versions += 1;
    this.objects.set(key, { body, etag: `"${this.#versions}"`, modifiedMs: this.nowMs });
  }

  keys(prefix = ''): string[] {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  submit(spec: TaskSpec): void {
    this.put(openKey(spec), JSON.stringify(spec));
  }

  hold(lease: Lease): void {
    this.put(leaseKey(lease), JSON.stringify(lease));
  }

  leaseOf(task: { readonly id: string; readonly run: number }): Lease | null {
    const stored = this.objects.get(leaseKey(task));
    return stored === undefined ? null : (JSON.parse(stored.body) as Lease);
  }

  /** As a node archives, step by step. */
  *archive(spec: TaskSpec, lease: Lease): Generator<void, void> {
    this.hold(lease);
    yield;
    this.put(journalKey(wallMs(this.nowMs), 'i-1', ++this.#versions), `${JSON.stringify({ spec, lease })}\n`);
    yield;
    this.objects.delete(openKey(spec));
    yield;
    this.objects.delete(leaseKey(spec));
  }

  async #begin(op: string, key: string): Promise<void> {
    await Promise.resolve();
    this.calls.push(`${op} ${key}`);
    this.before(op, key);
  }

  async list(prefix: string): Promise<{ readonly entries: readonly Entry[]; readonly nowMs: number }> {
    await this.#begin('list', prefix);
    const entries = this.keys(prefix).flatMap((key) => {
      const stored = this.objects.get(key);
      if (stored === undefined) return [];
      return [{ key, etag: stored.etag, modifiedMs: stored.modifiedMs, bytes: stored.body.length }];
    });
    return { entries, nowMs: this.nowMs };
  }

  /** Pages of a few keys, so that little is much. */
  pageKeys = 1_000;

  async listSome(prefix: string, { pages, after = '' }: ListBound): Promise<SomeKeys> {
    const { entries, nowMs } = await this.list(prefix);
    const behind = entries.filter(({ key }) => key > after);
    const most = pages * this.pageKeys;
    return { entries: behind.slice(0, most), nowMs, more: behind.length > most };
  }

  async get(key: string): Promise<Stored | null> {
    await this.#begin('get', key);
    return this.objects.get(key) ?? null;
  }

  async create(key: string, body: string): Promise<boolean> {
    await this.#begin('create', key);
    const stored = this.objects.get(key);
    if (stored === undefined) this.put(key, body);
    return stored === undefined || stored.body === body;
  }

  async replace(key: string, body: string, etag: string): Promise<boolean> {
    await this.#begin('replace', key);
    if (this.objects.get(key)?.etag !== etag) return false;
    this.put(key, body);
    return true;
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      await this.#begin('remove', key);
      this.objects.delete(key);
    }
  }

  async copy(key: string, write: (chunk: Uint8Array) => Promise<void>): Promise<boolean> {
    await this.#begin('copy', key);
    const stored = this.objects.get(key);
    if (stored !== undefined) await write(Buffer.from(stored.body));
    return stored !== undefined;
  }
}

export function specOf(id: string, change: Partial<TaskSpec> = {}): TaskSpec {
  const line = JSON.stringify({ id, command: ['true'], checkpoint: 'ckpt' });
  const parsed = parseSubmission(line, id, { wallMs: wallMs(NOW_MS - 600_000), newId: () => id });
  if (!parsed.ok) throw new Error(parsed.problem);
  return { ...parsed.value, ...change };
}

export function leaseOf(spec: TaskSpec, state: Lease['state'], change: Partial<Lease> = {}): Lease {
  const fence = change.fence ?? 1;
  return {
    format: 1,
    id: spec.id,
    run: spec.run,
    state,
    fence,
    holder: state === 'held' ? 'i-1' : null,
    nonce: `n-${fence}`,
    checkpoint: null,
    progress: null,
    attempts: [attemptOf(fence, state === 'held' || state === 'free' ? {} : { endedMs: wallMs(NOW_MS), end: 'done' })],
    failures: 0,
    saveProblem: null,
    tail: '',
    ...change,
  };
}

export const attemptOf = (fence: number, change: Partial<Attempt> = {}): Attempt => ({
  fence,
  instanceId: `i-${fence}`,
  instanceType: 'm7g.large',
  zone: 'us-east-1a',
  lifecycle: 'spot',
  startedMs: wallMs(NOW_MS - 300_000),
  endedMs: null,
  end: null,
  exitCode: null,
  share: 0.5,
  redoneMs: 0,
  ...change,
});

export const checkpointOf = (spec: TaskSpec, change: Partial<CheckpointRef> = {}): CheckpointRef => ({
  fence: 1,
  seq: 3,
  manifest: `tasks/checkpoints/${taskKey(spec)}/1/3.json`,
  bytes: 5_000_000,
  progress: 0.6,
  doneMs: 240_000,
  ...change,
});

/** An error as the SDK throws it. */
export const sdkError = (code: string, status: number): Error =>
  Object.assign(new Error(code), { name: code, $metadata: { httpStatusCode: status } });
