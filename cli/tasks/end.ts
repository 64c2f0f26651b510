/**
 * Ends a task from outside: its lease becomes final by a conditional write, so that of a holder that completes and
 * somebody who cancels one wins; then it is archived as core/tasks/keys.ts says. Every step can be repeated.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { journalKey, leaseKey, openKey } from '../../core/tasks/keys.js';
import { parseLease, parseTaskSpec } from '../../core/tasks/parse.js';
import type { Attempt, Lease, TaskSpec } from '../../core/tasks/task.js';
import { wallMs } from '../../core/time.js';
import { AwsFailure } from '../aws/explain.js';
import type { QueueStore } from './store.js';
import { finalLease, type State, type TaskView } from './view.js';

export type CancelEnd =
  | { readonly type: 'cancelled'; readonly wasRunning: boolean }
  /** It had ended, or ended meanwhile, by itself. */
  | { readonly type: 'ended'; readonly state: State }
  /** It is archived, or taken back. */
  | { readonly type: 'gone' };

/** A holder renews its lease every few seconds at most: nobody loses so often. */
const TRIES = 10;

/** Cancels an open task. */
export async function cancelTask(store: QueueStore, view: TaskView, nowMs: number): Promise<CancelEnd> {
  if (view.openKey === null) return { type: 'ended', state: view.state };
  const spec = await readSpec(store, view.openKey);
  if (spec === null) return { type: 'gone' };
  const ended = await decide(store, spec, nowMs);
  if (ended.lease.state !== 'cancelled') return { type: 'ended', state: ended.lease.state as State };
  await archive(store, spec, ended.lease, nowMs);
  return { type: 'cancelled', wasRunning: ended.wasRunning };
}

/** Null: no such object. */
export async function readSpec(store: QueueStore, key: string): Promise<TaskSpec | null> {
  const stored = await store.get(key);
  if (stored === null) return null;
  const parsed = parseTaskSpec(stored.body);
  if (parsed.ok) return parsed.value;
  throw new AwsFailure(`s3://${store.bucket}/${key} can't be read: ${parsed.problem}`);
}

/** The lease with its final state: cancelled by this call or before, or otherwise ended. */
async function decide(
  store: QueueStore,
  spec: TaskSpec,
  nowMs: number,
): Promise<{ readonly lease: Lease; readonly wasRunning: boolean }> {
  const key = leaseKey(spec);
  for (let n = 0; n < TRIES; n++) {
    const stored = await store.get(key);
    if (stored === null) {
      const lease = cancelledLease(spec, null, nowMs);
      if (await store.create(key, JSON.stringify(lease))) return { lease, wasRunning: false };
      continue;
    }
    const parsed = parseLease(stored.body);
    if (!parsed.ok) throw new AwsFailure(`s3://${store.bucket}/${key} can't be read: ${parsed.problem}`);
    if (finalLease(parsed.value)) return { lease: parsed.value, wasRunning: false };
    const lease = cancelledLease(spec, parsed.value, nowMs);
    if (await store.replace(key, JSON.stringify(lease), stored.etag)) {
      return { lease, wasRunning: parsed.value.state === 'held' };
    }
  }
  throw new AwsFailure(`The lease of ${spec.id} changed ${TRIES} times while it was to be cancelled; try again.`);
}

export function cancelledLease(spec: TaskSpec, before: Lease | null, nowMs: number): Lease {
  const last = before?.attempts.at(-1);
  const stopped = (attempt: Attempt): Attempt =>
    attempt === last && attempt.end === null
      ? { ...attempt, endedMs: wallMs(Math.max(nowMs, attempt.startedMs)), end: 'cancelled' }
      : attempt;
  return {
    format: 1,
    id: spec.id,
    run: spec.run,
    state: 'cancelled',
    fence: (before?.fence ?? 0) + 1,
    holder: null,
    nonce: randomBytes(8).toString('hex'),
    checkpoint: before?.checkpoint ?? null,
    progress: before?.progress ?? null,
    attempts: (before?.attempts ?? []).map(stopped),
    failures: before?.failures ?? 0,
    saveProblem: before?.saveProblem ?? null,
    tail: before?.tail ?? '',
  };
}

/**
 * Record, then open object. The lease stays: it must outlive the open object for a while (core/tasks/claim.ts), and leads
 * nodes to what else is to be cleared away.
 */
async function archive(store: QueueStore, spec: TaskSpec, lease: Lease, nowMs: number): Promise<void> {
  const record = `${JSON.stringify({ spec, lease })}\n`;
  await store.create(journalKey(wallMs(nowMs), 'cli', randomInt(1, 1_000_000_000)), record);
  await store.remove([openKey(spec)]);
}

/**
 * Takes a task back that was submitted a moment ago, unless somebody has claimed it: false. A lease that is cancelled
 * keeps everybody off; nodes clear it away. Nothing is recorded: the task never was.
 */
export async function takeBack(store: QueueStore, spec: TaskSpec, nowMs: number): Promise<boolean> {
  if (!(await store.create(leaseKey(spec), JSON.stringify(cancelledLease(spec, null, nowMs))))) return false;
  await store.remove([openKey(spec)]);
  return true;
}
