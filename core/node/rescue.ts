/**
 * Looking after empty slots. Every node works out the same vacancies and the same rescuer from gossip; the rescuer
 * looks at EC2 before it acts, once for all vacancies:
 *
 *     a holder that gossip doesn't know yet   -> watch it join
 *     the silent holder, and EC2 calls it ended, or its status checks fail -> fill the seat
 *     the silent holder, and EC2 calls it well -> look again; fill the seat when patience ends
 *     nobody -> fill the seat
 *
 * Gossip that is parted is no reason to fill a seat: a holder that serves, and either says itself that its gossip hears few, or
 * isn't heard by a node that hears less than half of those that serve, is left alone for as long as EC2 calls it well.
 */
import type { NodeView, Outcome } from '../cloud.js';
import { liveMembers, member, members, stepGossip } from '../gossip/gossip.js';
import { isCutOff, isServing, livesUnheard } from '../seats/apart.js';
import { watchLaunched } from '../seats/pursuit.js';
import { seatName } from '../seats/seat.js';
import { farthestSeat, isLiveState } from '../seats/surplus.js';
import { canWait, rescuerRank, type Vacancy, vacancies } from '../seats/vacancy.js';
import { after, type Context, type MonoMs, NEVER } from '../time.js';
import { ask, isAsking } from './calls.js';
import { seedsOf, takeGossip } from './gossiping.js';
import { pursue } from './pursuing.js';
import { isBehind } from './spec-watch.js';
import type { Emit, NodeState } from './state.js';
import { pursuedElsewhere } from './view.js';

/** Between two looks whether the newer spec has been read. */
const BEHIND_AGAIN_MS = 500;

export function reconcileVacancies(state: NodeState, ctx: Context, emit: Emit): void {
  // One that goes leaves the vacancies to the others, unless it can wait.
  if (state.phase !== 'serving' && !(state.leaving !== null && canWait(state.leaving))) {
    state.vacancies.clear();
    return;
  }
  if (state.membersChanged) {
    state.membersChanged = false;
    watchVacancies(state, ctx);
  }
  const due = [...state.vacancies].filter(([, v]) => v.dueMs <= ctx.nowMs).map(([slot]) => slot);
  // A slot that the newer spec doesn't want isn't empty.
  if (isBehind(state, ctx)) {
    for (const slot of due) postpone(state, slot, BEHIND_AGAIN_MS, ctx);
    return;
  }
  if (due.length === 0 || isAsking(state, (p) => p.for === 'rescue' || p.for === 'confirm')) return;
  const open = due.filter((slot) => !state.pursuits.has(slot) && !heldBack(state, slot));
  for (const slot of due) if (!open.includes(slot)) postpone(state, slot, state.timings.relookMs, ctx);
  if (open.length === 0) return;
  const { cluster, epoch } = state.spec;
  ask(state, { for: 'rescue' }, { op: 'findNodes', cluster, epoch, slot: null }, ctx, emit);
}

function watchVacancies(state: NodeState, ctx: Context): void {
  const live = liveMembers(state.gossip);
  const now = vacancies(state.spec.desired, members(state.gossip));
  const empty = new Set(now.map((v) => v.slot));
  for (const slot of state.vacancies.keys()) if (!empty.has(slot)) state.vacancies.delete(slot);
  for (const vacancy of now) {
    const rank = rescuerRank(vacancy, state.identity.id, live);
    const known = state.vacancies.get(vacancy.slot);
    const sinceMs = known?.sinceMs ?? ctx.nowMs;
    const { vacancySettleMs, emptySettleMs, deputyMs } = state.timings;
    const settleMs = vacancy.lastHolder === null ? emptySettleMs : vacancySettleMs;
    const fromMs = after(sinceMs, settleMs + deputyMs * (rank ?? 0));
    const dueMs = later(rank === null ? NEVER : fromMs, known?.dueMs, ctx.nowMs);
    state.vacancies.set(vacancy.slot, { sinceMs, patientFromMs: known?.patientFromMs ?? sinceMs, dueMs });
  }
}

/** The later of a planned look and one that was put off; a look put off for ever (not my turn) doesn't bind. */
function later(planned: MonoMs, putOff: MonoMs | undefined, nowMs: MonoMs): MonoMs {
  return putOff === undefined || putOff === NEVER || putOff <= nowMs ? planned : (Math.max(planned, putOff) as MonoMs);
}

/** Somebody else already fills it. */
function heldBack(state: NodeState, slot: number): boolean {
  const vacancy = vacancyOf(state, slot);
  return vacancy === null || pursuedElsewhere(state, slot, vacancy.lastGeneration);
}

