/**
 * The Banker's rule: before a voluntary act it is played through on what is known of the cluster. It is safe if
 *
 * - every slot that is wanted has a node that serves afterwards, too,
 * - every task that loses its place gets another one, at once or when something that runs has ended,
 * - the loss of any pool (all of its spot nodes at once) would leave half of the slots served, and, where the policy asks
 *   for it (`evacuate`), a node that could hold each task. Otherwise tasks wait until the lost seats are filled again.
 *
 * A cluster may be too small for that, or was so before. So what counts is that the act makes nothing worse: each of
 * these may be missed after it by as much as before it, and a pool's loss by as much as the spec itself allows for.
 */
import { findOrder, type Step } from './order.js';
import { fitsNode, type SafeNode, type SafeTask, type SafetyView, staying } from './view.js';

export type VoluntaryAct =
  /** A successor comes, and the node goes when that one serves: a roll, or an early replacement. */
  | { readonly type: 'replace'; readonly node: string }
  /** The node goes, and nobody comes. */
  | { readonly type: 'scale-in'; readonly node: string }
  /** An on-demand node gives way to a successor on spot. */
  | { readonly type: 'return'; readonly node: string };

export type Judgement =
  /** In this order everything gets done. */
  | { readonly safe: true; readonly order: readonly Step[] }
  | { readonly safe: false; readonly cause: UnsafeCause; readonly reason: string };

/**
 * - unknown: there is no such node
 * - service: too few slots would be served
 * - task: a task would have no place
 * - service-loss, task-loss: the same after the loss of a pool
 * - room: the node has no room for a task
 */
export type UnsafeCause = 'unknown' | 'service' | 'task' | 'service-loss' | 'task-loss' | 'room';

/** Share of the slots that must be served after the loss of a pool, at least one. */
export const SURVIVE_SHARE = 0.5;

export function judge(act: VoluntaryAct, view: SafetyView): Judgement {
  const node = view.nodes.find(({ id }) => id === act.node);
  if (node === undefined) {
    return { safe: false, cause: 'unknown', reason: `There is no node ${act.node} in the cluster.` };
  }
  let first: Judgement | null = null;
  for (const successor of successorsOf(act, node, view)) {
    const judgement = judgeWith(act, node, successor, view);
    if (judgement.safe) return judgement;
    first ??= judgement;
  }
  return first as Judgement;
}

/**
 * Whom the act may bring. In which pool isn't known before EC2 answers: an act is safe if it is so with one of them. As much
 * room as the node that it succeeds is counted on.
 */
function successorsOf(act: VoluntaryAct, node: SafeNode, view: SafetyView): readonly (SafeNode | null)[] {
  if (act.type === 'scale-in') return [null];
  const lifecycle = act.type === 'return' ? 'spot' : node.lifecycle;
  const pools = [...new Set([node.pool, ...view.pools])];
  return pools.map((pool) => ({
    ...node,
    id: `successor of ${node.id}`,
    pool,
    lifecycle,
    serves: true,
    leaving: false,
    freeMemoryMiB: node.memoryMiB,
    freeGpuMemoryMiB: node.gpuMemoryMiB,
  }));
}

function judgeWith(act: VoluntaryAct, node: SafeNode, successor: SafeNode | null, view: SafetyView): Judgement {
  const rest = view.nodes.filter(({ id }) => id !== node.id);
  const after: SafetyView = { ...view, nodes: successor === null ? rest : [...rest, successor] };
  const unsafe = (cause: UnsafeCause, reason: string): Judgement => ({ safe: false, cause, reason });
  const going = act.type === 'return' ? `If ${node.id} gave way to a spot node` : `If ${node.id} went`;

  const served = servedBy(staying(after));
  if (missing(served, view.desired) > missing(servedBy(staying(view)), view.desired)) {
    return unsafe('service', `${going}, ${served} of ${view.desired} slots would be served.`);
  }

  const remaining = staying(after);
  const pending = view.tasks.filter((task) => task.node === node.id);
  const running = view.tasks.filter((task) => remaining.some(({ id }) => id === task.node));
  const { steps, stuck } = findOrder(pending, running, remaining);
  const lost = stuck[0];
  if (lost !== undefined) return unsafe('task', `${going}, no other node could hold task ${nameOf(lost)}.`);

  // What the spec wants to be there is as safe as it can be made; a smaller cluster is the owner's own wish.
  const allowed = act.type === 'scale-in' ? Number.POSITIVE_INFINITY : missedByWish(view);
  const before = lossesOf(view);
  const losses = lossesOf(after);
  for (const loss of losses) {
    const worst = Math.max(allowed, ...before.map((one) => one.missing));
    if (loss.missing > worst) {
      const serve = `${loss.served} of the ${neededAfterLoss(view.desired)} slots that must be served`;
      return unsafe('service-loss', `${going}, the loss of all spot nodes of ${loss.pool} would leave ${serve}.`);
    }
    const known = new Set(before.flatMap((one) => one.stuck.map(({ task }) => task)));
    const orphan = loss.stuck.find(({ task }) => !known.has(task));
    if (orphan !== undefined) {
      const then = `the loss of all spot nodes of ${loss.pool} would leave none that holds task ${nameOf(orphan)}`;
      return unsafe('task-loss', `${going}, ${then}.`);
    }
  }
  const fill: Step[] = successor === null ? [] : [{ do: 'fill', slot: node.slot }];
  return { safe: true, order: [...fill, ...steps, { do: 'leave', node: node.id }] };
}

export interface Loss {
  readonly pool: string;
  readonly served: number;
  readonly missing: number;
  /** Tasks that no survivor would hold even when empty; none where the policy doesn't ask. */
  readonly stuck: readonly SafeTask[];
}

/** What the loss of each pool would leave; on-demand nodes are not reclaimed. */
export function lossesOf(view: SafetyView): readonly Loss[] {
  const nodes = staying(view);
  const pools = [...new Set(nodes.filter(isSpot).map(({ pool }) => pool))].sort();
  return pools.map((pool) => {
    const survivors = nodes.filter((node) => !isSpot(node) || node.pool !== pool);
    const served = servedBy(survivors);
    return {
      pool,
      served,
      missing: missing(served, neededAfterLoss(view.desired)),
      stuck:
        view.admission === 'finish' ? [] : view.tasks.filter((task) => !survivors.some((node) => fitsNode(task, node))),
    };
  });
}

/** What the loss of a pool misses when the nodes are spread over the pools as well as they can be. */
function missedByWish({ desired, onDemandBase, pools }: SafetyView): number {
  const spot = Math.max(0, desired - onDemandBase);
  const inOne = Math.ceil(spot / Math.max(1, pools.length));
  return missing(desired - inOne, neededAfterLoss(desired));
}

/** Slots that have a node that serves. */
const servedBy = (nodes: readonly SafeNode[]): number =>
  new Set(nodes.filter(({ serves }) => serves).map(({ slot }) => slot)).size;

export const neededAfterLoss = (desired: number): number =>
  desired === 0 ? 0 : Math.max(1, Math.ceil(desired * SURVIVE_SHARE));

const missing = (served: number, needed: number): number => Math.max(0, needed - served);

export const isSpot = (node: SafeNode): boolean => node.lifecycle === 'spot';

function nameOf({ task, memoryMiB, gpuMemoryMiB }: SafeTask): string {
  const gpu = gpuMemoryMiB > 0 ? ` and ${gpuMemoryMiB} MiB of GPU memory` : '';
  return `${task} with its ${memoryMiB} MiB${gpu}`;
}
