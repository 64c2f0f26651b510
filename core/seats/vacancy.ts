import type { Leaving, Member } from '../gossip/member.js';
import { rendezvousRank } from './rendezvous.js';

/**
 * Empty slots, as one node sees them from gossip: no live member holds the slot. A member that leaves still fills its own seat
 * and is trusted to ask for its successor, until it is gone.
 */
export interface Vacancy {
  readonly slot: number;
  /** The highest generation that gossip knows of, live or gone; 0 if none. */
  readonly lastGeneration: number;
  /** The last holder, when gossip still remembers it. */
  readonly lastHolder: Member | null;
}

export function vacancies(desired: number, members: Iterable<Member>): Vacancy[] {
  const last: (Member | undefined)[] = new Array(desired);
  const held = new Array<boolean>(desired).fill(false);
  for (const member of members) {
    const { slot, generation } = member.meta.seat;
    if (slot >= desired) continue;
    if (isLive(member)) held[slot] = true;
    const known = last[slot];
    if (known === undefined || generation > known.meta.seat.generation) last[slot] = member;
  }
  const empty: Vacancy[] = [];
  for (let slot = 0; slot < desired; slot++) {
    if (held[slot] === true) continue;
    const holder = last[slot] ?? null;
    empty.push({ slot, lastGeneration: holder?.meta.seat.generation ?? 0, lastHolder: holder });
  }
  return empty;
}

/** How many nodes, in rendezvous order, ever look after one vacancy: the chosen one and two deputies. */
export const RESCUERS = 3;

/**
 * This node's rank among those who may fill a vacancy; null if it isn't its turn at all. The key holds the
 * generation, so that the next loss of the same slot finds another rescuer.
 */
export function rescuerRank(vacancy: Vacancy, selfId: string, live: readonly Member[]): number | null {
  const able = rescuersAmong(live).map((m) => m.id);
  const rank = rendezvousRank(`${vacancy.slot}.${vacancy.lastGeneration}`, able, selfId);
  return rank >= 0 && rank < RESCUERS ? rank : null;
}

/** Those who stay; when nobody stays, those who go of their own will, and so can wait. */
function rescuersAmong(live: readonly Member[]): Member[] {
  const alive = live.filter((m) => m.status === 'alive');
  const staying = alive.filter((m) => m.meta.leaving === null);
  return staying.length > 0 ? staying : alive.filter((m) => m.meta.leaving !== null && canWait(m.meta.leaving));
}

/** Nothing forces a smaller cluster's last nodes to go at once. */
export const canWait = (leaving: Leaving): boolean => leaving.cause === 'scale-in';

export const isLive = (member: Member): boolean => member.status === 'alive' || member.status === 'suspect';