export function afterRescueLook(state: NodeState, outcome: Outcome<'findNodes'>, ctx: Context, emit: Emit): void {
  if (outcome.ok) joinUnknown(state, outcome.value, ctx, emit);
  const nodes = outcome.ok ? outcome.value : [];
  const cutOff = isCutOff(new Set(liveMembers(state.gossip).map(({ id }) => id)), nodes);
  for (const [slot, watched] of [...state.vacancies]) {
    if (watched.dueMs > ctx.nowMs || state.pursuits.has(slot)) continue;
    const vacancy = vacancyOf(state, slot);
    postpone(state, slot, state.timings.relookMs, ctx);
    if (!outcome.ok || vacancy === null) continue;
    const mates = nodes.filter((n) => n.seat?.slot === slot);
    const unheard = mates.some((n) => livesUnheard(n) || (cutOff && isServing(n)));
    const { silentPatienceMs } = state.spec.policy;
    const overdue = ctx.nowMs - watched.patientFromMs >= silentPatienceMs;
    if (unheard) {
      const slow = ctx.nowMs - watched.sinceMs >= silentPatienceMs;
      const dueMs = after(ctx.nowMs, slow ? state.timings.unheardRelookMs : state.timings.relookMs);
      state.vacancies.set(slot, { ...watched, patientFromMs: ctx.nowMs, dueMs });
    }
    judge(state, vacancy, mates, { unheard, overdue }, ctx, emit);
  }
}

/** Halves that were parted for so long that they forgot each other meet again here. */
function joinUnknown(state: NodeState, nodes: readonly NodeView[], ctx: Context, emit: Emit): void {
  const unknown = nodes.filter((n) => n.state === 'running' && member(state.gossip, n.instanceId) === undefined);
  const seeds = seedsOf(unknown, state.spec.gossip.port);
  if (seeds.length > 0) takeGossip(state, stepGossip(state.gossip, { type: 'join', seeds }, ctx), ctx, emit);
}

function judge(
  state: NodeState,
  vacancy: Vacancy,
  mates: readonly NodeView[],
  { unheard, overdue }: { readonly unheard: boolean; readonly overdue: boolean },
  ctx: Context,
  emit: Emit,
): void {
  const { slot } = vacancy;
  const live = mates.filter((n) => isLiveState(n.state));
  const newcomer = live.find((n) => n.seat !== null && member(state.gossip, n.instanceId) === undefined);
  if (newcomer?.seat) {
    if (unheard) return;
    // It served once, and nobody hears it.
    if (overdue && isServing(newcomer)) fill(state, vacancy, mates, ctx, emit);
    else state.pursuits.set(slot, watchLaunched(newcomer.seat, newcomer.instanceId, ctx));
    return;
  }
  const silent = vacancy.lastHolder;
  const announced = silent === null || silent.status === 'left' || silent.meta.leaving !== null;
  const stillLive = silent !== null && live.some((n) => n.instanceId === silent.id);
  if (stillLive && !announced && (unheard || !overdue)) {
    const purpose = { for: 'confirm', slot, generation: vacancy.lastGeneration } as const;
    ask(state, purpose, { op: 'describeNode', instanceId: silent.id }, ctx, emit);
    return;
  }
  fill(state, vacancy, mates, ctx, emit);
}

/** EC2's word on a silent node that it still lists as running. */
export function afterConfirm(
  state: NodeState,
  slot: number,
  generation: number,
  outcome: Outcome<'describeNode'>,
  ctx: Context,
  emit: Emit,
): void {
  const vacancy = vacancyOf(state, slot);
  if (vacancy === null || vacancy.lastGeneration !== generation || state.pursuits.has(slot) || !outcome.ok) return;
  const node = outcome.value;
  // "No such instance" is no proof, since describes lag: the next look tells.
  if (node === null || (isLiveState(node.state) && node.statusOk !== false)) return;
  fill(state, vacancy, [node], ctx, emit);
}

function fill(state: NodeState, vacancy: Vacancy, mates: readonly NodeView[], ctx: Context, emit: Emit): void {
  const { slot, lastGeneration, lastHolder } = vacancy;
  if (lastHolder !== null && lastHolder.status === 'dead' && lastHolder.meta.leaving === null) {
    state.counters.silentDeathsConfirmed++;
    const fields = { member: lastHolder.id, seat: seatName({ slot, generation: lastGeneration }) };
    emit({ type: 'log', level: 'warn', code: 'death-confirmed', fields });
  }
  const known = farthestSeat(
    slot,
    mates.map((n) => n.seat),
  );
  const generation = Math.max(lastGeneration, known?.generation ?? 0) + 1;
  pursue(state, 'need', { slot, generation, rung: 0 }, ctx, emit);
}

function vacancyOf(state: NodeState, slot: number): Vacancy | null {
  return vacancies(state.spec.desired, members(state.gossip)).find((v) => v.slot === slot) ?? null;
}

function postpone(state: NodeState, slot: number, byMs: number, ctx: Context): void {
  const watched = state.vacancies.get(slot);
  if (watched === undefined) return;
  state.vacancies.set(slot, { ...watched, dueMs: after(ctx.nowMs, byMs) });
}

export function nextVacancyMs(state: NodeState): MonoMs {
  let next = NEVER;
  for (const { dueMs } of state.vacancies.values()) if (dueMs < next) next = dueMs;
  return next;
}
