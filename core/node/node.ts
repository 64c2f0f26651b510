/**
 * The brain of one node: gossip, fate, drain and seats composed into one decision function. The agent runs it on a real
 * node, the simulator and the fault schedules run thousands of it under virtual time.
 */

import type { Outcome } from '../cloud.js';
import { nextDrainDeadlineMs } from '../drain/drain.js';
import { GOSSIP_PRESETS } from '../gossip/config.js';
import { createGossip, nextGossipDeadlineMs, stepGossip } from '../gossip/gossip.js';
import { NO_FATE } from '../interruption/tracker.js';
import { TAG } from '../seats/tags.js';
import { revisionOf } from '../spec/revision.js';
import type { Spec } from '../spec/spec.js';
import { after, type Context, earliest, type MonoMs, NEVER } from '../time.js';
import { ask, expiredCalls, isAsking, nextCallExpiryMs, takeCall } from './calls.js';
import { FRESH_STATUS, nextCopiesMs, noCopies, reconcileCopies } from './copies.js';
import { hearImds, reconcileFate, riskEndMs, successorSettledMs } from './fate.js';
import { hearPublication, nextRoomMs, ownMeta, publishMeta, takeGossip } from './gossiping.js';
import { nextHearingMs, reconcileHearing } from './hearing.js';
import { afterTerminate, afterWords, exit, leave, reconcileLeaving, replaceSelf } from './leaving.js';
import { afterOwnTag, untoldTags } from './own-tags.js';
import type { NodeEffect, NodeEvent } from './port.js';
import { afterPursuitCall, nextPursuitMs, reconcilePursuits } from './pursuing.js';
import { afterConfirm, afterRescueLook, nextVacancyMs, reconcileVacancies } from './rescue.js';
import { nextRollMs, reconcileRoll } from './rolling.js';
import { nextWaitingMs, reconcileWaiting } from './safety.js';
import { afterStartLook, reconcileServing, reconcileStart } from './serving.js';
import { afterSpec, reconcileSpec } from './spec-watch.js';
import type { Emit, NodeIdentity, NodeState, Purpose, Target, WorkloadView } from './state.js';
import { afterTarget } from './targets.js';
import { NODE_TIMINGS } from './timings.js';

export interface NodeOptions {
  readonly identity: NodeIdentity;
  readonly spec: Spec;
  readonly keepInstance: boolean;
}

export interface NodeStep {
  readonly state: NodeState;
  readonly effects: readonly NodeEffect[];
}

export function createNode(options: NodeOptions, ctx: Context): NodeState {
  const { identity, spec, keepInstance } = options;
  const workloads = new Map<string, WorkloadView>(
    spec.workloads.map(({ name }) => [
      name,
      { status: FRESH_STATUS, reportedMs: ctx.nowMs, lastInFlight: null, started: false, stopAsked: false },
    ]),
  );
  const targets = spec.workloads.flatMap(({ name: workload, port, targetGroupArns }) =>
    targetGroupArns.map(
      (arn): Target => ({ arn, port: port ?? 0, workload, state: 'unknown', dueMs: ctx.nowMs, retries: 0 }),
    ),
  );
  const { freeMemoryMiB, freeGpuMemoryMiB } = identity;
  const room = { freeMemoryMiB, freeGpuMemoryMiB, warm: [] };
  const partial = {
    identity,
    timings: NODE_TIMINGS[spec.gossip.preset],
    keepInstance,
    startedMs: ctx.nowMs,
    revision: revisionOf(identity.templateVersion, spec),
    spec,
    phase: 'looking' as const,
    room: { shown: room, wanted: room, dueMs: ctx.nowMs },
    work: 0,
    pressure: false,
    tasks: null,
    standby: 'none' as const,
    leaving: null,
    fate: NO_FATE,
    drain: null,
    workloads,
    targets,
    copies: noCopies(spec),
    pursuits: new Map(),
    vacancies: new Map(),
    successors: new Map(),
    roll: null,
    waiting: null,
    step: 0,
    hearing: { fewSinceMs: null, apart: false },
    ownTags: {
      waiting: { written: '', dueMs: ctx.nowMs, failed: false },
      hears: { written: '', dueMs: ctx.nowMs, failed: false },
    },
    earlyReplacement: false,
    roomiest: new Map(),
    membersChanged: true,
    lookDueMs: ctx.nowMs,
    specDueMs: after(ctx.nowMs, NODE_TIMINGS[spec.gossip.preset].specPollMs),
    heard: { version: spec.version, sinceMs: ctx.nowMs },
    tags: { wanted: null, written: null, dueMs: ctx.nowMs, bare: false },
    words: { written: null, dueMs: ctx.nowMs },
    terminateDueMs: ctx.nowMs,
    leftGossip: false,
    calls: new Map(),
    nextCallId: 1,
    counters: { launchesAsked: 0, replacementsLaunched: 0, silentDeathsConfirmed: 0, surplusLeft: 0 },
  };
  const meta = ownMeta(partial);
  const self = {
    id: identity.id,
    address: identity.address,
    incarnation: ctx.wallMs,
    status: 'alive' as const,
    meta,
  };
  return { ...partial, meta, gossip: createGossip(self, GOSSIP_PRESETS[spec.gossip.preset], ctx) };
}

