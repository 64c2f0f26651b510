/**
 * Which of the tasks whose turn it is are claimed: what fits, warm data first, then priority, then age. For that a few
 * more tasks are read than there is room for. Leases that may have run out are read first, too: their content says
 * whether the task is to be run again, has failed too often or has ended. One that waits for too long, since it doesn't
 * fit into what is free, has room kept for it: keep.ts.
 */
import { after, type Context, earliest, NEVER } from '../time.js';
import { archiveTask } from './archive.js';
import { callStore, log } from './calls.js';
import { claim, giveUpPoison } from './claim.js';
import { couldHold, fitsBeside } from './keep.js';
import { leaseKey, type OpenEntry } from './keys.js';
import { lostInARow, MOST_LOST } from './leases.js';
import { parseLease, parseTaskSpec } from './parse.js';
import type { StoreOutcome } from './port.js';
import { acceptsWork, type FreeRoom, fits, freeRoom, hasRoom, less } from './room.js';
import { claimable, forgetEntry, sawLease } from './seen.js';
import type { Emit, WorkerState } from './state.js';
import { type TaskSpec, taskKey } from './task.js';
import { warmShare } from './warmth.js';

/** Tasks that are read beyond those that there is room for, where tasks need data. */
const LOOKAHEAD = 4;
/** Reads on their way at most. */
const MOST_READS = 16;

interface Candidate {
  readonly entry: OpenEntry;
  readonly task: string;
  readonly spec: TaskSpec;
  /** What room is kept for, of the tasks before it. */
  readonly kept: TaskSpec | null;
}

export function reconcileChoice(state: WorkerState, ctx: Context, emit: Emit): void {
  const { queue } = state;
  if (!queue.changed && queue.chooseDueMs > ctx.nowMs) return;
  queue.changed = false;
  queue.chooseDueMs = NEVER;
  if (!acceptsWork(state) || queue.seenMs === null) return;
  let free = freeRoom(state);
  if (!hasRoom(free)) return;
  const tooOld = after(queue.seenMs, state.timings.queueAgeMs) <= ctx.nowMs;
  if (tooOld || queue.turn.length === 0) {
    // The next look is due by itself where this one found nothing.
    if (tooOld) queue.dueMs = earliest(queue.dueMs, ctx.nowMs);
    else if (queue.fruitless === 0)
      queue.dueMs = earliest(queue.dueMs, after(queue.seenMs, state.timings.lookSpacingMs));
    return;
  }
  const { candidates, reading } = gather(state, free, ctx, emit);
  // What is still being read may be more urgent than what is known.
  if (reading) return;
  candidates.sort((a, b) => warmShare(b.spec.data, state.warm) - warmShare(a.spec.data, state.warm));
  for (const { entry, task, spec, kept } of candidates) {
    if (!(kept === null ? fits(spec, free) : fitsBeside(spec, free, kept))) continue;
    const reason = admission(state, spec);
    if (reason !== null) {
      log(emit, 'debug', 'task-waits', { task, reason });
      queue.chooseDueMs = earliest(queue.chooseDueMs, after(ctx.nowMs, state.timings.pollMs));
      continue;
    }
    claim(state, entry, spec, ctx, emit);
    free = less(free, spec);
  }
}

