import type { Member } from './member.js';

/** Lists of members by id, changed in place in logarithmic time (and a block move), since thousands change often. */

/** Puts a member in its place; replaces the record of the same id. */
export function putSorted(list: Member[], member: Member): void {
  const at = placeOf(list, member.id);
  list.splice(at, list[at]?.id === member.id ? 1 : 0, member);
}

export function removeSorted(list: Member[], id: string): void {
  const at = placeOf(list, id);
  if (list[at]?.id === id) list.splice(at, 1);
}

export const byMemberId = (a: Member, b: Member): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** Where `id` is, or would be. */
function placeOf(list: readonly Member[], id: string): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as Member).id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
