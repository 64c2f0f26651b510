/** Who holds which slot, as EC2 alone tells. */
import type { NodeView } from '../cloud.js';
import type { HeldSeat } from '../seats/seat.js';
import { farthestSeat, isLiveState } from '../seats/surplus.js';

export const isLiveNode = (node: NodeView): boolean => isLiveState(node.state);

/** It said that it goes: its seat needs another holder. */
export const isLeaving = (node: NodeView): boolean => node.phase === 'draining' || node.phase === 'drained';

/** Holds its seat, as far as EC2 and its own word go. */
export const isHolder = (node: NodeView): boolean => isLiveNode(node) && !isLeaving(node);

export const inSlot = (slot: number, nodes: readonly NodeView[]): readonly NodeView[] =>
  nodes.filter((node) => node.seat?.slot === slot);

/** Nodes by slot, for those who go through all slots. */
export function bySlot(nodes: readonly NodeView[]): (slot: number) => readonly NodeView[] {
  const slots = new Map<number, NodeView[]>();
  for (const node of nodes) {
    if (node.seat === null) continue;
    const mates = slots.get(node.seat.slot);
    if (mates === undefined) slots.set(node.seat.slot, [node]);
    else mates.push(node);
  }
  return (slot) => slots.get(slot) ?? [];
}

/** The seat after the last one that EC2 still shows: the very one that an agent would ask for. */
export function nextPosition(slot: number, nodes: readonly NodeView[]): HeldSeat {
  const last = farthestSeat(
    slot,
    nodes.map((node) => node.seat),
  );
  return { slot, generation: (last?.generation ?? 0) + 1, rung: 0 };
}

/** A holder other than this node that is as new or newer. */
export function heir(node: NodeView, nodes: readonly NodeView[]): NodeView | null {
  const { seat } = node;
  if (seat === null) return null;
  const heirs = inSlot(seat.slot, nodes).filter(
    (other) => other.instanceId !== node.instanceId && isHolder(other) && generationOf(other) >= seat.generation,
  );
  return heirs[0] ?? null;
}

export const generationOf = (node: NodeView): number => node.seat?.generation ?? 0;
