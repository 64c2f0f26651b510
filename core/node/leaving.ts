/** How a node goes: it tells its peers, fills its seat, and drains; at the end it ends itself, or AWS takes it. */
import { type DrainFacts, type DrainStart, hurryDrain, startDrain, stepDrain } from '../drain/drain.js';
import { stepGossip } from '../gossip/gossip.js';
import type { LeaveCause } from '../gossip/member.js';
import { backoffMs } from '../seats/rung.js';
import { canWait } from '../seats/vacancy.js';
import { after, type Context, type MonoMs, NEVER, type WallMs } from '../time.js';
import { ask, isAsking } from './calls.js';
import { isDue } from './copies.js';
import { publishMeta, takeGossip } from './gossiping.js';
import { pursue } from './pursuing.js';
import { readSpec } from './spec-watch.js';
import type { Emit, NodeState } from './state.js';
import { askTarget } from './targets.js';
import { everySlotServes, nextSeatOfSlot, successor, workloadsRunning } from './view.js';

/** Begins to leave, or shortens a leave under way. `deadlineMs` null: nothing forces it. */
export function leave(state: NodeState, cause: LeaveCause, deadlineMs: WallMs | null, ctx: Context, emit: Emit): void {
  const { identity } = state;
  const start: DrainStart = {
    instanceId: identity.id,
    seat: identity.seat,
    cause,
    detectedMs: ctx.wallMs,
    deadlineMs,
    policy: state.spec.policy,
    stopGraceMs: Math.max(0, ...state.spec.workloads.map((w) => w.stopGraceMs)),
  };
  if (state.drain !== null) {
    if (deadlineMs === null) return;
    state.drain = hurryDrain(state.drain, cause, deadlineMs, start, ctx);
  } else {
    state.drain = startDrain(start, ctx);
    state.phase = 'leaving';
    state.copies.ending.clear();
    for (const target of state.targets) target.dueMs = ctx.nowMs;
  }
  state.leaving = { deadlineMs: deadlineMs ?? after(ctx.wallMs, state.spec.policy.drainMs), cause };
  state.standby = 'none';
  state.tags = { ...state.tags, wanted: 'draining' };
  if (cause === 'surplus') state.counters.surplusLeft++;
  const fields = { cause, deadlineMs: deadlineMs ?? null, inMs: deadlineMs === null ? null : deadlineMs - ctx.wallMs };
  emit({ type: 'log', level: 'info', code: 'leaving', fields });
  // Somebody ends the machine: perhaps the whole cluster, and then the spec says so.
  if (cause === 'stop') readSpec(state, ctx, emit);
  else replaceSelf(state, ctx, emit);
  publishMeta(state, ctx, emit);
}

/** Asks for this node's successor, if the cluster still wants one and there is none. */
export function replaceSelf(state: NodeState, ctx: Context, emit: Emit): void {
  if (state.leaving === null || !needsReplacement(state) || successor(state) !== null) return;
  pursue(state, 'need', nextSeatOfSlot(state), ctx, emit);
}

/** A node that is one too many leaves no empty seat behind; one that a smaller cluster gave up does when it grows again. */
function needsReplacement(state: NodeState): boolean {
  const cause = state.leaving?.cause;
  if (state.identity.seat.slot >= state.spec.desired) return false;
  return cause !== 'surplus' && cause !== 'superseded';
}

export function reconcileLeaving(state: NodeState, ctx: Context, emit: Emit): void {
  if (state.drain === null || state.phase === 'gone') return;
  // The cluster may have grown again meanwhile; others trust it to fill its own seat.
  if (state.leaving?.cause === 'scale-in') replaceSelf(state, ctx, emit);
  const { drain, acts } = stepDrain(state.drain, factsOf(state), ctx);
  state.drain = drain;
  if (acts.deregister) {
    state.targets.forEach((target, index) => {
      if (target.state !== 'removed') askTarget(state, target, index, 'deregister', ctx, emit);
    });
  }
  if (acts.stop !== null) stopWorkloads(state, acts.stop, emit);
  if (drain.ledger.steps['last-words'].startedMs !== null) writeWords(state, ctx, emit);
  if (acts.done && state.phase === 'leaving') {
    state.phase = 'drained';
    state.tags = { ...state.tags, wanted: 'drained' };
    emit({ type: 'log', level: 'info', code: 'drained', fields: { tookMs: ctx.nowMs - drain.startedMs } });
  }
  if (state.phase === 'drained') reconcileEnd(state, ctx, emit);
}

