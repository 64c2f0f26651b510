/**
 * Tasks with a deadline that fall behind: whether on-demand capacity is wanted for them is asked of the very policies that
 * the simulator has (core/policy/deadline). What a worker knows goes into their view:
 *
 *     elapsed, whole time     since the submission
 *     work, left              the owner's estimate, less the computing time up to the last checkpoint
 *     running                 on a node of this node's lifecycle, or idle: waiting in the queue
 *     available               spot counts as to be had while this node, or a peer that stays, has room
 *
 * A task that runs is the business of its node, one that waits that of whoever looks at the queue. The policy's answer
 * "on-demand" for a task that doesn't run there is pressure, and lasts a while, so that seats can be filled.
 */
import { adaptive, PlanCache } from '../policy/deadline/adaptive.js';
import type { DeadlinePolicy, Placement } from '../policy/deadline/policy.js';
import { uniformProgress } from '../policy/deadline/rules.js';
import { after, type Context, type MonoMs, NEVER } from '../time.js';
import { log } from './calls.js';
import { readSpec } from './choose.js';
import { committedMs } from './leases.js';
import { isWatcher } from './look.js';
import { doneMs } from './program.js';
import { freeRoom } from './room.js';
import { claimable } from './seen.js';
import type { Emit, WorkerState } from './state.js';
import { type TaskDeadline, type TaskSpec, taskKey } from './task.js';

/** On-demand price over spot price, where nobody tells: AWS's pages say that spot saves up to 90%; two thirds are usual. */
const PRICE_RATIO = 3;
/** Tasks with a deadline that are followed at most, and tasks of the queue that are read for theirs. */
const MOST_POLICIES = 256;
const MOST_READ = 4;

/** Plans are big and the same for like tasks: one cache for a process. */
const plans = new PlanCache();

const newPolicy = ({ policy }: TaskDeadline): DeadlinePolicy =>
  policy === 'adaptive' ? adaptive(plans) : uniformProgress();

export function reconcilePressure(state: WorkerState, ctx: Context, emit: Emit): void {
  const { pressure, timings } = state;
  if (pressure.dueMs > ctx.nowMs || state.phase !== 'running') return;
  pressure.dueMs = after(ctx.nowMs, timings.pollMs);
  const { lifecycle } = state.options.identity;
  const runs: Placement = lifecycle === 'spot' ? { kind: 'spot', zone: 0 } : { kind: 'on-demand' };
  const seen = new Set<string>();
  let wanted: string | null = null;
  const look = (spec: TaskSpec, done: number, running: Placement): void => {
    if (asksForOnDemand(state, spec, done, running, ctx)) wanted ??= taskKey(spec);
    seen.add(taskKey(spec));
  };
  for (const held of state.held.values()) {
    if (held.spec.deadline !== null)
      look(held.spec, doneMs(held, ctx.nowMs), state.leaving === null ? runs : { kind: 'idle' });
  }
  for (const spec of waiting(state, ctx, emit)) {
    const lease = state.queue.leases.get(taskKey(spec))?.lease;
    look(spec, committedMs(lease === 'bad' ? null : (lease ?? null), spec), { kind: 'idle' });
  }
  for (const task of pressure.policies.keys()) if (!seen.has(task)) pressure.policies.delete(task);
  if (wanted !== null) {
    if (!pressure.on) log(emit, 'info', 'on-demand-wanted', { task: wanted });
    pressure.untilMs = after(ctx.nowMs, timings.pressureMs);
  }
  pressure.on = pressure.untilMs > ctx.nowMs;
}

export function nextPressureMs(state: WorkerState): MonoMs {
  if (state.phase !== 'running') return NEVER;
  const follows = [...state.held.values()].some((held) => held.spec.deadline !== null);
  return follows || state.pressure.on || state.queue.entries.length > 0 ? state.pressure.dueMs : NEVER;
}

/** Tasks of the queue that nobody runs, with a deadline; reads the first ones that aren't known. */
function waiting(state: WorkerState, ctx: Context, emit: Emit): TaskSpec[] {
  const { queue } = state;
  const found: TaskSpec[] = [];
  // With room here they are claimed in a moment, or are somebody else's turn.
  if (freeRoom(state).slots > 0 || !isWatcher(state)) return found;
  let read = 0;
  for (const entry of queue.entries) {
    const task = taskKey(entry);
    if (state.held.has(task) || claimable(state, task, ctx).type === 'busy') continue;
    const spec = queue.specs.get(task)?.spec;
    if (spec != null && spec.deadline !== null) found.push(spec);
    if (queue.specs.has(task)) continue;
    if (++read > MOST_READ) break;
    readSpec(state, entry, ctx, emit);
  }
  return found;
}

function asksForOnDemand(state: WorkerState, spec: TaskSpec, done: number, running: Placement, ctx: Context): boolean {
  const { deadline, expectedMs } = spec;
  const { policies } = state.pressure;
  if (deadline === null || expectedMs === null || running.kind === 'on-demand') return false;
  const task = taskKey(spec);
  let known = policies.get(task);
  if (known === undefined) {
    if (policies.size >= MOST_POLICIES) return false;
    known = { policy: newPolicy(deadline), seenMs: ctx.nowMs };
    policies.set(task, known);
  }
  const deadlineMs = deadline.atMs - spec.submittedMs;
  const leftMs = Math.max(0, expectedMs - done);
  if (deadlineMs <= 0 || leftMs <= 0) return false;
  const spotHere = state.leaving === null && freeRoom(state).slots > 0;
  const spotThere = state.peers.some((peer) => !peer.leaving && peer.freeMemoryMiB >= spec.memoryMiB);
  const placement = known.policy.step({
    elapsedMs: Math.max(0, Math.min(deadlineMs, ctx.wallMs - spec.submittedMs)),
    deadlineMs,
    workMs: expectedMs,
    leftMs,
    changeoverMs: state.timings.changeoverMs,
    changeoverLeftMs: 0,
    tickMs: state.timings.pollMs,
    running,
    available: [running.kind === 'spot' || spotHere || spotThere],
    priceRatio: PRICE_RATIO,
  });
  return placement.kind === 'on-demand';
}
