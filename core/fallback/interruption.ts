/**
 * What is left to do when EC2 announces something about a node, after the node had its chance.
 *
 *     interruption   it acted (its state tag says so)  -> nothing
 *                    it didn't -> out of its target groups; its seat is filled; its agent is told to drain
 *     rebalance      policy `replace` and no heir -> one attempt to launch it. `pre-warm` needs the node's own word in
 *                    gossip to keep both, so without an agent there is nothing to do
 *     maintenance    no heir -> one attempt to launch it; the node goes when it serves. When there is no capacity, days
 *                    are left, and the end of the instance is an end like any other
 */
import type { NodeView } from '../cloud.js';
import { isPaused } from '../spec/spec.js';
import { type Act, notNeeded, type Scene, type Verdict } from './act.js';
import { heir, isLeaving, isLiveNode, nextPosition } from './holders.js';

export type Announcement = 'interruption' | 'rebalance' | 'maintenance';

/** @param canTell a drain document is there */
export function judgeAnnouncement(kind: Announcement, instanceId: string, scene: Scene, canTell: boolean): Verdict {
  const node = scene.nodes.find((one) => one.instanceId === instanceId);
  if (node === undefined) return notNeeded('foreign');
  if (node.seat === null) return notNeeded('no-seat');
  if (isLeaving(node)) return notNeeded('node-acted');
  switch (kind) {
    case 'interruption':
      return interrupted(node, scene, canTell);
    case 'rebalance':
      if (scene.spec.policy.rebalance !== 'replace') return notNeeded('policy');
      if (isPaused(scene.spec.policy, scene.wallMs)) return notNeeded('paused');
      // Its agent has asked the Banker's rule, and says why it waits.
      return (node.waiting ?? null) === null ? replaced(node, scene) : notNeeded('node-waits');
    case 'maintenance':
      return replaced(node, scene);
  }
}

/** Its two minutes may be over by now: then it is only the seat that counts. */
function interrupted(node: NodeView, scene: Scene, canTell: boolean): Verdict {
  const { instanceId } = node;
  const acts: Act[] = [{ type: 'deregister', instanceId }];
  const fill = fillOf(node, scene, 'need');
  if (fill !== null) acts.push(fill);
  if (isLiveNode(node) && canTell) acts.push({ type: 'drain', instanceId });
  return { needed: true, why: fill === null ? 'silent-node' : 'empty-seat', acts };
}

function replaced(node: NodeView, scene: Scene): Verdict {
  if (!isLiveNode(node)) return notNeeded('ended');
  const fill = fillOf(node, scene, 'wish');
  return fill === null ? notNeeded('seat-held') : { needed: true, why: 'no-heir', acts: [fill] };
}

function fillOf(node: NodeView, { spec, nodes }: Scene, kind: 'need' | 'wish'): Act | null {
  const { seat } = node;
  if (seat === null || seat.slot >= spec.desired || heir(node, nodes) !== null) return null;
  return { type: 'fill', position: nextPosition(seat.slot, nodes), kind };
}
