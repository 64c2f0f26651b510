/** A cluster as operators see it: slots, nodes, pools, workloads, and what is amiss. A pure function of AWS's answers. */
import { heir, inSlot, isHolder, isLiveNode } from '../../core/fallback/holders.js';
import type { HeldSeat } from '../../core/seats/seat.js';
import type { Spec } from '../../core/spec/spec.js';
import { type Answers, type HealthState, type OpsNode, poolName, type ReportHead, type Unseen } from './answers.js';
import { type Concern, concernsOf } from './concerns.js';
import { copyHolders } from './copies.js';

/**
 * - booting: launched, and not serving yet
 * - serving: it says so, and no target group says otherwise
 * - unhealthy: it says so, and a target group doesn't find it healthy
 * - draining, drained: on its way out, by its own word
 * - ending: EC2 ends or stops it
 */
export type NodeCondition = 'booting' | 'serving' | 'unhealthy' | 'draining' | 'drained' | 'ending';

export interface NodeRow {
  readonly node: OpsNode;
  readonly condition: NodeCondition;
  /** By target group, in the spec's order; null: not registered there. */
  readonly health: readonly {
    readonly arn: string;
    readonly state: HealthState | null;
    readonly reason: string | null;
  }[];
  readonly ageMs: number;
  /** Spot price of its pool; null: on-demand, or not known. */
  readonly usdPerHour: number | null;
  /** It runs another template version than the spec's; null: not known. */
  readonly old: boolean | null;
}

/**
 * - serving: a holder serves
 * - starting: its holder is booting
 * - unhealthy: its holder doesn't answer
 * - leaving: its holder goes, and no heir is there
 * - empty: nobody
 */
export type SlotState = 'serving' | 'starting' | 'unhealthy' | 'leaving' | 'empty';

export interface SlotRow {
  readonly slot: number;
  readonly state: SlotState;
  /** Live ones, newest generation first. */
  readonly nodes: readonly NodeRow[];
  /** Of an empty slot: how far its launches have come. */
  readonly hint: HeldSeat | null;
  /** Of an empty slot: when its last holder went, where EC2 still shows it. */
  readonly emptySinceMs: number | null;
}

export interface PoolRow {
  readonly instanceType: string;
  readonly zone: string;
  readonly spot: number;
  readonly onDemand: number;
  /** Null: not known. */
  readonly spotUsdPerHour: number | null;
  /** It is in the spec; false: nodes are still there. */
  readonly wanted: boolean;
}

export interface WorkloadRow {
  readonly name: string;
  readonly kind: string;
  /** How many of it the spec wants; null: one on every node. */
  readonly copies: number | null;
  /**
   * Targets of its groups, or nodes where it has none. Of copies: nodes that hold one; null where AWS can't tell, for want
   * of a target group or of an answer.
   */
  readonly healthy: number | null;
  readonly registered: number | null;
  readonly hasTargets: boolean;
}

export interface ClusterView {
  readonly atMs: number;
  readonly region: string;
  readonly spec: Spec;
  readonly slots: readonly SlotRow[];
  /** All that EC2 hasn't ended, by slot, then generation; those without a seat, or whose slot isn't wanted, at the end. */
  readonly nodes: readonly NodeRow[];
  /** Pools that have nodes first, then by price. */
  readonly pools: readonly PoolRow[];
  readonly workloads: readonly WorkloadRow[];
  readonly spot: number;
  readonly onDemand: number;
  /** Of the spot nodes whose price is known. */
  readonly spotUsdPerHour: number;
  /** Nodes that went and that EC2 still shows (about an hour), newest first. */
  readonly ended: readonly OpsNode[];
  readonly reports: readonly ReportHead[];
  readonly concerns: readonly Concern[];
  readonly unseen: readonly Unseen[];
}

export function viewOf(spec: Spec, region: string, answers: Answers): ClusterView {
  const prices = new Map(answers.prices.map((p) => [poolName(p.instanceType, p.zone), p.usdPerHour]));
  const gone = (node: OpsNode): boolean => node.state === 'terminated' || node.state === 'stopped';
  // A node without a copy of a workload is no target of it, and nothing is amiss.
  const everywhere = spec.workloads.filter((one) => one.kind === 'tasks' || one.copies === undefined);
  const arns = [...new Set(everywhere.flatMap((workload) => workload.targetGroupArns))];
  const rows = answers.nodes
    .filter((node) => !gone(node))
    .map((node) => rowOf(node, spec, arns, prices, answers))
    .sort((a, b) => placeOf(a, spec) - placeOf(b, spec) || compareRows(a, b));
  const slots = Array.from({ length: spec.desired }, (_, slot) => slotOf(slot, rows, answers));
  const live = rows.filter(({ condition }) => condition !== 'ending');
  const base = {
    atMs: answers.atMs,
    region,
    spec,
    slots,
    nodes: rows,
    pools: poolsOf(spec, live, prices),
    workloads: workloadsOf(spec, live, answers),
    spot: live.filter(({ node }) => node.lifecycle === 'spot').length,
    onDemand: live.filter(({ node }) => node.lifecycle === 'on-demand').length,
    spotUsdPerHour: live.reduce((sum, { usdPerHour }) => sum + (usdPerHour ?? 0), 0),
    ended: answers.nodes.filter(gone).sort((a, b) => endOf(b) - endOf(a) || (a.instanceId < b.instanceId ? -1 : 1)),
    reports: answers.reports,
    unseen: answers.unseen,
  };
  return { ...base, concerns: concernsOf(base, answers) };
}

const endOf = (node: OpsNode): number => node.endedMs ?? node.launchTimeMs;

function placeOf({ node }: NodeRow, spec: Spec): number {
  if (node.seat === null) return Number.MAX_SAFE_INTEGER;
  return node.seat.slot < spec.desired ? node.seat.slot : spec.desired + node.seat.slot;
}

