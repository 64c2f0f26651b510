/** Where things stand in the cluster's bucket. */

/** A slot's launch position: the hint that spares a newcomer the climb from rung 0. */
export const hintKey = (slot: number): string => `seats/${slot}.json`;
