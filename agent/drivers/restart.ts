/** When a workload that ended by itself is started again. Pure. */

export const FIRST_PAUSE_MS = 500;
/** Raising it spares a machine whose workload can't start; it also delays the recovery once it could. */
export const MAX_PAUSE_MS = 30_000;
/** A run this long forgives the exits before it. */
export const STEADY_MS = 60_000;

export interface Restarts {
  /** Exits in a row, each after less than {@link STEADY_MS}. */
  readonly exits: number;
}

export const NO_RESTARTS: Restarts = { exits: 0 };

/** After an exit: the pause doubles with every short run. */
export function afterExit(state: Restarts, ranMs: number): { readonly state: Restarts; readonly pauseMs: number } {
  const exits = ranMs >= STEADY_MS ? 0 : state.exits;
  return {
    state: { exits: exits + 1 },
    pauseMs: Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(exits, 16)),
  };
}