function factsOf(state: NodeState): DrainFacts {
  const own = state.pursuits.get(state.identity.seat.slot);
  const next = successor(state);
  const asked = own?.launched?.instanceId ?? next?.id ?? null;
  const serving = state.spec.workloads
    .filter((w) => w.port !== null && isDue(state, w.name))
    .map((w) => state.workloads.get(w.name));
  return {
    peersTold: state.meta.leaving !== null,
    replacement: !needsReplacement(state) ? 'not-needed' : asked === null ? 'pending' : 'asked',
    replacementId: needsReplacement(state) ? asked : null,
    targetsLeft: state.targets.filter((t) => t.state !== 'removed').length,
    hasTargets: state.targets.length > 0,
    inFlight: sumOf(serving.map((w) => w?.status.inFlight ?? null)),
    inFlightAtMs: Math.min(NEVER, ...serving.map((w) => w?.reportedMs ?? 0)) as MonoMs,
    lastInFlight: serving.length === 0 ? null : sumOf(serving.map((w) => w?.lastInFlight ?? null)),
    workloadsRunning: workloadsRunning(state),
    wordsWritten: state.words.written !== null,
  };
}

/** What is known of it; null: that might be nothing. */
function sumOf(counts: readonly (number | null)[]): number | null {
  const sum = counts.reduce<number>((total, count) => total + (count ?? 0), 0);
  return sum > 0 ? sum : counts.includes(null) ? null : 0;
}

function stopWorkloads(state: NodeState, graceMs: number, emit: Emit): void {
  for (const [name, view] of state.workloads) {
    if (!view.started || view.stopAsked || view.status.health === 'stopped') continue;
    state.workloads.set(name, { ...view, stopAsked: true });
    const wish = state.spec.workloads.find((w) => w.name === name)?.stopGraceMs ?? graceMs;
    emit({ type: 'stop-workload', name, graceMs: Math.min(graceMs, wish) });
  }
}

/** The incident report; written again when the replacement comes later than the first words. */
function writeWords(state: NodeState, ctx: Context, emit: Emit): void {
  if (state.drain === null || state.words.dueMs > ctx.nowMs || isAsking(state, (p) => p.for === 'words')) return;
  const { ledger } = state.drain;
  if (state.words.written !== null && !repliesLater(state.words.written, ledger.replacement)) return;
  const { cluster, bucket } = state.spec;
  const { zone, instanceType, lifecycle } = state.identity;
  const body = JSON.stringify({ format: 1, cluster, zone, instanceType, lifecycle, ...ledger });
  if (state.words.written === null) emit({ type: 'save-log', bucket, key: `last-words/${ledger.id}.log` });
  ask(state, { for: 'words', body }, { op: 'putObject', bucket, key: `incidents/${ledger.id}.json`, body }, ctx, emit);
}

const repliesLater = (written: string, replacement: string | null): boolean =>
  replacement !== null && !written.includes(`"replacement":"${replacement}"`);

export function afterWords(state: NodeState, body: string, ok: boolean, ctx: Context): void {
  if (ok) state.words = { written: body, dueMs: ctx.nowMs };
  else state.words = { ...state.words, dueMs: after(ctx.nowMs, backoffMs(1, ctx.rng)) };
}

/** After the drain: AWS takes an interrupted machine, and doesn't bill its first hour; any other is given back. */
function reconcileEnd(state: NodeState, ctx: Context, emit: Emit): void {
  const own = state.pursuits.get(state.identity.seat.slot);
  if (own !== undefined && own.launched === null) return;
  if (state.fate.interruption !== null) {
    // Not before its seat is held again, or nobody would look after it in the meantime.
    if (!needsReplacement(state) || successor(state) !== null) leaveGossip(state, ctx, emit);
  } else if (!state.leftGossip && state.leaving !== null && canWait(state.leaving) && !everySlotServes(state)) {
    // What made this leave safe isn't true any more: it stays to help until it is. Once it has left the gossip, what it
    // knows of others is old.
    return;
  } else if (state.terminateDueMs <= ctx.nowMs && !isAsking(state, (p) => p.for === 'terminate')) {
    leaveGossip(state, ctx, emit);
    if (state.keepInstance) exit(state, emit);
    else ask(state, { for: 'terminate' }, { op: 'terminate', instanceId: state.identity.id }, ctx, emit);
  }
}

function leaveGossip(state: NodeState, ctx: Context, emit: Emit): void {
  if (state.leftGossip) return;
  state.leftGossip = true;
  takeGossip(state, stepGossip(state.gossip, { type: 'leave' }, ctx), ctx, emit);
}

export function afterTerminate(state: NodeState, ok: boolean, ctx: Context, emit: Emit): void {
  if (ok) exit(state, emit);
  else state.terminateDueMs = after(ctx.nowMs, backoffMs(3, ctx.rng));
}

export function exit(state: NodeState, emit: Emit): void {
  if (state.phase === 'gone') return;
  state.phase = 'gone';
  emit({ type: 'exit' });
}
