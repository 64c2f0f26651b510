/** From what a rehearsal knows to what its page shows. Pure. */
import { seatName } from '../../../core/seats/seat.js';
import type { Condition, IncidentCard, NodeCard, StepLine, ZoneCard } from '../../ui/picture.js';
import type { NodeRow } from '../cluster-view.js';
import type { Incident } from '../incidents.js';

/** What a node's card is made of besides its row. */
export interface Around {
  readonly nowMs: number;
  readonly cutOff: ReadonlySet<string>;
  readonly seenBy: ReadonlyMap<string, NonNullable<NodeCard['seenBy']>>;
  readonly requests: ReadonlyMap<string, number>;
}

/** A node that is gone is shown for this long. */
const FAREWELL_MS = 4_000;

export function nodeCards(rows: Iterable<NodeRow>, around: Around): NodeCard[] {
  return [...rows]
    .filter((row) => row.phase !== 'ended' || around.nowMs - (row.overMs ?? 0) < FAREWELL_MS)
    .sort(bySeat)
    .map((row) => nodeCard(row, around));
}

const bySeat = ({ node: a }: NodeRow, { node: b }: NodeRow): number =>
  (a.seat?.slot ?? 1e9) - (b.seat?.slot ?? 1e9) ||
  (a.seat?.generation ?? 0) - (b.seat?.generation ?? 0) ||
  (a.instanceId < b.instanceId ? -1 : 1);

function nodeCard(row: NodeRow, { cutOff, seenBy, requests }: Around): NodeCard {
  const { node } = row;
  const condition = conditionOf(row);
  const extras = [
    ...(row.atRisk ? ['at risk'] : []),
    ...(cutOff.has(node.instanceId) ? ['cut off from its peers'] : []),
    ...(row.agentDead ? ['its agent hangs'] : []),
  ];
  const place = `${node.instanceType} ${node.market} in ${node.zone}`;
  return {
    id: node.instanceId,
    slot: node.seat?.slot ?? null,
    seat: node.seat === null ? '-' : seatName(node.seat),
    zone: node.zone,
    pool: node.instanceType,
    market: node.market,
    condition,
    label: `Slot ${node.seat?.slot ?? 'none'}: ${[WORDS[condition], ...extras].join(', ')}; ${place}`,
    deadlineMs: condition === 'noticed' ? row.deadlineMs : null,
    atRisk: row.atRisk,
    cutOff: cutOff.has(node.instanceId),
    hung: row.agentDead,
    seenBy: seenBy.get(node.instanceId) ?? null,
    requests: requests.get(node.instanceId) ?? 0,
  };
}

const WORDS: Readonly<Record<Condition, string>> = {
  booting: 'booting',
  serving: 'serving',
  unwell: "doesn't answer the load balancer",
  noticed: 'got its interruption notice',
  draining: 'hands over',
  dead: 'died without a word',
  ending: 'is going',
  ended: 'is gone',
};

export function conditionOf({ phase, target }: NodeRow): Condition {
  switch (phase) {
    case 'booting':
      return 'booting';
    case 'running':
      if (target === 'healthy') return 'serving';
      if (target === 'unhealthy') return 'unwell';
      return target === 'draining' ? 'ending' : 'booting';
    case 'noticed':
    case 'dead':
    case 'ending':
    case 'ended':
      return phase;
  }
}

export function zoneCards(
  zones: readonly string[],
  pools: readonly { readonly instanceType: string; readonly zone: string }[],
  reclaimed: ReadonlySet<string>,
): ZoneCard[] {
  return zones.map((name) => ({
    name,
    pools: [...new Set(pools.filter((pool) => pool.zone === name).map((pool) => pool.instanceType))],
    reclaimed: reclaimed.has(name),
  }));
}

/**
 * Its steps by the node's own ledger where it told; else by what others could see.
 *
 * @param serves false: nodes only run tasks, and no load balancer is asked
 */
export function incidentCard(incident: Incident, serves = true): IncidentCard {
  const { atMs, seat, kind, ledger } = incident;
  const after = (ms: number | null): number | null => (ms === null ? null : Math.max(0, ms - atMs));
  const step = (name: string, ms: number | null, budgetMs: number | null = null): StepLine => ({
    name,
    afterMs: after(ms),
    budgetMs,
  });
  const budget = (name: 'deregister' | 'stop'): number | null => ledger?.steps[name].budgetMs ?? null;
  const announced = [
    ...(incident.detectedMs === null ? [] : [step('agent knows', incident.detectedMs)]),
    step('first act', incident.firstActMs),
    step('replacement asked for', incident.replacementAskedMs),
    ...(serves ? [step('deregistered', incident.deregisteredMs, budget('deregister'))] : []),
    step('drained and stopped', incident.drainedMs, budget('stop')),
    step(serves ? 'replacement serves' : 'replacement looks for tasks', incident.replacementServingMs),
  ];
  const silent = [
    ...(serves ? [step('load balancer stops sending', incident.outOfServiceMs)] : []),
    step('replacement asked for', incident.replacementAskedMs),
    step(serves ? 'replacement serves' : 'replacement looks for tasks', incident.replacementServingMs),
  ];
  return {
    id: `${incident.instanceId}-${atMs}`,
    title: `Slot ${seat.slot}: ${kind === 'announced' ? 'interruption' : 'silent death'}, ${incident.zone}`,
    kind,
    atMs,
    deadlineMs: incident.deadlineMs,
    healedMs: incident.replacementServingMs,
    steps: kind === 'announced' ? announced : silent,
  };
}
