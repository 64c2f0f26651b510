/** What is written into a lease at each turn of a task's life. Nothing here knows S3. */
import type { Context, WallMs } from '../time.js';
import { MAX_TAIL } from './parse.js';
import type { Room, WorkerIdentity, WorkerState } from './state.js';
import { type Attempt, type CheckpointRef, type Lease, MAX_ATTEMPTS, type TaskSpec } from './task.js';

/**
 * Executions in a row that ended with their node and without progress, before the task counts as poison: it may well be
 * the task that takes its nodes down. Real losses without a word are rarer than one in ten.
 */
export const MOST_LOST = 20;
/** Of the first attempts so many are kept when there are too many. */
const FIRST_ATTEMPTS = 10;

/**
 * A lease's text. A listing tells only its length, so a free one is given a length that is divisible by this, and any other
 * one isn't: whoever looks for work knows which to read, and needn't wait until it looks run out. Only a hint.
 */
const FREE_LENGTH = 16;

export function writeLease(lease: Lease): string {
  const text = JSON.stringify(lease);
  const over = new TextEncoder().encode(text).length % FREE_LENGTH;
  if (lease.state === 'free') return text + ' '.repeat((FREE_LENGTH - over) % FREE_LENGTH);
  return over === 0 ? `${text} ` : text;
}

/** Of a lease that hasn't been read. */
export const looksFree = (bytes: number): boolean => bytes > 0 && bytes % FREE_LENGTH === 0;

/** No two writes of any life of any node have the same: bodies, and so ETags, differ. */
export const newNonce = (state: WorkerState): string => `${state.life}-${(state.nextNonce++).toString(36)}`;

/** Held by this node from now on. `previous`: what stands there, free or run out; `ranMs` of its last execution. */
export function claimedLease(
  state: WorkerState,
  spec: TaskSpec,
  previous: Lease | null,
  ranMs: number | null,
  ctx: Context,
): Lease {
  const { identity, room } = state.options;
  const attempts = closeLost(previous, ranMs, ctx.wallMs);
  const fence = (previous?.fence ?? 0) + 1;
  const mine = newAttempt(identity, room, spec, fence, ctx.wallMs);
  return {
    format: 1,
    id: spec.id,
    run: spec.run,
    state: 'held',
    fence,
    holder: identity.id,
    nonce: newNonce(state),
    checkpoint: previous?.checkpoint ?? null,
    progress: previous?.progress ?? null,
    attempts: trimmed([...attempts, mine]),
    failures: previous?.failures ?? 0,
    saveProblem: null,
    tail: previous?.tail ?? '',
  };
}

/** The end of a task that loses its nodes: nobody is to try again. */
export function poisonLease(state: WorkerState, previous: Lease, ranMs: number | null, ctx: Context): Lease {
  const sentence = `Given up: ${MOST_LOST} executions in a row were lost with their node, without progress.`;
  return {
    ...previous,
    state: 'failed',
    fence: previous.fence + 1,
    holder: null,
    nonce: newNonce(state),
    attempts: closeLost(previous, ranMs, ctx.wallMs),
    tail: lastOf(`${previous.tail}${previous.tail === '' || previous.tail.endsWith('\n') ? '' : '\n'}${sentence}\n`),
  };
}

/** Executions, the latest ones, that were lost since anything was saved; the open one counts. */
export function lostInARow(lease: Lease): number {
  const since = lease.checkpoint?.fence ?? 0;
  let lost = 0;
  for (const attempt of [...lease.attempts].reverse()) {
    const isLost = attempt.end === 'lost' || (attempt.end === null && lease.state === 'held');
    if (!isLost || attempt.fence <= since) break;
    lost++;
  }
  return lost;
}

export interface Closing {
  readonly end: Exclude<Attempt['end'], null>;
  readonly exitCode: number | null;
  readonly redoneMs: number;
}

