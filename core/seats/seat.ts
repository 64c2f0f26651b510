/**
 * Seats. A cluster has N slots (0..N-1); a seat is a slot and a generation, and is held by one node. The replacement of
 * seat (3, 17) is seat (3, 18), whoever asks for it.
 */
export interface Seat {
  /** 0..N-1. */
  readonly slot: number;
  /** From 1; grows by one with every holder of the slot. */
  readonly generation: number;
}

/** A seat and the rung of the launch that filled it. */
export interface HeldSeat extends Seat {
  /** 0, 1, ...: spot attempts, then on-demand; see rung.ts. */
  readonly rung: number;
}

/** `3.17`: for logs, object keys and map keys. */
export const seatName = (seat: Seat): string => `${seat.slot}.${seat.generation}`;

export const successorOf = (seat: Seat): Seat => ({ slot: seat.slot, generation: seat.generation + 1 });

export const sameSeat = (a: Seat, b: Seat): boolean => a.slot === b.slot && a.generation === b.generation;
