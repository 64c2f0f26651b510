/**
 * Before a node does something of its own will it asks the Banker's rule (core/safety). What isn't safe, or while the policy
 * has paused such acts, waits and says why: in the log, in `state.waiting`, and after a while in a tag of its instance for
 * those who can't ask the agent.
 */
import { liveMembers } from '../gossip/gossip.js';
import type { Member } from '../gossip/member.js';
import { judge, type VoluntaryAct } from '../safety/judge.js';
import { poolName, type SafeNode, type SafeTask, type SafetyView } from '../safety/view.js';
import { isPaused } from '../spec/spec.js';
import { after, type Context, earliest, type MonoMs, NEVER } from '../time.js';
import { nextOwnTagMs, tellTag } from './own-tags.js';
import type { Emit, NodeState, Waiting } from './state.js';

/** Between two judgements of the same act: while it waits, each datagram would bring one. */
const JUDGE_AGAIN_MS = 1_000;
/** How long a wait lasts before the tag tells of it. */
const TAG_AFTER_MS = 30_000;
/** How often a wait that goes on is logged again. */
const SAY_AGAIN_MS = 600_000;

/** Whether this node may begin the act now. If not, it is noted for {@link reconcileWaiting}. */
export function mayBegin(state: NodeState, act: VoluntaryAct['type'], ctx: Context): boolean {
  if (state.spec.desired === 0) return true;
  const { policy } = state.spec;
  if (isPaused(policy, ctx.wallMs)) {
    const leftMs = (policy.pausedUntilMs ?? Number.POSITIVE_INFINITY) - ctx.wallMs;
    return wait(state, act, 'paused', 'The policy of the cluster has paused it.', ctx, after(ctx.nowMs, leftMs));
  }
  const { waiting } = state;
  if (waiting?.act === act && waiting.cause !== 'paused' && waiting.againMs !== NEVER && waiting.againMs > ctx.nowMs) {
    return wait(state, act, waiting.cause, waiting.reason, ctx, waiting.againMs);
  }
  const judgement = judge({ type: act, node: state.identity.id }, safetyView(state));
  if (judgement.safe) return true;
  return wait(state, act, judgement.cause, judgement.reason, ctx, after(ctx.nowMs, JUDGE_AGAIN_MS));
}

/** Notes that an act waits; always false. `againMs`: the reason holds until then; NEVER: it is found anew at each step. */
export function wait(
  state: NodeState,
  act: Waiting['act'],
  cause: Waiting['cause'],
  reason: string,
  ctx: Context,
  againMs: MonoMs = NEVER,
): false {
  const old = state.waiting;
  // Of several that wait the one that is asked for first is told of.
  if (old?.step === state.step) return false;
  const { sinceMs, saidMs } = old?.act === act ? old : { sinceMs: ctx.nowMs, saidMs: null };
  state.waiting = { act, cause, reason, sinceMs, againMs, saidMs, step: state.step };
  return false;
}

/** Once a step: says what waits, and forgets what doesn't wait any more. */
export function reconcileWaiting(state: NodeState, ctx: Context, emit: Emit): void {
  const { waiting } = state;
  if (waiting !== null && waiting.step !== state.step) {
    emit({ type: 'log', level: 'info', code: 'wait-over', fields: { act: waiting.act } });
    state.waiting = null;
  } else if (waiting !== null && (waiting.saidMs === null || ctx.nowMs - waiting.saidMs >= SAY_AGAIN_MS)) {
    const { act, cause, reason } = waiting;
    emit({ type: 'log', level: 'warn', code: 'waiting', fields: { act, cause, reason } });
    state.waiting = { ...waiting, saidMs: ctx.nowMs };
  }
  const now = state.waiting;
  const long = now !== null && ctx.nowMs - now.sinceMs >= TAG_AFTER_MS;
  tellTag(state, 'waiting', long ? tagText(now) : '', ctx, emit);
}

/** EC2 takes 256 characters. */
const tagText = ({ act, reason }: Waiting): string => `${act}: ${reason}`.slice(0, 256);

export function nextWaitingMs(state: NodeState, { nowMs }: Pick<Context, 'nowMs'>): MonoMs {
  const { waiting } = state;
  const againMs = waiting?.againMs ?? NEVER;
  const tagMs = nextOwnTagMs(state, 'waiting', waiting?.sinceMs ?? null, TAG_AFTER_MS, nowMs);
  return earliest(againMs > nowMs ? againMs : NEVER, tagMs);
}

/**
 * The cluster as the Banker's rule sees it from here. Of others only the free room is known, so their whole room is the
 * most that they were ever seen to have free, or this node's own if they are of its type. Others whose slot isn't
 * wanted any more aren't counted on: they go, too.
 */
export function safetyView(state: NodeState): SafetyView {
  const { spec, identity } = state;
  const nodes = liveMembers(state.gossip).map((member): SafeNode => {
    const self = member.id === identity.id;
    const { meta } = member;
    const alike = meta.instanceType === identity.instanceType;
    const seen = state.roomiest.get(member.id);
    return {
      id: member.id,
      slot: meta.seat.slot,
      pool: poolName(meta),
      lifecycle: meta.lifecycle,
      serves: meta.workload === 'healthy',
      leaving: !self && (meta.leaving !== null || meta.seat.slot >= spec.desired),
      freeMemoryMiB: meta.freeMemoryMiB,
      freeGpuMemoryMiB: meta.freeGpuMemoryMiB,
      memoryMiB: Math.max(meta.freeMemoryMiB, seen?.memoryMiB ?? 0, alike ? identity.freeMemoryMiB : 0),
      gpuMemoryMiB: Math.max(meta.freeGpuMemoryMiB, seen?.gpuMemoryMiB ?? 0, alike ? identity.freeGpuMemoryMiB : 0),
    };
  });
  return {
    nodes,
    desired: spec.desired,
    onDemandBase: spec.launch.onDemandBase ?? 0,
    pools: spec.launch.pools.map(poolName),
    admission: spec.policy.admission,
    tasks: ownTasks(state),
  };
}

/** Remembers the most room that a member was seen to have; only of those that live. */
export function noteRoom(state: NodeState, { id, meta }: Member, gone: boolean): void {
  if (gone) {
    state.roomiest.delete(id);
    return;
  }
  const seen = state.roomiest.get(id);
  const memoryMiB = Math.max(seen?.memoryMiB ?? 0, meta.freeMemoryMiB);
  const gpuMemoryMiB = Math.max(seen?.gpuMemoryMiB ?? 0, meta.freeGpuMemoryMiB);
  state.roomiest.set(id, { memoryMiB, gpuMemoryMiB });
}

/** What runs here: as the host says, or as many as are in flight, that share what isn't free. */
function ownTasks(state: NodeState): readonly SafeTask[] {
  const { identity, room } = state;
  if (state.tasks !== null) return state.tasks.map((task) => ({ ...task, node: identity.id }));
  const name = state.spec.workloads.find(({ kind }) => kind === 'tasks')?.name;
  const count = name === undefined ? 0 : Math.min(256, state.workloads.get(name)?.status.inFlight ?? 0);
  const share = (all: number, free: number): number => Math.max(0, Math.floor((all - free) / Math.max(1, count)));
  return Array.from({ length: count }, (_, n) => ({
    task: `${n + 1} of ${count}`,
    node: identity.id,
    memoryMiB: share(identity.freeMemoryMiB, room.wanted.freeMemoryMiB),
    gpuMemoryMiB: share(identity.freeGpuMemoryMiB, room.wanted.freeGpuMemoryMiB),
  }));
}
