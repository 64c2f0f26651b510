/**
 * The sweep compares the spec with what lives, from EC2 alone, and names what is to be done. It has no memory, so
 * patience is counted from what EC2 and SSM date: launches, changes of the spec, failed status checks. Agents are
 * quicker than every patience here; who is still there after it has no agent that acts.
 */
import type { NodeView } from '../cloud.js';
import { apartNodes } from '../seats/apart.js';
import { losesTo } from '../seats/surplus.js';
import { isPaused } from '../spec/spec.js';
import type { WallMs } from '../time.js';
import type { Act, EndReason, Scene } from './act.js';
import { bySlot, generationOf, isHolder, isLiveNode, nextPosition } from './holders.js';
import { orphanActs } from './orphans.js';
import type { Impaired, Orphan, RegisteredTarget } from './port.js';
import { returnToSpot } from './return.js';

/** How long twins may settle it themselves, from the launch of the later one. */
export const TWIN_PATIENCE_MS = 300_000;
/** How long status checks must have failed before a node is ended with nobody in its place. */
export const IMPAIRED_PATIENCE_MS = 300_000;
/** What agents may take beyond the drain before a node is ended in their place. */
export const SETTLE_MS = 300_000;
/** Acts of a kind in one run; the next run goes on. */
const MAX_FILLS = 50;
const MAX_ENDS = 50;

export interface SweepFacts extends Scene {
  /** When the spec was last changed. */
  readonly wishChangedMs: WallMs;
  readonly impaired: readonly Impaired[];
  /** Of all target groups; null when one couldn't be asked. */
  readonly targets: readonly RegisteredTarget[] | null;
  readonly orphans: readonly Orphan[];
}

export interface SweepPlan {
  readonly acts: readonly Act[];
  /** Why the return to spot waits; null: it doesn't. */
  readonly waiting: string | null;
  readonly counts: SweepCounts;
}

export interface SweepCounts {
  readonly desired: number;
  /** Slots that are wanted and that nobody holds. */
  readonly empty: number;
  /** Slots whose holder serves. */
  readonly serving: number;
  readonly onDemand: number;
  /** Nodes beyond one a wanted slot, the leaving ones left out: spares, successors that boot, twins, strays. */
  readonly surplus: number;
  /** Nodes whose gossip hears at most half of those that serve, as they say themselves. */
  readonly apart: number;
}

export function planSweep(facts: SweepFacts): SweepPlan {
  const { spec, nodes } = facts;
  const broken = brokenNodes(facts);
  const all = bySlot(nodes);
  const sound = bySlot(nodes.filter((node) => isHolder(node) && !broken.has(node.instanceId)));
  const fills: Act[] = [];
  let serving = 0;
  let held = 0;
  for (let slot = 0; slot < spec.desired; slot++) {
    const holders = sound(slot);
    if (holders.some((node) => node.phase === 'serving')) serving++;
    if (holders.length > 0) held++;
    else fills.push({ type: 'fill', position: nextPosition(slot, all(slot)), kind: 'need' });
  }
  const ends = endings(facts, broken, sound, serving);
  const calm = fills.length === 0 && ends.length === 0 && serving === spec.desired;
  const back = calm ? returnToSpot(facts) : { act: null, waiting: null };
  return {
    acts: [
      ...strayTargets(facts),
      ...ends.flatMap((end): Act[] => [{ type: 'deregister', instanceId: end.instanceId }, end]),
      ...orphanActs(facts.orphans, facts),
      ...fills.slice(0, MAX_FILLS),
      ...(back.act === null ? [] : [back.act]),
    ],
    waiting: back.waiting,
    counts: {
      desired: spec.desired,
      empty: fills.length,
      serving,
      onDemand: nodes.filter((node) => isLiveNode(node) && node.lifecycle === 'on-demand').length,
      surplus: nodes.filter((node) => isHolder(node) && !broken.has(node.instanceId)).length - held,
      apart: apartNodes(nodes).length,
    },
  };
}