/** The first ones that fit, in order, with their specs; reads what isn't known of them. */
function gather(
  state: WorkerState,
  free: FreeRoom,
  ctx: Context,
  emit: Emit,
): { readonly candidates: Candidate[]; readonly reading: boolean } {
  const { queue } = state;
  const candidates: Candidate[] = [];
  // Only where some need data does it matter which one is taken.
  const data = [...queue.specs.values()].some(({ spec }) => spec !== null && spec.data.length > 0);
  const most = free.slots + (data ? LOOKAHEAD : 0);
  let reading = false;
  let wanted = 0;
  let kept: TaskSpec | null = null;
  queue.turn = queue.turn.filter(({ untilMs }) => untilMs > ctx.nowMs);
  for (const { entry, keeps } of [...queue.turn]) {
    if (wanted >= most) break;
    const task = taskKey(entry);
    const now = claimable(state, task, ctx);
    if (state.held.has(task) || now.type === 'bad') continue;
    if (now.type === 'busy') {
      queue.chooseDueMs = earliest(queue.chooseDueMs, now.untilMs);
      continue;
    }
    const seen = queue.specs.get(task);
    if (seen === undefined || now.type === 'read') {
      wanted++;
      reading = true;
      if (seen === undefined) read(state, { for: 'spec', task }, entry.key, ctx, emit);
      if (now.type === 'read') read(state, { for: 'lease', task }, leaseKey(entry), ctx, emit);
      continue;
    }
    if (seen.spec === null) continue;
    if (now.type === 'final') {
      archiveTask(state, { spec: seen.spec, lease: now.lease }, ctx);
      forgetEntry(queue, task);
      continue;
    }
    if (now.type === 'again' && lostInARow(now.lease) >= MOST_LOST) {
      giveUpPoison(state, entry, seen.spec, now.seen, ctx, emit);
      continue;
    }
    if (!fits(seen.spec, free)) {
      if (keeps && kept === null && couldHold(state, seen.spec, state.peers)) kept = seen.spec;
      continue;
    }
    if (kept !== null && !fitsBeside(seen.spec, free, kept)) continue;
    candidates.push({ entry, task, spec: seen.spec, kept });
    wanted++;
  }
  return { candidates, reading };
}

function read(
  state: WorkerState,
  purpose: { readonly for: 'spec' | 'lease'; readonly task: string },
  key: string,
  ctx: Context,
  emit: Emit,
): void {
  let reads = 0;
  for (const { purpose: open } of state.calls.values()) {
    if (open.for !== 'spec' && open.for !== 'lease') continue;
    if (open.for === purpose.for && open.task === purpose.task) return;
    reads++;
  }
  if (reads < MOST_READS) callStore(state, purpose, { op: 'get', key }, ctx, emit);
}

export function readSpec(state: WorkerState, entry: OpenEntry, ctx: Context, emit: Emit): void {
  read(state, { for: 'spec', task: taskKey(entry) }, entry.key, ctx, emit);
}

export function afterSpec(
  state: WorkerState,
  task: string,
  sentMs: Context['nowMs'],
  outcome: StoreOutcome<'get'>,
  ctx: Context,
  emit: Emit,
): void {
  const { queue } = state;
  if (!outcome.ok) {
    queue.chooseDueMs = earliest(queue.chooseDueMs, after(ctx.nowMs, state.timings.retryMs));
    return;
  }
  queue.changed = true;
  if (outcome.value === null) {
    forgetEntry(queue, task);
    return;
  }
  const parsed = parseTaskSpec(outcome.value.body);
  const problem = !parsed.ok ? parsed.problem : taskKey(parsed.value) === task ? null : "It is another task's.";
  if (problem !== null) log(emit, 'error', 'task-unreadable', { task, problem });
  queue.specs.set(task, { spec: parsed.ok && problem === null ? parsed.value : null, seenMs: sentMs });
}

export function afterLease(
  state: WorkerState,
  task: string,
  outcome: StoreOutcome<'get'>,
  ctx: Context,
  emit: Emit,
): void {
  const { queue } = state;
  if (!outcome.ok) {
    queue.chooseDueMs = earliest(queue.chooseDueMs, after(ctx.nowMs, state.timings.retryMs));
    return;
  }
  queue.changed = true;
  if (outcome.value === null) {
    // Archived since it was listed; its open object went before it.
    forgetEntry(queue, task);
    return;
  }
  const parsed = parseLease(outcome.value.body);
  const isIts = parsed.ok && taskKey(parsed.value) === task;
  if (!isIts) log(emit, 'error', 'lease-unreadable', { task, problem: parsed.ok ? 'Another task.' : parsed.problem });
  sawLease(queue, task, outcome.value.etag, isIts ? parsed.value : 'bad', ctx);
}

function admission(state: WorkerState, spec: TaskSpec): string | null {
  const { admit, identity, room } = state.options;
  if (admit === undefined) return null;
  const running = [...state.held.values()].map((held) => held.spec);
  return admit(spec, { identity, room, running, peers: state.peers });
}