/** The next content of a lease that this node holds. */
export function changedLease(
  state: WorkerState,
  lease: Lease,
  change: Partial<
    Pick<Lease, 'state' | 'holder' | 'fence' | 'checkpoint' | 'progress' | 'failures' | 'saveProblem' | 'tail'>
  >,
  closing: Closing | null,
  ctx: Context,
): Lease {
  const attempts = closing === null ? lease.attempts : closed(lease.attempts, lease.fence, closing, ctx.wallMs);
  return { ...lease, ...change, attempts, nonce: newNonce(state) };
}

/** This node's execution is missing in a lease that a peer wrote for it. */
export function withOwnAttempt(state: WorkerState, lease: Lease, spec: TaskSpec, ctx: Context): Lease {
  const { identity, room } = state.options;
  if (lease.attempts.some((a) => a.fence === lease.fence)) return lease;
  return {
    ...lease,
    attempts: trimmed([...lease.attempts, newAttempt(identity, room, spec, lease.fence, ctx.wallMs)]),
  };
}

export const committedMs = (lease: Lease | null, spec: TaskSpec): number =>
  (lease?.checkpoint ?? spec.resume)?.doneMs ?? 0;

/** The last lines, as many characters of them as a lease may hold. */
export const lastOf = (text: string): string => text.slice(-MAX_TAIL);

/** A checkpoint that stands for more than the lease's own. */
export const isNewer = (one: CheckpointRef, other: CheckpointRef | null): boolean =>
  other === null || one.fence > other.fence || (one.fence === other.fence && one.seq > other.seq);

function newAttempt(identity: WorkerIdentity, room: Room, spec: TaskSpec, fence: number, wallMs: WallMs): Attempt {
  const part = (need: number, whole: number): number => (whole > 0 ? Math.min(1, need / whole) : 0);
  const share = Math.max(part(spec.memoryMiB, room.memoryMiB), part(spec.gpuMemoryMiB, room.gpuMemoryMiB));
  return {
    fence,
    instanceId: identity.id,
    instanceType: identity.instanceType,
    zone: identity.zone,
    lifecycle: identity.lifecycle,
    startedMs: wallMs,
    endedMs: null,
    end: null,
    exitCode: null,
    share: Math.round(share * 10_000) / 10_000,
    redoneMs: 0,
  };
}

/** Its holder went without a word: from its last renewal is known how long it ran at least. */
function closeLost(lease: Lease | null, ranMs: number | null, wallMs: WallMs): readonly Attempt[] {
  if (lease === null) return [];
  const open = lease.attempts.find((a) => a.fence === lease.fence && a.end === null);
  if (lease.state !== 'held' || open === undefined) return lease.attempts;
  const endedMs = ranMs === null ? wallMs : Math.max(open.startedMs, open.startedMs + Math.round(ranMs));
  const keptBefore = lease.attempts
    .filter((a) => a !== open && a.endedMs !== null)
    .reduce((sum, a) => sum + Math.max(0, (a.endedMs ?? 0) - a.startedMs - a.redoneMs), 0);
  const saved = lease.checkpoint?.fence === lease.fence ? Math.max(0, lease.checkpoint.doneMs - keptBefore) : 0;
  const redoneMs = Math.round(Math.max(0, endedMs - open.startedMs - saved));
  return closed(lease.attempts, lease.fence, { end: 'lost', exitCode: null, redoneMs }, endedMs as WallMs);
}

function closed(attempts: readonly Attempt[], fence: number, closing: Closing, wallMs: WallMs): readonly Attempt[] {
  return attempts.map((attempt) =>
    attempt.fence === fence && attempt.end === null
      ? { ...attempt, ...closing, endedMs: Math.max(wallMs, attempt.startedMs) as WallMs }
      : attempt,
  );
}

function trimmed(attempts: readonly Attempt[]): readonly Attempt[] {
  if (attempts.length <= MAX_ATTEMPTS) return attempts;
  return [...attempts.slice(0, FIRST_ATTEMPTS), ...attempts.slice(FIRST_ATTEMPTS - MAX_ATTEMPTS)];
}
