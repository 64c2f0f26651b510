/** The node or slot that a command line names. */
import { suggestion } from '../../nearest.js';
import { UserError } from '../../user-error.js';
import type { OpsNode } from '../answers.js';
import type { ClusterView, NodeRow } from '../view.js';

/** By instance id, its beginning, or slot: the node that holds it now. @throws UserError */
export function pickNode(text: string, view: ClusterView): NodeRow {
  const { cluster } = view.spec;
  const live = view.nodes.filter(({ condition }) => condition !== 'ending');
  if (/^\d{1,5}$/.test(text)) {
    const slot = Number(text);
    const row = view.slots.find((one) => one.slot === slot);
    const holder = row?.nodes[0] ?? live.find(({ node }) => node.seat?.slot === slot);
    if (holder !== undefined) return holder;
    if (row !== undefined) throw new UserError(`Slot ${slot} of cluster "${cluster}" is empty: no node holds it.`);
    const last = view.spec.desired - 1;
    const known =
      last < 0 ? 'it is scaled to 0 slots' : last === 0 ? 'its only slot is 0' : `its slots are 0 to ${last}`;
    throw new UserError(`Cluster "${cluster}" has no slot ${slot}; ${known}.`);
  }
  const exact = live.find(({ node }) => node.instanceId === text);
  if (exact !== undefined) return exact;
  const begins = text.length >= 4 ? live.filter(({ node }) => node.instanceId.startsWith(text)) : [];
  if (begins.length === 1 && begins[0] !== undefined) return begins[0];
  if (begins.length > 1) {
    const ids = begins.slice(0, 3).map(({ node }) => node.instanceId);
    throw new UserError(`"${text}" could be ${ids.join(' or ')}; give more of the id.`);
  }
  throw new UserError(strangerText(text, view, live));
}

function strangerText(text: string, view: ClusterView, live: readonly NodeRow[]): string {
  const { cluster } = view.spec;
  const known = [...view.ended, ...view.nodes.map(({ node }) => node)].find((node) => node.instanceId === text);
  if (known !== undefined) return `${text} isn't there any more: EC2 says ${known.state}.${heldBy(known, view)}`;
  const shown = text.slice(0, 60);
  const ids = live.map(({ node }) => node.instanceId);
  const close = suggestion(shown, ids);
  if (close !== '') return `${shown} is no node of cluster "${cluster}".${close}`;
  return `${shown} is no node of cluster "${cluster}"; synkti status lists them.`;
}

function heldBy(node: OpsNode, { slots }: ClusterView): string {
  const holder = slots.find(({ slot }) => slot === node.seat?.slot)?.nodes[0];
  return holder === undefined ? '' : ` Its slot ${node.seat?.slot} is held by ${holder.node.instanceId}.`;
}

/** Those that can be told something: all, or the named ones, each once. @throws UserError */
export function pickNodes(names: readonly string[], view: ClusterView): readonly NodeRow[] {
  if (names.length === 0) return view.nodes.filter(({ node }) => node.state === 'running');
  const rows = names.flatMap((name) => name.split(',')).map((name) => pickNode(name.trim(), view));
  return [...new Set(rows)];
}

/** `slot 3 (i-0123...)`. */
export const nodeText = ({ node }: NodeRow): string =>
  node.seat === null ? node.instanceId : `${node.instanceId} in slot ${node.seat.slot}`;
