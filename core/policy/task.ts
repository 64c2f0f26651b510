/**
 * Policies for a stream of tasks: on which kind of capacity the next one starts. Small on purpose, so that a user's own
 * file can hold one (`synkti simulate --policy ./mine.ts`).
 */
export interface TaskView {
  readonly nowMs: number;
  /** How often this task was interrupted. */
  readonly interruptions: number;
  /** Computing time still to be done, in ms. */
  readonly leftMs: number;
  /** How long it has waited for capacity in all, in ms. */
  readonly waitedMs: number;
  readonly onDemandUsdPerHour: number;
  /** Live instances by kind. */
  readonly spotInstances: number;
  readonly onDemandInstances: number;
  readonly pools: readonly PoolView[];
}

export interface PoolView {
  readonly name: string;
  readonly zone: string;
  readonly spotUsdPerHour: number;
  /** Whether a spot instance could be had now. */
  readonly available: boolean;
  readonly instances: number;
}

/**
 * `spot` may share any instance with room, else launches in `pool` (default: the cheapest with capacity) and waits where
 * there is none. `on-demand` shares and launches on-demand instances only. `wait` asks again when capacity changes.
 */
export type TaskChoice =
  | { readonly kind: 'spot'; readonly pool?: number }
  | { readonly kind: 'on-demand' }
  | { readonly kind: 'wait' };

export interface TaskPolicy {
  readonly name: string;
  choose(view: TaskView): TaskChoice;
}

const SPOT: TaskChoice = { kind: 'spot' };
const ON_DEMAND: TaskChoice = { kind: 'on-demand' };

export const onDemandOnly = (): TaskPolicy => ({ name: 'ondemand', choose: () => ON_DEMAND });

/** Spot always; waits while there is none. */
export const greedySpot = (): TaskPolicy => ({ name: 'greedy', choose: () => SPOT });

/** Spot until a task was interrupted `after` times, on-demand from then on. */
export const onDemandFallback = (after: number): TaskPolicy => ({
  name: 'fallback',
  choose: (view) => (view.interruptions >= after ? ON_DEMAND : SPOT),
});

/** Keeps `base` on-demand instances filled before it takes spot, and takes on-demand when no pool has spot. */
export const onDemandBase = (base: number): TaskPolicy => ({
  name: 'base',
  choose: (view) => {
    if (view.onDemandInstances < base) return ON_DEMAND;
    return view.pools.some((pool) => pool.available) ? SPOT : ON_DEMAND;
  },
});
