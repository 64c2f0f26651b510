/**
 * Workloads of which the cluster wants a number of copies. Every node lays them out from gossip (core/placement/copies.ts) and
 * carries out its own part: it starts what is given to it, and ends what isn't once others serve it. A node that will go isn't
 * given any, so others start its copies beforehand where no notice presses. A layout counts when it has said the same for a
 * while: a member that is suspected for a moment still holds its copies, and one that has just come knows few others.
 */
import { liveMembers } from '../gossip/gossip.js';
import type { Member, Meta } from '../gossip/member.js';
import type { CopiesLayout, CopiesWanted } from '../placement/copies.js';
import { layOutCopies } from '../placement/copies.js';
import { digestOf, wantedRevision, workloadsDigest } from '../spec/revision.js';
import type { Spec } from '../spec/spec.js';
import { after, type Context, earliest, type MonoMs, NEVER } from '../time.js';
import type { CopiesState, Emit, NodeState, WorkloadView } from './state.js';
import { askTarget } from './targets.js';

export const noCopies = (spec: Spec): CopiesState => ({
  layout: new Map(),
  stale: true,
  givenSince: new Map(),
  takenSince: new Map(),
  ending: new Map(),
  names: namesIn(spec),
  namesOf: new Map(),
});

const namesIn = (spec: Spec): readonly string[] => spec.workloads.map(({ name }) => name);

export const FRESH_STATUS: WorkloadView['status'] = { health: 'starting', inFlight: null };

/** Workloads of the spec that aren't on every node. */
export function copiesWanted(spec: Spec): readonly CopiesWanted[] {
  return spec.workloads.flatMap((workload) => {
    if (workload.kind === 'tasks' || workload.copies === undefined) return [];
    const { name, copies, memoryMiB = 0, gpuMemoryMiB = 0 } = workload;
    return [{ name, copies, memoryMiB, gpuMemoryMiB }];
  });
}

export const isPlaced = (spec: Spec, name: string): boolean =>
  spec.workloads.some((w) => w.name === name && w.kind !== 'tasks' && w.copies !== undefined);

/** What this node should run by now, and what its health is made of. */
export function isDue(
  { spec, workloads, copies }: Pick<NodeState, 'spec' | 'workloads' | 'copies'>,
  name: string,
): boolean {
  if (!isPlaced(spec, name)) return true;
  return workloads.get(name)?.started === true && !copies.ending.has(name);
}

type Shown = Pick<Meta, 'runs' | 'serves' | 'copyMemoryMiB' | 'copyGpuMemoryMiB'>;

/** What the record says of copies. */
export function shownCopies(state: Pick<NodeState, 'spec' | 'identity' | 'workloads' | 'targets' | 'copies'>): Shown {
  const { spec, workloads, targets, copies, identity } = state;
  if (copiesWanted(spec).length === 0) return { runs: 0, serves: 0, copyMemoryMiB: 0, copyGpuMemoryMiB: 0 };
  let [runs, serves] = [0, 0];
  copies.names.forEach((name, bit) => {
    const view = workloads.get(name);
    if (view === undefined || !isPlaced(spec, name) || !runsNow(view)) return;
    runs += 2 ** bit;
    const registered = targets.every((t) => t.workload !== name || t.state === 'registered');
    if (registered && view.status.health === 'healthy' && !copies.ending.has(name)) serves += 2 ** bit;
  });
  const rest = (all: number, needs: 'memoryMiB' | 'gpuMemoryMiB'): number =>
    spec.workloads.reduce((left, w) => Math.max(0, left - (isPlaced(spec, w.name) ? 0 : (w[needs] ?? 0))), all);
  return {
    runs,
    serves,
    copyMemoryMiB: rest(identity.freeMemoryMiB, 'memoryMiB'),
    copyGpuMemoryMiB: rest(identity.freeGpuMemoryMiB, 'gpuMemoryMiB'),
  };
}

const runsNow = (view: WorkloadView): boolean => view.started && !view.stopAsked && view.status.health !== 'stopped';

