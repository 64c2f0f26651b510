/** What a drill has seen, look by look, and which promises were kept. Pure. */
import { generationOf } from '../../../../core/fallback/holders.js';
import { seatName } from '../../../../core/seats/seat.js';
import { countText, secondsText } from '../../show.js';
import type { ClusterView } from '../../view.js';

export interface Hit {
  readonly instanceId: string;
  readonly slot: number;
  readonly generation: number;
  readonly pool: string;
  /** First looks at which it was so; null: never. */
  leavingMs: number | null;
  goneMs: number | null;
  healedMs: number | null;
  /** When its successor was launched, by EC2's word. */
  launchedMs: number | null;
  successorId: string | null;
  reported: boolean;
}

export interface Witness {
  readonly startedMs: number;
  /** Served before the drill. */
  readonly before: number;
  readonly desired: number;
  readonly hits: readonly Hit[];
  /** Least slots that were served at a look. */
  leastServed: number;
  /** Looks that were made. */
  looks: number;
  /** Nodes of other slots that went meanwhile. */
  readonly others: Set<string>;
  /** Of each slot that was hit: instances of newer generations that were seen. */
  readonly successors: Map<number, Set<string>>;
  readonly known: ReadonlySet<string>;
}

export interface PromiseKept {
  readonly promise: string;
  readonly kept: boolean;
  /** The figure. */
  readonly told: string;
}

export function openWitness(hitIds: readonly string[], view: ClusterView): Witness {
  const rows = view.nodes.filter(({ node }) => hitIds.includes(node.instanceId));
  const served = servedIn(view);
  return {
    startedMs: view.atMs,
    before: served,
    desired: view.spec.desired,
    leastServed: served,
    looks: 0,
    others: new Set(),
    successors: new Map(),
    known: new Set(view.nodes.filter(({ condition }) => condition !== 'ending').map(({ node }) => node.instanceId)),
    hits: rows.map(({ node }) => ({
      instanceId: node.instanceId,
      slot: node.seat?.slot ?? 0,
      generation: node.seat?.generation ?? 0,
      pool: `${node.instanceType} in ${node.zone}`,
      leavingMs: null,
      goneMs: null,
      healedMs: null,
      launchedMs: null,
      successorId: null,
      reported: false,
    })),
  };
}

const servedIn = ({ slots }: ClusterView): number => slots.filter(({ state }) => state === 'serving').length;

/** Takes a look into the account; true: every seat is held again, and those that were hit are gone. */
export function witness(state: Witness, view: ClusterView): boolean {
  state.looks++;
  state.leastServed = Math.min(state.leastServed, servedIn(view));
  const alive = new Map(
    view.nodes.filter(({ condition }) => condition !== 'ending').map((row) => [row.node.instanceId, row]),
  );
  const slots = new Set(state.hits.map(({ slot }) => slot));
  for (const id of state.known)
    if (!alive.has(id) && !state.hits.some((hit) => hit.instanceId === id)) state.others.add(id);
  for (const hit of state.hits) {
    const row = alive.get(hit.instanceId);
    if (row === undefined) hit.goneMs ??= view.atMs;
    if (row?.condition === 'draining' || row?.condition === 'drained') hit.leavingMs ??= view.atMs;
    const seen = state.successors.get(hit.slot) ?? new Set();
    state.successors.set(hit.slot, seen);
    for (const { node, condition } of view.nodes) {
      if (node.seat?.slot !== hit.slot || generationOf(node) <= hit.generation || !slots.has(hit.slot)) continue;
      seen.add(node.instanceId);
      if (hit.launchedMs === null || node.launchTimeMs < hit.launchedMs) {
        hit.launchedMs = node.launchTimeMs;
        hit.successorId = node.instanceId;
      }
      if (condition === 'serving') hit.healedMs ??= view.atMs;
    }
    hit.reported ||= view.reports.some(({ instanceId }) => instanceId === hit.instanceId);
  }
  return state.hits.every(({ goneMs, healedMs }) => goneMs !== null && healedMs !== null);
}

/** @param noticeMs what FIS gives; a rehearsal may give less, so a node's end counts, too */
export function judgeDrill(state: Witness, noticeMs: number): readonly PromiseKept[] {
  const { hits, desired, leastServed, startedMs } = state;
  const since = (ms: number): string => secondsText(Math.max(0, ms - startedMs));
  const worst = (times: readonly (number | null)[]): number => Math.max(startedMs, ...times.map((ms) => ms ?? 0));
  const without = (ok: (hit: Hit) => boolean): string =>
    hits
      .filter((hit) => !ok(hit))
      .map(({ instanceId }) => instanceId)
      .join(', ');
  const all = (ok: (hit: Hit) => boolean): boolean => hits.every(ok);
  const acted = (hit: Hit): boolean => hit.leavingMs !== null;
  const asked = (hit: Hit): boolean =>
    hit.launchedMs !== null && hit.launchedMs <= Math.min(startedMs + noticeMs, hit.goneMs ?? Number.MAX_SAFE_INTEGER);
  const healed = (hit: Hit): boolean => hit.healedMs !== null;
  const floor = Math.max(0, state.before - hits.length);
  const spares = [...state.successors].filter(([, ids]) => ids.size > 1);
  return [
    {
      promise: 'Each node acts on its notice',
      kept: all(acted),
      told: all(acted) ? `all within ${since(worst(hits.map((h) => h.leavingMs)))}` : `not seen of ${without(acted)}`,
    },
    {
      promise: 'Each replacement is launched before the node is gone',
      kept: all(asked),
      told: all(asked) ? `the last after ${since(worst(hits.map((h) => h.launchedMs)))}` : `not for ${without(asked)}`,
    },
    {
      promise: 'Each seat is served again',
      kept: all(healed),
      told: all(healed)
        ? `the last after ${since(worst(hits.map((h) => h.healedMs)))}`
        : `not that of ${without(healed)}`,
    },
    {
      promise: 'Exactly one successor for each seat',
      kept: spares.length === 0 && all((hit) => hit.successorId !== null),
      told:
        spares.length === 0
          ? `${countText(hits.filter(({ successorId }) => successorId !== null).length, 'successor')} for ${countText(hits.length, 'seat')}`
          : spares.map(([slot, ids]) => `slot ${slot}: ${[...ids].join(' and ')}`).join('; '),
    },
    {
      promise: 'No other slot stops serving',
      kept: leastServed >= floor,
      told: `at least ${leastServed} of ${desired} slots served, in ${countText(state.looks, 'look')}`,
    },
    {
      promise: 'Nobody else goes',
      kept: state.others.size === 0,
      told: state.others.size === 0 ? 'nobody did' : [...state.others].join(', '),
    },
    {
      promise: 'Each node leaves its incident report',
      kept: all(({ reported }) => reported),
      told: all(({ reported }) => reported)
        ? `${hits.length} of ${hits.length}`
        : `none of ${without((h) => h.reported)}`,
    },
  ];
}

export const hitText = ({ instanceId, slot, generation, pool }: Hit): string =>
  `${instanceId}, seat ${seatName({ slot, generation })}, ${pool}`;
