import type { NodeView } from '../cloud.js';
import { isName } from '../gossip/bytes.js';
import type { GossipEffect, GossipState } from '../gossip/gossip.js';
import { stepGossip } from '../gossip/gossip.js';
import { type Address, MAX_PURSUING, MAX_WARM, type Meta, WARM_LENGTH } from '../gossip/member.js';
import { after, type Context, type MonoMs, NEVER } from '../time.js';
import { shownCopies } from './copies.js';
import type { Publication } from './port.js';
import { noteRoom } from './safety.js';
import { hearVersion } from './spec-watch.js';
import type { Emit, NodeState, Room } from './state.js';
import { ownHealth } from './view.js';

/** Takes over what a gossip step gave: its new state, its datagrams, its news of members. */
export function takeGossip(
  state: NodeState,
  step: { readonly state: GossipState; readonly effects: readonly GossipEffect[] },
  ctx: Context,
  emit: Emit,
): void {
  state.gossip = step.state;
  for (const effect of step.effects) {
    if (effect.type !== 'member') {
      emit(effect);
      continue;
    }
    state.membersChanged = true;
    state.copies.stale = true;
    const { member, change } = effect;
    noteRoom(state, member, change === 'died' || change === 'left');
    hearVersion(state, member.meta.specVersion, ctx);
    const level = change === 'died' || change === 'suspected' ? 'warn' : 'info';
    if (change === 'updated') continue;
    const { slot, generation } = member.meta.seat;
    emit({ type: 'log', level, code: `member-${change}`, fields: { member: member.id, slot, generation } });
  }
}

/** Where nodes that EC2 knows of can be reached. */
export function seedsOf(nodes: readonly NodeView[], port: number): Address[] {
  return nodes.flatMap(({ privateIp }) => (privateIp === null ? [] : [{ host: privateIp, port }]));
}

/** Free memory is told in steps of this: what changes less is no news. */
const ROOM_STEP_MIB = 64;
/** Between two changes of room or data that are told; work and pressure are told at once. */
const ROOM_PAUSE_MS = 2_000;

/** Takes over what the host says of this node's work. */
export function hearPublication(state: NodeState, said: Publication, ctx: Context): void {
  const wanted: Room = {
    freeMemoryMiB: steps(said.freeMemoryMiB),
    freeGpuMemoryMiB: steps(said.freeGpuMemoryMiB),
    warm: [...new Set(said.warm)].filter((digest) => isName(digest, WARM_LENGTH)).slice(0, MAX_WARM),
  };
  const work = Number.isSafeInteger(said.work) ? Math.max(state.work, said.work) : state.work;
  const urgent = work !== state.work || said.pressure !== state.pressure;
  state.work = work;
  state.pressure = said.pressure;
  state.tasks = said.tasks ?? null;
  state.room = { ...state.room, wanted, dueMs: urgent ? ctx.nowMs : state.room.dueMs };
}

/** Never more than there is. */
const steps = (mib: number): number =>
  Number.isFinite(mib) ? Math.max(0, Math.floor(mib / ROOM_STEP_MIB) * ROOM_STEP_MIB) : 0;

const sameRoom = (a: Room, b: Room): boolean =>
  a.freeMemoryMiB === b.freeMemoryMiB &&
  a.freeGpuMemoryMiB === b.freeGpuMemoryMiB &&
  a.warm.length === b.warm.length &&
  a.warm.every((digest, i) => digest === b.warm[i]);

/** When a change of room that waits is told. */
export const nextRoomMs = ({ room }: NodeState, ctx: Pick<Context, 'nowMs'>): MonoMs =>
  sameRoom(room.shown, room.wanted) || room.dueMs <= ctx.nowMs ? NEVER : room.dueMs;

function showRoom(state: NodeState, ctx: Context): void {
  const { shown, wanted, dueMs } = state.room;
  if (dueMs > ctx.nowMs || sameRoom(shown, wanted)) return;
  state.room = { shown: wanted, wanted, dueMs: after(ctx.nowMs, ROOM_PAUSE_MS) };
}

/** Tells the others when this node's own record has changed. */
export function publishMeta(state: NodeState, ctx: Context, emit: Emit): void {
  showRoom(state, ctx);
  const meta = ownMeta(state);
  if (sameMeta(meta, state.meta)) return;
  state.meta = meta;
  state.membersChanged = true;
  state.copies.stale = true;
  takeGossip(state, stepGossip(state.gossip, { type: 'meta', meta }, ctx), ctx, emit);
}

/** Of one node's records: what can't change during its life isn't compared. */
function sameMeta(a: Meta, b: Meta): boolean {
  return (
    a.workload === b.workload &&
    a.runs === b.runs &&
    a.serves === b.serves &&
    a.copyMemoryMiB === b.copyMemoryMiB &&
    a.copyGpuMemoryMiB === b.copyGpuMemoryMiB &&
    a.specVersion === b.specVersion &&
    a.standby === b.standby &&
    a.leaving === b.leaving &&
    a.work === b.work &&
    a.pressure === b.pressure &&
    sameRoom(a, b) &&
    a.pursuing.length === b.pursuing.length &&
    a.pursuing.every((seat, i) => seat === b.pursuing[i])
  );
}

export function ownMeta(state: Omit<NodeState, 'meta' | 'gossip'>): Meta {
  const { identity } = state;
  return {
    seat: identity.seat,
    zone: identity.zone,
    instanceType: identity.instanceType,
    lifecycle: identity.lifecycle,
    ...state.room.shown,
    work: state.work,
    pressure: state.pressure,
    workload: ownHealth(state),
    ...shownCopies(state),
    specVersion: state.spec.version,
    revision: state.revision,
    standby: state.standby,
    pursuing: [...state.pursuits.values()]
      .filter((p) => p.stage !== 'over')
      .map((p) => p.position)
      .slice(0, MAX_PURSUING),
    leaving: state.leaving,
  };
}
