/** What is left to do after the end of a node. */
import type { NodeView } from '../cloud.js';
import { openLedger } from '../drain/ledger.js';
import { type WallMs, wallMs } from '../time.js';
import { type Act, notNeeded, type Scene, type Verdict } from './act.js';
import { inSlot, isHolder, isLiveNode, nextPosition } from './holders.js';
import { orphanActs } from './orphans.js';
import type { Orphan } from './port.js';

export interface EndFacts extends Scene {
  /** Whether the node's own report stands in the bucket; null: not known, so none is written over it. */
  readonly reported: boolean | null;
  readonly orphans: readonly Orphan[];
}

export function judgeEnd(instanceId: string, atMs: WallMs, facts: EndFacts): Verdict {
  const node = facts.nodes.find((one) => one.instanceId === instanceId);
  if (node === undefined) return notNeeded('foreign');
  // Stopped and started again, or a describe that lags: the next event or the sweep sees it.
  if (isLiveNode(node)) return notNeeded('alive');
  const acts: Act[] = [{ type: 'deregister', instanceId }];
  const empty = isEmptySlot(node, facts);
  if (empty && node.seat !== null) {
    acts.push({ type: 'fill', position: nextPosition(node.seat.slot, facts.nodes), kind: 'need' });
  }
  acts.push(...orphanActs(facts.orphans, facts));
  const report = facts.reported === false ? reportOf(node, atMs, facts) : null;
  if (report !== null) acts.push(report);
  const why = empty ? 'empty-seat' : report !== null ? 'unreported' : acts.length > 1 ? 'orphans' : 'seat-held';
  return { needed: acts.length > 1, why, acts };
}

function isEmptySlot({ seat }: NodeView, { spec, nodes }: Scene): boolean {
  return seat !== null && seat.slot < spec.desired && !inSlot(seat.slot, nodes).some(isHolder);
}

/** EC2's codes of an end that it decided on itself. */
const TAKEN: ReadonlySet<string> = new Set(['Server.SpotInstanceTermination', 'Server.SpotInstanceShutdown']);

/**
 * The incident of a node that couldn't write its own, in the form that nodes write. Nothing is known of its steps. A
 * node that never served had no incident.
 */
function reportOf(node: NodeView, atMs: WallMs, { spec, nodes }: EndFacts): Act | null {
  const { seat, instanceId, zone, instanceType, lifecycle } = node;
  if (seat === null || (node.phase ?? null) === null) return null;
  const cause = TAKEN.has(node.endReason ?? '') ? 'interruption' : 'stop';
  // Not the moment of the event, of which there are several: every writer writes the same object.
  const ledger = openLedger(instanceId, seat, cause, wallMs(node.launchTimeMs), null);
  const next = inSlot(seat.slot, nodes).find((n) => isHolder(n) && n.instanceId !== instanceId);
  const body = JSON.stringify({
    format: 1,
    cluster: spec.cluster,
    zone,
    instanceType,
    lifecycle,
    ...ledger,
    id: `${instanceId}-ended`,
    detectedMs: atMs,
    replacement: next?.instanceId ?? null,
    writtenBy: 'fallback',
  });
  return { type: 'report', key: `incidents/${instanceId}-ended.json`, body };
}
