/**
 * A claim, and the phantom. The first claim of a task is a put that demands that there be no lease. A task that was run and
 * archived meanwhile has none either, so such a claim might win a task that has ended. It is safe without a further
 * request, since whoever archives deletes the open object first and the lease `lingerMs` later:
 *
 *     this node:   sees the open object (or listing) at a ....... its put wins by b
 *     archiver:              open object deleted at c > a ............ lease deleted at c + linger
 *
 * If b - a is less than the linger time, the old lease was still there and the put had lost. If it took longer, the
 * open object is read once more before the task is run; if it is gone, the lease is a phantom and is deleted, which is
 * harmless whoever does it and however late: without its open object the task is never run again.
 *
 * Later claims replace a lease whose ETag is known. It is written only while the task isn't archived: no phantoms.
 */
import { type Context, NEVER } from '../time.js';
import { archiveTask } from './archive.js';
import { callStore, log } from './calls.js';
import { leaseKey, type OpenEntry, openKey } from './keys.js';
import { claimedLease, poisonLease } from './leases.js';
import type { StoreOutcome } from './port.js';
import { beginWrite, emptyRegister, NOT_READ } from './register.js';
import { ageOf, forgetEntry, openSeenMs, sawLease } from './seen.js';
import type { Emit, Held, Receipt, SeenLease, WorkerState } from './state.js';
import { type TaskSpec, taskKey } from './task.js';

export function newHeld(state: WorkerState, spec: TaskSpec, fence: number, received: Receipt | null): Held {
  return {
    key: taskKey(spec),
    spec,
    fence,
    openSeenMs: openSeenMs(state.queue, taskKey(spec)),
    received,
    verified: received !== null,
    register: emptyRegister(),
    program: 'none',
    startedMs: null,
    baseMs: 0,
    ended: null,
    stop: null,
    told: false,
    saves: {
      ...{ nextSeq: 1, dueMs: NEVER, sending: null, uncommitted: null, previous: null, markMs: null, markSaved: false },
      ...{ failedMs: null, problem: null },
      ...{ progress: null, sentMs: null, size: null, lastDone: false },
    },
    evacuation: null,
    handover: { stage: 'none', peer: null, untilMs: NEVER, refusedBy: new Set(), connection: null },
  };
}

export function claim(state: WorkerState, entry: OpenEntry, spec: TaskSpec, ctx: Context, emit: Emit): void {
  const { queue } = state;
  const task = taskKey(entry);
  const seen = queue.leases.get(task);
  const lease = seen?.lease === 'bad' ? null : (seen?.lease ?? null);
  const held = newHeld(state, spec, (lease?.fence ?? 0) + 1, null);
  held.verified = seen !== undefined;
  held.register.etag = seen?.etag ?? null;
  state.held.set(task, held);
  queue.turn = queue.turn.filter((turn) => turn.entry !== entry);
  state.counters.claims++;
  const next = claimedLease(state, spec, lease, ranMs(seen, lease, ctx), ctx);
  beginWrite(state, held, next, 'claim', ctx, emit);
}

/** An execution that was lost ran until the lease's last renewal at least. */
function ranMs(seen: SeenLease | undefined, lease: SeenLease['lease'], ctx: Context): number | null {
  if (seen === undefined || lease === null || lease === 'bad') return null;
  const open = lease.attempts.find((attempt) => attempt.fence === lease.fence);
  return open === undefined ? null : Math.max(0, ctx.wallMs - ageOf(seen, ctx) - open.startedMs);
}

/** The task takes its nodes down: it ends here, without being run. */
export function giveUpPoison(
  state: WorkerState,
  entry: OpenEntry,
  spec: TaskSpec,
  seen: SeenLease,
  ctx: Context,
  emit: Emit,
): void {
  const { lease } = seen;
  if (lease === null || lease === 'bad') return;
  const held = newHeld(state, spec, lease.fence + 1, null);
  held.register.etag = seen.etag;
  state.held.set(held.key, held);
  state.queue.turn = state.queue.turn.filter((turn) => turn.entry !== entry);
  log(emit, 'error', 'task-poison', { task: held.key, fence: lease.fence });
  beginWrite(state, held, poisonLease(state, lease, ranMs(seen, lease, ctx), ctx), 'failed', ctx, emit);
}

/** The claim has won: is the task still open? */
export function afterClaim(state: WorkerState, held: Held, ctx: Context, emit: Emit): void {
  const { timings } = state;
  if (!held.verified && ctx.nowMs - held.openSeenMs >= timings.lingerMs) verify(state, held, ctx, emit);
  else held.verified = true;
}

function verify(state: WorkerState, held: Held, ctx: Context, emit: Emit): void {
  const call = { op: 'get', key: openKey(held.spec) } as const;
  callStore(state, { for: 'verify', task: held.key, fence: held.fence }, call, ctx, emit);
}

export function afterVerify(
  state: WorkerState,
  held: Held,
  sentMs: Context['nowMs'],
  outcome: StoreOutcome<'get'>,
  ctx: Context,
  emit: Emit,
): void {
  if (!outcome.ok) {
    verify(state, held, ctx, emit);
    return;
  }
  held.openSeenMs = sentMs;
  if (outcome.value !== null) {
    held.verified = true;
    return;
  }
  log(emit, 'info', 'phantom', { task: held.key });
  callStore(state, { for: 'phantom', task: held.key }, { op: 'delete', keys: [leaseKey(held.spec)] }, ctx, emit);
  state.held.delete(held.key);
  forgetEntry(state.queue, held.key);
}

/** The claim has lost: somebody else has the task, or it has ended. */
export function afterLostClaim(state: WorkerState, held: Held, ctx: Context): void {
  const { lost } = held.register;
  state.counters.claimsLost++;
  state.held.delete(held.key);
  if (lost === null || lost.etag === null) forgetEntry(state.queue, held.key);
  else sawLease(state.queue, held.key, lost.etag, lost.lease ?? (lost.etag === NOT_READ ? null : 'bad'), ctx);
}

/** Whoever ended it may be gone by now; what has ended can be cleared away by anybody. */
export function archiveForeign(state: WorkerState, held: Held, ctx: Context): void {
  const { lost } = held.register;
  if (lost?.lease != null && lost.lease.state !== 'held' && lost.lease.state !== 'free') {
    archiveTask(state, { spec: held.spec, lease: lost.lease }, ctx);
  }
}
