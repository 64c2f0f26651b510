import type { NodeView } from '../cloud.js';
import { isLiveState } from './surplus.js';

/**
 * Nodes whose gossip hears at most half of those that serve, as they say themselves (`synkti:hears`): it is parted, or they are
 * cut off. At a partition into halves those are all nodes. What they say may be a minute old.
 */
export function apartNodes(nodes: readonly NodeView[]): readonly NodeView[] {
  const live = nodes.filter((node) => isLiveState(node.state));
  const serving = live.filter(({ phase }) => phase === 'serving').length;
  return live.filter(({ hears = null }) => hears !== null && 2 * hears <= serving);
}