function compareRows(a: NodeRow, b: NodeRow): number {
  const generation = (row: NodeRow): number => row.node.seat?.generation ?? 0;
  return generation(b) - generation(a) || (a.node.instanceId < b.node.instanceId ? -1 : 1);
}

function rowOf(
  node: OpsNode,
  spec: Spec,
  arns: readonly string[],
  prices: ReadonlyMap<string, number>,
  answers: Answers,
): NodeRow {
  const health = arns.flatMap((arn) => {
    const group = answers.groups.find((one) => one.arn === arn);
    // One that didn't answer says nothing about the node.
    if (group === undefined) return [];
    const target = group.targets.find(({ instanceId }) => instanceId === node.instanceId);
    return [{ arn, state: target?.state ?? null, reason: target?.reason ?? null }];
  });
  return {
    node,
    condition: conditionOf(
      node,
      health.map(({ state }) => state),
    ),
    health,
    ageMs: Math.max(0, answers.atMs - node.launchTimeMs),
    usdPerHour: node.lifecycle === 'spot' ? (prices.get(poolName(node.instanceType, node.zone)) ?? null) : null,
    old: node.templateVersion === null ? null : node.templateVersion !== spec.launch.templateVersion,
  };
}

function conditionOf(node: OpsNode, health: readonly (HealthState | null)[]): NodeCondition {
  if (!isLiveNode(node)) return 'ending';
  if (node.phase === 'draining' || node.phase === 'drained') return node.phase;
  if (node.state === 'pending' || (node.phase ?? null) === null) return 'booting';
  // `unused`: no listener sends to the group, so nobody asks the target.
  const well = health.every((state) => state === 'healthy' || state === 'unused');
  if (well) return 'serving';
  return health.includes('initial') && !health.includes('unhealthy') ? 'booting' : 'unhealthy';
}

function slotOf(slot: number, rows: readonly NodeRow[], answers: Answers): SlotRow {
  const mates = rows.filter(({ node }) => node.seat?.slot === slot && isLiveNode(node));
  const holders = mates.filter(({ node }) => isHolder(node));
  const state = stateOf(mates, holders);
  const last = inSlot(slot, answers.nodes)
    .map((node) => (node as OpsNode).endedMs)
    .filter((ms) => ms !== null)
    .sort((a, b) => b - a)[0];
  return {
    slot,
    state,
    nodes: mates,
    hint: state === 'empty' || state === 'leaving' ? (answers.hints.get(slot) ?? null) : null,
    emptySinceMs: state === 'empty' ? (last ?? null) : null,
  };
}

function stateOf(mates: readonly NodeRow[], holders: readonly NodeRow[]): SlotState {
  const has = (condition: NodeCondition): boolean => holders.some((row) => row.condition === condition);
  if (has('serving')) return 'serving';
  if (has('unhealthy')) return 'unhealthy';
  if (has('booting')) return 'starting';
  return mates.length > 0 ? 'leaving' : 'empty';
}

function poolsOf(spec: Spec, live: readonly NodeRow[], prices: ReadonlyMap<string, number>): PoolRow[] {
  const pools = new Map<string, { -readonly [K in keyof PoolRow]: PoolRow[K] }>();
  const poolOf = (instanceType: string, zone: string, wanted: boolean) => {
    const name = poolName(instanceType, zone);
    let pool = pools.get(name);
    if (pool === undefined) {
      pool = { instanceType, zone, spot: 0, onDemand: 0, spotUsdPerHour: prices.get(name) ?? null, wanted };
      pools.set(name, pool);
    }
    return pool;
  };
  for (const { instanceType, zone } of spec.launch.pools) poolOf(instanceType, zone, true);
  for (const { node } of live) {
    const pool = poolOf(node.instanceType, node.zone, false);
    if (node.lifecycle === 'spot') pool.spot++;
    else pool.onDemand++;
  }
  const price = (pool: PoolRow): number => pool.spotUsdPerHour ?? Number.MAX_VALUE;
  return [...pools.values()].sort(
    (a, b) =>
      b.spot + b.onDemand - (a.spot + a.onDemand) ||
      price(a) - price(b) ||
      (poolName(a.instanceType, a.zone) < poolName(b.instanceType, b.zone) ? -1 : 1),
  );
}

function workloadsOf(spec: Spec, live: readonly NodeRow[], answers: Answers): WorkloadRow[] {
  return spec.workloads.map((workload) => {
    const { name, kind, targetGroupArns } = workload;
    const hasTargets = targetGroupArns.length > 0;
    if (workload.kind !== 'tasks' && workload.copies !== undefined) {
      const holders = copyHolders(targetGroupArns, live, answers);
      const healthy = holders?.filter((holder) => holder.healthy).length ?? null;
      return { name, kind, copies: workload.copies, healthy, registered: holders?.length ?? null, hasTargets };
    }
    if (!hasTargets) {
      const serving = live.filter(({ condition }) => condition === 'serving').length;
      return { name, kind, copies: null, healthy: serving, registered: live.length, hasTargets };
    }
    const groups = answers.groups.filter(({ arn }) => targetGroupArns.includes(arn));
    const targets = groups.flatMap((group) => group.targets).filter(({ state }) => state !== 'draining');
    const healthy = targets.filter(({ state }) => state === 'healthy').length;
    return { name, kind, copies: null, healthy, registered: targets.length, hasTargets };
  });
}

/** The node that takes a leaving one's place, if it is there. */
export const heirOf = (node: OpsNode, view: ClusterView): OpsNode | null =>
  (heir(
    node,
    view.nodes.map((row) => row.node),
  ) as OpsNode | null) ?? null;
