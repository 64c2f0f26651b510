import type { Member, MemberStatus } from './member.js';

/**
 * Which of two facts about one member wins. The order is total per member: by incarnation, then by status, so that
 * nodes that hear the same facts in any order, any number of times, end with the same one.
 */
export interface Fact {
  readonly incarnation: number;
  readonly status: MemberStatus;
}

/** `left` is the member's own last word of an incarnation, so it wins over what others think of that incarnation. */
const RANK: Readonly<Record<MemberStatus, number>> = { alive: 0, suspect: 1, dead: 2, left: 3 };

/** Whether `incoming` replaces `current`; false for equal facts. */
export function supersedes(incoming: Fact, current: Fact): boolean {
  if (incoming.incarnation !== current.incarnation) return incoming.incarnation > current.incarnation;
  return RANK[incoming.status] > RANK[current.status];
}

/** Still counted on: alive, or suspected and not yet given up. */
export const isLive = (member: Pick<Member, 'status'>): boolean =>
  member.status === 'alive' || member.status === 'suspect';