export function reconcileCopies(state: NodeState, ctx: Context, emit: Emit): void {
  const wanted = copiesWanted(state.spec);
  const { copies } = state;
  if (copies.stale && wanted.length > 0) {
    copies.namesOf = new Map([
      [digestOf(state.revision), copies.names],
      [workloadsDigest(state.spec), namesIn(state.spec)],
    ]);
    copies.layout = layoutOf(state, wanted);
  }
  copies.stale = false;
  if (state.phase !== 'serving') return;
  for (const name of [...copies.ending.keys()]) if (!isPlaced(state.spec, name)) copies.ending.delete(name);
  // What ended here may be started here again, but not before it is gone.
  for (const [name, view] of state.workloads) {
    if (view.stopAsked && view.status.health === 'stopped') renew(state, name, view);
  }
  for (const copy of wanted) {
    const view = state.workloads.get(copy.name);
    if (view === undefined || view.stopAsked) continue;
    if (hostsOf(state, copy.name).includes(state.identity.id)) {
      take(state, copy, wanted, view, ctx, emit);
    } else {
      giveUp(state, copy.name, view, ctx, emit);
    }
  }
}

function renew(state: NodeState, name: string, view: WorkloadView): void {
  state.workloads.set(name, { ...view, status: FRESH_STATUS, lastInFlight: null, started: false, stopAsked: false });
  state.copies.ending.delete(name);
}

const hostsOf = ({ copies }: NodeState, name: string): readonly string[] => copies.layout.get(name) ?? [];

function take(
  state: NodeState,
  copy: CopiesWanted,
  wanted: readonly CopiesWanted[],
  view: WorkloadView,
  ctx: Context,
  emit: Emit,
): void {
  const { copies, timings } = state;
  copies.takenSince.delete(copy.name);
  copies.ending.delete(copy.name);
  if (view.started) {
    copies.givenSince.delete(copy.name);
    return;
  }
  const since = copies.givenSince.get(copy.name) ?? ctx.nowMs;
  copies.givenSince.set(copy.name, since);
  if (ctx.nowMs - since < timings.copySettleMs && !isLeft(state, copy.name)) return;
  if (!hasRoom(state, copy, wanted)) return;
  copies.givenSince.delete(copy.name);
  state.workloads.set(copy.name, { ...view, status: FRESH_STATUS, started: true });
  emit({ type: 'log', level: 'info', code: 'copy-given', fields: { workload: copy.name } });
  emit({ type: 'start-workload', name: copy.name });
}

/** Somebody who runs it has told that it goes: there is nothing to wait for. */
function isLeft(state: NodeState, name: string): boolean {
  return liveMembers(state.gossip).some(
    (m) => m.meta.leaving !== null && named(m.meta.runs, namesOf(state, m)).includes(name),
  );
}

/** What ends here still takes room until it is gone. */
function hasRoom(state: NodeState, copy: CopiesWanted, wanted: readonly CopiesWanted[]): boolean {
  const used = wanted.filter(({ name }) => state.workloads.get(name)?.started === true);
  const sum = (needs: 'memoryMiB' | 'gpuMemoryMiB'): number => used.reduce((all, one) => all + one[needs], copy[needs]);
  const room = shownCopies(state);
  return sum('memoryMiB') <= room.copyMemoryMiB && sum('gpuMemoryMiB') <= room.copyGpuMemoryMiB;
}

/** Ends a copy that belongs elsewhere, as a drain does it: deregister, keep serving, wait for requests, stop. */
function giveUp(state: NodeState, name: string, view: WorkloadView, ctx: Context, emit: Emit): void {
  const { copies, timings, spec } = state;
  copies.givenSince.delete(name);
  const left = state.targets.filter((target) => target.workload === name && target.state !== 'removed');
  if (!view.started && left.length === 0) {
    copies.takenSince.delete(name);
    copies.ending.delete(name);
    return;
  }
  const since = copies.takenSince.get(name) ?? ctx.nowMs;
  copies.takenSince.set(name, since);
  if (ctx.nowMs - since < timings.copySettleMs) return;
  if (view.started && !isServedElsewhere(state, name)) {
    copies.ending.delete(name);
    return;
  }
  if (!copies.ending.has(name)) copies.ending.set(name, null);
  for (const target of left) askTarget(state, target, state.targets.indexOf(target), 'deregister', ctx, emit);
  if (left.length > 0) {
    copies.ending.set(name, null);
    return;
  }
  const removedMs = copies.ending.get(name) ?? ctx.nowMs;
  copies.ending.set(name, removedMs);
  const untilMs = servesUntilMs(state, name, removedMs);
  if (ctx.nowMs < untilMs) return;
  const workload = spec.workloads.find((w) => w.name === name);
  const silent = workload?.port == null || view.status.inFlight === null || view.status.health !== 'healthy';
  const idle = silent || (view.reportedMs >= untilMs && view.status.inFlight === 0);
  if (!idle && ctx.nowMs < after(untilMs, spec.policy.drainMs)) return;
  state.workloads.set(name, { ...view, stopAsked: true });
  copies.takenSince.delete(name);
  emit({ type: 'log', level: 'info', code: 'copy-ended', fields: { workload: name } });
  emit({ type: 'stop-workload', name, graceMs: workload?.stopGraceMs ?? 0 });
}

