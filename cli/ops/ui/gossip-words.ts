/** What nodes say of their gossip by their tags, as the live page words it: no agent's own page can be asked from here. Pure. */
import { apartNodes, isServing } from '../../../core/seats/apart.js';
import { countText } from '../show.js';
import type { ClusterView, NodeRow } from '../view.js';

export interface GossipWord {
  readonly text: string;
  /** It hears at most half of those that serve. */
  readonly apart: boolean;
}

const MOST: GossipWord = { text: 'hears most of the others', apart: false };

/** By node; null: there is nothing to tell. A node writes the tag when it hears few for long: one that serves without it hears most. */
export function gossipWords({ nodes }: Pick<ClusterView, 'nodes'>): (row: NodeRow) => GossipWord | null {
  const views = nodes.map(({ node }) => node);
  const apart = new Set(apartNodes(views).map(({ instanceId }) => instanceId));
  const serving = views.filter(isServing).length;
  return ({ node, condition }) => {
    const others = serving - (isServing(node) ? 1 : 0);
    if (others === 0 || condition === 'ending') return null;
    const hears = node.hears ?? null;
    if (hears === null) return condition === 'serving' ? MOST : null;
    // The node counts itself.
    const heard = Math.max(0, hears - 1);
    if (heard >= others) return MOST;
    return { text: `hears ${heard} of ${countText(others, 'other')}`, apart: apart.has(node.instanceId) };
  };
}
