/**
 * What has ended is cleared away, many tasks with one request, in an order in which every step may be repeated by anybody
 * and none may be left out before the next: the failed ones' own object; a journal with the records; the open objects; after
 * the linger time (see claim.ts) the checkpoints; the leases last, since a lease is what leads others to the remains
 * of a node that died meanwhile. Two nodes may archive the same task: readers of journals take the last record of a task.
 */
import { after, type Context, earliest, type MonoMs, NEVER } from '../time.js';
import { callStore, log } from './calls.js';
import { CHECKPOINTS, checkpointsOf, failedKey, journalKey, leaseKey, openKey, parseLeaseKey } from './keys.js';
import { isWatcher } from './look.js';
import { parseLease } from './parse.js';
import type { StoreCall, StoreListing, StoreOutcome } from './port.js';
import type { ArchiveItem, Emit, WorkerState } from './state.js';
import { type Lease, type TaskRecord, taskKey } from './task.js';
import { retryDelayMs } from './timings.js';

/** Tasks of one request, and characters of one journal, at most. */
const MOST_ITEMS = 100;
const MOST_TEXT = 1_000_000;
/** An archiver that lives deletes a lease after one linger time. */
const ORPHAN_LINGERS = 3;
/** Tasks that wait at most; more are left to whoever finds their leases. */
const MOST_WAITING = 5_000;

export function archiveTask(state: WorkerState, record: TaskRecord, ctx: Context): void {
  const { items } = state.archive;
  const task = taskKey(record.spec);
  if (items.length >= MOST_WAITING || items.some((item) => item.task === task)) return;
  const stage = record.lease.state === 'failed' ? 'failed' : 'journal';
  const dueMs = stage === 'failed' ? ctx.nowMs : flushAt(state, ctx);
  const { id, run } = record.spec;
  items.push({ task, id, run, record, prefixes: leftBehind(record), stage, dueMs, busy: false, tries: 0 });
}

const flushAt = (state: WorkerState, ctx: Context): MonoMs =>
  after(ctx.nowMs, Math.min(state.timings.flushMs, Math.floor(state.options.workload.leaseMs / 2)));

/**
 * A failed or cancelled task keeps its checkpoints: a retry may go on from them. `synkti tasks clean` removes them. One that
 * is done needs neither its own nor those that it went on from.
 */
function leftBehind({ spec, lease }: TaskRecord): string[] {
  if (lease.state !== 'done') return [];
  const own = spec.checkpoint === null ? [] : [checkpointsOf(spec)];
  const from = spec.resume?.manifest.slice(CHECKPOINTS.length).split('/')[0];
  return from === undefined || from === taskKey(spec) ? own : [...own, `${CHECKPOINTS}${from}/`];
}

/**
 * A lease whose task isn't open, as two looks agree that are apart by several times what an archiver waits: it died
 * before the end, or a claim came too late. Its task is in a journal already and never runs again.
 */
export function reconcileOrphans(state: WorkerState, ctx: Context, emit: Emit): void {
  const { queue, timings, archive } = state;
  if (queue.orphans.size === 0 || queue.seenMs === null || !isWatcher(state)) return;
  for (const [task, sinceMs] of queue.orphans) {
    if (queue.seenMs - sinceMs < ORPHAN_LINGERS * timings.lingerMs) continue;
    queue.orphans.delete(task);
    const named = parseLeaseKey(leaseKeyOf(task));
    if (named === null || archive.items.some((item) => item.task === task)) continue;
    callStore(state, { for: 'orphan', task }, { op: 'get', key: leaseKey(named) }, ctx, emit);
  }
}

const leaseKeyOf = (task: string): string => leaseKey({ id: task.slice(0, task.lastIndexOf('.')), run: runOf(task) });
const runOf = (task: string): number => Number(task.slice(task.lastIndexOf('.') + 1));

export function afterOrphan(
  state: WorkerState,
  task: string,
  outcome: StoreOutcome<'get'>,
  ctx: Context,
  emit: Emit,
): void {
  const named = parseLeaseKey(leaseKeyOf(task));
  if (named === null || !outcome.ok || outcome.value === null || state.held.has(task)) return;
  const parsed = parseLease(outcome.value.body);
  const found: Lease['state'] | null = parsed.ok ? parsed.value.state : null;
  log(emit, 'info', 'lease-orphaned', { task, state: found });
  const prefixes = found === 'done' ? [checkpointsOf(named)] : [];
  const stage = prefixes.length > 0 ? 'checkpoints' : 'lease';
  state.archive.items.push({ task, ...named, record: null, prefixes, stage, dueMs: ctx.nowMs, busy: false, tries: 0 });
}

/** Tasks of which another node would have to find out again that they have ended. */
export const unarchived = (state: WorkerState): number =>
  state.archive.items.filter(({ stage }) => stage !== 'checkpoints' && stage !== 'lease').length;

export function reconcileArchive(state: WorkerState, ctx: Context, emit: Emit): void {
  // Whoever leaves doesn't wait for others to go along.
  const hurry = state.leaving !== null;
  for (const stage of ['failed', 'journal', 'open', 'checkpoints', 'lease'] as const) {
    if (busyAt(state, stage)) continue;
    const ready = state.archive.items.filter((item) => item.stage === stage && !item.busy);
    const due = ready.some((item) => dueMs(state, item) <= ctx.nowMs) || ready.length >= MOST_ITEMS;
    if (due || (hurry && stage === 'journal' && ready.some((item) => item.tries === 0)))
      send(state, stage, ready, ctx, emit);
  }
}