/**
 * One decision. The step owns the state that it is given and may change it in place: go on with the one it returns.
 * After each event every part is reconciled with what is known now, so a lost or repeated event does no lasting harm.
 */
export function stepNode(state: NodeState, event: NodeEvent, ctx: Context): NodeStep {
  const effects: NodeEffect[] = [];
  // Late events of a host that closes down.
  if (isGone(state)) return { state, effects };
  const emit: Emit = (effect) => {
    effects.push(effect);
  };
  state.step++;
  take(state, event, ctx, emit);
  for (const { id, outcome } of expiredCalls(state, ctx)) afterCall(state, id, outcome, ctx, emit);
  if (!isGone(state)) {
    reconcileStart(state, ctx, emit);
    reconcileCopies(state, ctx, emit);
    reconcileFate(state, ctx, emit);
    reconcileRoll(state, ctx, emit);
    reconcileServing(state, ctx, emit);
    reconcileLeaving(state, ctx, emit);
    reconcileVacancies(state, ctx, emit);
    reconcilePursuits(state, ctx, emit);
    reconcileSpec(state, ctx, emit);
    reconcileWaiting(state, ctx, emit);
    reconcileHearing(state, ctx, emit);
    reconcileTags(state, ctx, emit);
    publishMeta(state, ctx, emit);
  }
  return { state, effects };
}

const isGone = (state: NodeState): boolean => state.phase === 'gone';

/** When to call {@link stepNode} with a tick at the latest. What waits for an answer is due when the call expires. */
export function nextDeadlineMs(state: NodeState, ctx: Pick<Context, 'nowMs' | 'wallMs'>): MonoMs {
  if (state.phase === 'gone') return NEVER;
  const unlessAsking = (dueMs: MonoMs, ...purposes: readonly Purpose['for'][]): MonoMs =>
    isAsking(state, (p) => purposes.includes(p.for)) ? NEVER : dueMs;
  return earliest(
    nextGossipDeadlineMs(state.gossip),
    nextCallExpiryMs(state),
    nextPursuitMs(state),
    unlessAsking(nextVacancyMs(state), 'rescue', 'confirm'),
    successorSettledMs(state) > ctx.nowMs ? successorSettledMs(state) : NEVER,
    riskEndMs(state, ctx),
    nextRollMs(state, ctx),
    nextRoomMs(state, ctx),
    nextCopiesMs(state, ctx),
    nextWaitingMs(state, ctx),
    nextHearingMs(state, ctx),
    unlessAsking(state.specDueMs, 'spec'),
    state.drain === null ? NEVER : nextDrainDeadlineMs(state.drain, ctx),
    state.phase === 'looking'
      ? earliest(unlessAsking(state.lookDueMs, 'start'), after(state.startedMs, state.timings.startPatienceMs))
      : NEVER,
    state.phase === 'drained' ? after(ctx.nowMs, 500) : NEVER,
    ...state.targets.map((t) => (t.dueMs > ctx.nowMs ? t.dueMs : NEVER)),
    state.tags.wanted !== state.tags.written && state.tags.dueMs > ctx.nowMs ? state.tags.dueMs : NEVER,
  );
}