function servesUntilMs({ targets, spec }: NodeState, name: string, removedMs: MonoMs): MonoMs {
  return targets.some((t) => t.workload === name) ? after(removedMs, spec.policy.keepServingMs) : removedMs;
}

/** Whether each node that the layout gives the workload to serves it; false where nobody has room. */
function isServedElsewhere(state: NodeState, name: string): boolean {
  const hosts = hostsOf(state, name).filter((id) => id !== state.identity.id);
  if (hosts.length === 0) return false;
  const serving = liveMembers(state.gossip).filter((m) => named(m.meta.serves, namesOf(state, m)).includes(name));
  return hosts.every((id) => serving.some((m) => m.id === id));
}

/** A workload whose copy here is still needed, and whether another node has room for it; null: this node may go. */
export function neededCopy(state: NodeState): { readonly name: string; readonly hasRoom: boolean } | null {
  for (const { name } of copiesWanted(state.spec)) {
    const view = state.workloads.get(name);
    if (view !== undefined && runsNow(view) && !isServedElsewhere(state, name)) {
      return { name, hasRoom: hostsOf(state, name).some((id) => id !== state.identity.id) };
    }
  }
  return null;
}

function layoutOf(state: NodeState, wanted: readonly CopiesWanted[]): CopiesLayout {
  const live = liveMembers(state.gossip);
  const placed = new Set(wanted.map(({ name }) => name));
  const newest = wantedRevision(state.spec);
  const hosts = live
    .filter((member) => stays(member, live, state.spec))
    .map((member) => {
      const takes = namesOf(state, member);
      const { runs, serves, copyMemoryMiB: memoryMiB, copyGpuMemoryMiB: gpuMemoryMiB, revision } = member.meta;
      const holds = named(runs, takes).filter((name) => placed.has(name));
      const current = revision === newest;
      return { id: member.id, memoryMiB, gpuMemoryMiB, takes, holds, serves: named(serves, takes), current };
    });
  return layOutCopies(wanted, hosts);
}

/** A member that is on its way out, or soon will be, isn't counted on; nor is a spare that stands beside its predecessor. */
function stays({ id, meta }: Member, live: readonly Member[], spec: Spec): boolean {
  if (meta.leaving !== null || meta.seat.slot >= spec.desired) return false;
  return !live.some((mate) => {
    if (mate.id === id || mate.meta.leaving !== null || mate.meta.seat.slot !== meta.seat.slot) return false;
    const older = mate.meta.seat.generation < meta.seat.generation;
    const newer = mate.meta.seat.generation > meta.seat.generation;
    return older ? mate.meta.standby !== 'none' : newer && meta.standby === 'none';
  });
}

/** What a member's bits stand for; none where its revision isn't known here. */
const namesOf = ({ copies }: NodeState, { meta }: Member): readonly string[] =>
  copies.namesOf.get(digestOf(meta.revision)) ?? [];

const named = (bits: number, names: readonly string[]): readonly string[] =>
  names.filter((_, bit) => Math.floor(bits / 2 ** bit) % 2 === 1);

/** When a layout has settled here, or a copy that ends may be stopped. */
export function nextCopiesMs(state: NodeState, ctx: Pick<Context, 'nowMs'>): MonoMs {
  const { copies, timings, spec } = state;
  const due = [...copies.givenSince.values(), ...copies.takenSince.values()].map((ms) =>
    after(ms, timings.copySettleMs),
  );
  for (const [name, removedMs] of copies.ending) {
    if (removedMs === null) continue;
    const untilMs = servesUntilMs(state, name, removedMs);
    due.push(untilMs, after(untilMs, spec.policy.drainMs));
  }
  return earliest(...due.filter((ms) => ms > ctx.nowMs), NEVER);
}