/** Nodes that EC2 lists as live and that can't be counted on: their seats are empty. */
function brokenNodes({ nodes, impaired, targets, spec, wallMs }: SweepFacts): ReadonlyMap<string, EndReason> {
  const found = new Map<string, EndReason>();
  const failing = new Set(impaired.map(({ instanceId }) => instanceId));
  // A state tag that couldn't be written must not cost a node that serves: without the load balancer's word nobody is
  // called silent.
  const answering = new Set((targets ?? []).filter(({ healthy }) => healthy).map(({ instanceId }) => instanceId));
  for (const node of nodes) {
    if (!isLiveNode(node)) continue;
    const silent = (node.phase ?? null) === null && targets !== null && !answering.has(node.instanceId);
    if (failing.has(node.instanceId)) found.set(node.instanceId, 'impaired');
    else if (silent && wallMs - node.launchTimeMs > spec.policy.bootPatienceMs) {
      found.set(node.instanceId, node.seat === null ? 'no-seat' : 'never-served');
    }
  }
  return found;
}

type End = Act & { readonly type: 'end' };

function endings(
  facts: SweepFacts,
  broken: ReadonlyMap<string, EndReason>,
  sound: (slot: number) => readonly NodeView[],
  serving: number,
): readonly End[] {
  const certain: End[] = [];
  const doubtful: End[] = [];
  for (const node of facts.nodes) {
    const why = endOf(node, facts, broken, sound, serving);
    if (why === null) continue;
    // A mistake of ours, such as tags that nobody may write, must not take everything at once.
    const list = why === 'never-served' || why === 'impaired' ? doubtful : certain;
    list.push({ type: 'end', instanceId: node.instanceId, why });
  }
  const atOnce = Math.max(1, Math.ceil(facts.spec.desired / 4));
  return [...certain, ...doubtful.slice(0, atOnce)].slice(0, MAX_ENDS);
}

function endOf(
  node: NodeView,
  facts: SweepFacts,
  broken: ReadonlyMap<string, EndReason>,
  sound: (slot: number) => readonly NodeView[],
  serving: number,
): EndReason | null {
  const { spec, impaired, wallMs } = facts;
  const { seat } = node;
  const ageMs = wallMs - node.launchTimeMs;
  if (seat === null) return isLiveNode(node) && ageMs > spec.policy.bootPatienceMs ? 'no-seat' : null;
  const newer = sound(seat.slot).filter((other) => generationOf(other) > seat.generation);
  if (node.state === 'stopped') {
    return seat.slot >= spec.desired || sound(seat.slot).length > 0 ? 'stopped' : null;
  }
  if (!isLiveNode(node)) return null;
  switch (broken.get(node.instanceId)) {
    case 'never-served':
      return 'never-served';
    case 'impaired': {
      const sinceMs = impaired.find(({ instanceId }) => instanceId === node.instanceId)?.sinceMs ?? null;
      const long = sinceMs !== null && wallMs - sinceMs > IMPAIRED_PATIENCE_MS;
      return long || newer.some((other) => other.phase === 'serving') ? 'impaired' : null;
    }
  }
  const patienceMs = spec.policy.drainMs + SETTLE_MS;
  if (seat.slot >= spec.desired) {
    // As agents do it: not before all that is wanted serves, and not while its agent says why it stays.
    if (spec.desired > 0 && (isPaused(spec.policy, wallMs) || (node.waiting ?? null) !== null)) return null;
    const old = wallMs - facts.wishChangedMs > patienceMs && ageMs > patienceMs;
    return old && serving === spec.desired ? 'scale-in' : null;
  }
  const twins = sound(seat.slot).filter(
    (other) => generationOf(other) === seat.generation && other.instanceId !== node.instanceId,
  );
  const lost = twins.some(
    (other) =>
      other.seat !== null &&
      losesTo({ id: node.instanceId, seat }, { id: other.instanceId, seat: other.seat }) &&
      wallMs - Math.max(other.launchTimeMs, node.launchTimeMs) > TWIN_PATIENCE_MS,
  );
  if (lost) return 'twin';
  // Beside a spare that it keeps, a node may stand for as long as it is at risk, and once more.
  const supersededMs = patienceMs + spec.policy.bootPatienceMs + 2 * spec.policy.atRiskMs;
  const served = newer.some((other) => other.phase === 'serving' && wallMs - other.launchTimeMs > supersededMs);
  return served ? 'superseded' : null;
}

/** Registrations of nodes of the cluster that are over. Other targets of a group are nobody's business here. */
function strayTargets({ nodes, targets }: SweepFacts): readonly Act[] {
  const registered = new Set((targets ?? []).map(({ instanceId }) => instanceId));
  return nodes
    .filter((node) => !isLiveNode(node) && registered.has(node.instanceId))
    .map(({ instanceId }) => ({ type: 'deregister', instanceId }));
}