export function nextArchiveMs(state: WorkerState): MonoMs {
  let next = NEVER;
  for (const item of state.archive.items) {
    if (!item.busy && !busyAt(state, item.stage)) next = earliest(next, dueMs(state, item));
  }
  return next;
}

/** Leases go with the next open objects, and by themselves only if none come along. */
const dueMs = (state: WorkerState, item: ArchiveItem): MonoMs =>
  item.stage === 'lease' && item.record !== null ? after(item.dueMs, 2 * state.timings.flushMs) : item.dueMs;

const busyAt = (state: WorkerState, stage: ArchiveItem['stage']): boolean =>
  [...state.archive.batches.values()].some((batch) => batch.stage === stage);

function send(
  state: WorkerState,
  stage: ArchiveItem['stage'],
  ready: readonly ArchiveItem[],
  ctx: Context,
  emit: Emit,
): void {
  const { archive } = state;
  const single = stage === 'failed' || stage === 'checkpoints';
  const items = ready.filter((item) => item.dueMs <= ctx.nowMs || !waits(stage)).slice(0, single ? 1 : MOST_ITEMS);
  if (stage === 'open' && !busyAt(state, 'lease')) {
    items.push(...state.archive.items.filter((one) => one.stage === 'lease' && !one.busy && one.dueMs <= ctx.nowMs));
  }
  const { call, sent } = callOf(state, stage, items, ctx);
  if (sent.length === 0) return;
  for (const item of sent) item.busy = true;
  const id = archive.nextBatch++;
  archive.batches.set(id, { stage, items: sent });
  callStore(state, { for: 'archive', batch: id }, call, ctx, emit);
}

/** Stages before whose time an item must not go along. */
const waits = (stage: ArchiveItem['stage']): boolean => stage !== 'journal';

function callOf(
  state: WorkerState,
  stage: ArchiveItem['stage'],
  items: readonly ArchiveItem[],
  ctx: Context,
): { readonly call: StoreCall; readonly sent: readonly ArchiveItem[] } {
  const [first] = items;
  switch (stage) {
    case 'failed': {
      const key = first === undefined ? '' : failedKey(first);
      return { call: { op: 'put', key, body: JSON.stringify(first?.record ?? null) }, sent: items };
    }
    case 'journal': {
      const lines: string[] = [];
      let length = 0;
      for (const { record } of items) {
        const line = JSON.stringify(record);
        if (lines.length > 0 && length + line.length > MOST_TEXT) break;
        lines.push(line);
        length += line.length;
      }
      const key = journalKey(ctx.wallMs, `${state.options.writer}-${state.life}`, state.archive.nextJournal++);
      return { call: { op: 'put', key, body: `${lines.join('\n')}\n` }, sent: items.slice(0, lines.length) };
    }
    case 'checkpoints': {
      const [prefix] = first?.prefixes ?? [];
      if (prefix === undefined) throw new Error('A task without checkpoints has none to be deleted.');
      return { call: { op: 'list', prefix, after: null }, sent: items };
    }
    case 'open':
    case 'lease':
      return { call: { op: 'delete', keys: items.slice(0, 1_000).map(deletedKey) }, sent: items.slice(0, 1_000) };
  }
}

const deletedKey = ({ stage, record, id, run }: ArchiveItem): string =>
  stage === 'open' && record !== null ? openKey(record.spec) : leaseKey({ id, run });

export function afterArchive(state: WorkerState, batch: number, outcome: StoreOutcome, ctx: Context, emit: Emit): void {
  const { archive, timings } = state;
  const found = archive.batches.get(batch);
  if (found === undefined) return;
  archive.batches.delete(batch);
  const { stage, items } = found;
  for (const item of items) item.busy = false;
  if (!outcome.ok) {
    const { kind, code } = outcome.error;
    if (items.every(({ tries }) => tries === 0)) log(emit, 'warn', 'archive-failed', { stage, kind, code });
    for (const item of items) item.dueMs = after(ctx.nowMs, retryDelayMs(timings, item.tries++));
    return;
  }
  const gone = new Set<ArchiveItem>();
  for (const item of items) {
    item.tries = 0;
    item.dueMs = ctx.nowMs;
    switch (item.stage) {
      case 'failed':
        item.stage = 'journal';
        item.dueMs = flushAt(state, ctx);
        break;
      case 'journal':
        item.stage = 'open';
        break;
      case 'open':
        item.stage = item.prefixes.length > 0 ? 'checkpoints' : 'lease';
        item.dueMs = after(ctx.nowMs, timings.lingerMs);
        break;
      case 'checkpoints':
        takeCheckpoints(state, item, (outcome.value as StoreListing | null) ?? null, ctx, emit);
        break;
      case 'lease':
        gone.add(item);
        break;
    }
  }
  if (gone.size > 0) {
    archive.items.splice(0, archive.items.length, ...archive.items.filter((item) => !gone.has(item)));
  }
}

/** Page by page: a listing (its keys are then deleted), until there are no more. */
function takeCheckpoints(
  state: WorkerState,
  item: ArchiveItem,
  listing: StoreListing | null,
  ctx: Context,
  emit: Emit,
): void {
  // The answer to a deletion: look whether there is more.
  if (listing === null) return;
  if (listing.entries.length === 0) {
    item.prefixes.shift();
    if (item.prefixes.length === 0) item.stage = 'lease';
    return;
  }
  item.busy = true;
  const id = state.archive.nextBatch++;
  state.archive.batches.set(id, { stage: 'checkpoints', items: [item] });
  const keys = listing.entries.map(({ key }) => key);
  callStore(state, { for: 'archive', batch: id }, { op: 'delete', keys }, ctx, emit);
}