function afterReport(view: WorkloadView, status: WorkloadView['status'], ctx: Context): WorkloadView {
  const counted = status.health === 'stopped' ? null : status.inFlight;
  return { ...view, status, reportedMs: ctx.nowMs, lastInFlight: counted ?? view.lastInFlight };
}

function take(state: NodeState, event: NodeEvent, ctx: Context, emit: Emit): void {
  switch (event.type) {
    case 'tick':
    case 'datagram':
    case 'exchange':
    case 'exchange-answer':
    case 'exchange-failed':
      takeGossip(state, stepGossip(state.gossip, event, ctx), ctx, emit);
      return;
    case 'imds':
      hearImds(state, event.path, event.status, event.body, ctx, emit);
      return;
    case 'outcome':
      afterCall(state, event.id, event.outcome, ctx, emit);
      return;
    case 'workload': {
      const view = state.workloads.get(event.name);
      if (view !== undefined) state.workloads.set(event.name, afterReport(view, event.status, ctx));
      return;
    }
    case 'publish':
      hearPublication(state, event, ctx);
      return;
    case 'stop':
      emit({ type: 'log', level: 'info', code: 'stop-asked', fields: { reason: event.reason } });
      if (state.phase === 'drained') exit(state, emit);
      else if (state.drain === null) leave(state, 'stop', null, ctx, emit);
      return;
  }
}

function afterCall(state: NodeState, id: number, outcome: Outcome, ctx: Context, emit: Emit): void {
  const open = takeCall(state, id);
  if (open === null) return;
  const { purpose } = open;
  switch (purpose.for) {
    case 'start':
      afterStartLook(state, outcome as Outcome<'findNodes'>, ctx, emit);
      return;
    case 'rescue':
      afterRescueLook(state, outcome as Outcome<'findNodes'>, ctx, emit);
      return;
    case 'confirm':
      afterConfirm(state, purpose.slot, purpose.generation, outcome as Outcome<'describeNode'>, ctx, emit);
      return;
    case 'pursuit':
      afterPursuitCall(state, purpose.slot, outcome, ctx, emit);
      return;
    case 'target':
      afterTarget(state, purpose.index, purpose.act, outcome, ctx, emit);
      return;
    case 'words':
      afterWords(state, purpose.body, outcome.ok, ctx);
      return;
    case 'launch-record':
      return;
    case 'spec':
      afterSpec(state, outcome as Outcome<'readSpec'>, emit);
      // A stopped node waited for it, whatever came of it.
      if (state.leaving?.cause === 'stop') replaceSelf(state, ctx, emit);
      return;
    case 'terminate':
      afterTerminate(state, outcome.ok, ctx, emit);
      return;
    case 'own-tag': {
      const result = outcome.ok ? 'ok' : outcome.error.kind === 'configuration' ? 'denied' : 'failed';
      afterOwnTag(state, purpose.tag, purpose.value, result, ctx);
      return;
    }
    case 'tag':
      state.tags = outcome.ok
        ? { ...state.tags, written: purpose.value }
        : { ...state.tags, dueMs: after(ctx.nowMs, 2_000), bare: outcome.error.kind === 'configuration' };
      return;
  }
}

/** The node's phase as a tag of its instance, for those who can't hear gossip. */
function reconcileTags(state: NodeState, ctx: Context, emit: Emit): void {
  if (state.phase === 'serving' && state.meta.workload === 'healthy') state.tags = { ...state.tags, wanted: 'serving' };
  const { wanted, written, dueMs, bare } = state.tags;
  if (wanted === null || wanted === written || dueMs > ctx.nowMs || isAsking(state, (p) => p.for === 'tag')) return;
  // A former life of the agent may have told something that isn't so any more.
  const stale = written === null && !bare ? untoldTags(state) : {};
  const call = { op: 'tagNode', instanceId: state.identity.id, tags: { [TAG.state]: wanted, ...stale } } as const;
  ask(state, { for: 'tag', value: wanted }, call, ctx, emit);
}
