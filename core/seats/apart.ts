/** What nodes say of their gossip by tags, held against what EC2 shows and what is heard here. */
import type { NodeView } from '../cloud.js';
import { isLiveState } from './surplus.js';

/** EC2 shows it, and it says itself that it serves. */
export const isServing = ({ state, phase }: NodeView): boolean => isLiveState(state) && phase === 'serving';

/**
 * Nodes whose gossip hears at most half of those that serve, as they say themselves (`synkti:hears`): it is parted, or they are
 * cut off. At a partition into halves those are all nodes. What they say may be a minute old.
 */
export function apartNodes(nodes: readonly NodeView[]): readonly NodeView[] {
  const serving = nodes.filter(isServing).length;
  return nodes.filter(({ state, hears = null }) => isLiveState(state) && hears !== null && 2 * hears <= serving);
}

/** It serves, and its agent lives, since it says itself that it is hard to hear. */
export const livesUnheard = (node: NodeView): boolean => isServing(node) && (node.hears ?? null) !== null;

/**
 * Whether the silence of others tells nothing of them, since most of those that serve are not heard: they may hear each other. Where
 * just half is heard, the other half would say that it lives unheard.
 *
 * @param heard ids of the live members, the listener included
 */
export function isCutOff(heard: ReadonlySet<string>, nodes: readonly NodeView[]): boolean {
  const serving = nodes.filter(isServing);
  return 2 * serving.filter(({ instanceId }) => heard.has(instanceId)).length < serving.length;
}
