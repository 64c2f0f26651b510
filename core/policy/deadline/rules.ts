import { type DeadlinePolicy, type DeadlineView, IDLE, mustRunOnDemand, ON_DEMAND, someSpot } from './policy.js';

/** The policies of "Can't Be Late" (NSDI 2024), sections 3.4, 5.1 and 5.2. */

export const onDemandJob = (): DeadlinePolicy => ({ name: 'ondemand', step: () => ON_DEMAND });

/** Spot while there is some, else wait; on-demand to the end once the safety net holds and the job is idle. */
export function greedyJob(): DeadlinePolicy {
  let committed = false;
  return {
    name: 'greedy',
    step: (view) => {
      if (committed) return ON_DEMAND;
      if (view.running.kind === 'spot') return view.running;
      committed = mustRunOnDemand(view);
      return committed ? ON_DEMAND : (someSpot(view) ?? IDLE);
    },
  };
}

/**
 * Greedy that goes to on-demand one changeover earlier, so that there is room for one more run on spot: it goes back as
 * soon as there is some. The paper's stays on-demand to the end.
 */
export function greedyReturnJob(): DeadlinePolicy {
  /** The safety net, a changeover to on-demand before it, and a tick, since a look may come as late. */
  const isLate = (view: DeadlineView): boolean =>
    mustRunOnDemand({ ...view, elapsedMs: view.elapsedMs + view.changeoverMs + view.tickMs });
  return {
    name: 'greedy-return',
    step: (view) => {
      if (view.running.kind === 'spot') return view.running;
      // What the present changeover will still take is spent already.
      const spent = view.running.kind === 'on-demand' ? view.changeoverLeftMs : 0;
      const mustStay = mustRunOnDemand({ ...view, elapsedMs: view.elapsedMs + spent });
      const spot = mustStay ? null : someSpot(view);
      return spot ?? (view.running.kind === 'on-demand' || isLate(view) ? ON_DEMAND : IDLE);
    },
  };
}

/** Greedy in each of `slices` equal parts of the time, each with its part of the work less what is already ahead. */
export function timeSliced(slices: number): DeadlinePolicy {
  let committed = false;
  let heldSlice = -1;
  return {
    name: 'time-sliced',
    step: (view) => {
      if (committed) return ON_DEMAND;
      if (view.running.kind === 'spot') return view.running;
      committed = view.running.kind === 'idle' && mustRunOnDemand(view);
      const slice = Math.min(slices - 1, Math.floor((view.elapsedMs * slices) / view.deadlineMs));
      if (committed || (slice === heldSlice && view.running.kind === 'on-demand')) return ON_DEMAND;
      const sliceLeftMs = ((slice + 1) * view.deadlineMs) / slices - view.elapsedMs;
      const toDoMs = ((slice + 1) * view.workMs) / slices - (view.workMs - view.leftMs);
      if (toDoMs > 0 && sliceLeftMs < toDoMs + 2 * view.changeoverMs) {
        heldSlice = slice;
        return ON_DEMAND;
      }
      if (view.running.kind === 'on-demand' && mustRunOnDemand(view)) return ON_DEMAND;
      return someSpot(view) ?? IDLE;
    },
  };
}

/**
 * Keeps progress cp(t) at or above ep(t) = t C(0) / R(0). Idle and behind: on-demand. Spot whenever there is some, but
 * from on-demand only when cp(t) >= ep(t + 2d) (hysteresis). Safety net as above.
 *
 * The paper doesn't say what follows when that holds and there is no spot. By default the job stops to wait. With `stays` it
 * goes on on-demand until there is spot, as in the authors' simulator (Michaelvll/skypilot-spot-strategy and its successors).
 */
export function uniformProgress(stays = false): DeadlinePolicy {
  let committed = false;
  const ahead = (view: DeadlineView, atMs: number): boolean =>
    view.workMs - view.leftMs >= (atMs * view.workMs) / view.deadlineMs;
  return {
    name: stays ? 'uniform-progress-stay' : 'uniform-progress',
    step: (view) => {
      if (committed) return ON_DEMAND;
      if (view.running.kind === 'spot') return view.running;
      if (view.running.kind === 'on-demand') {
        const stay = !ahead(view, view.elapsedMs + 2 * view.changeoverMs) || mustRunOnDemand(view);
        return stay ? ON_DEMAND : (someSpot(view) ?? (stays ? ON_DEMAND : IDLE));
      }
      committed = mustRunOnDemand(view);
      if (committed) return ON_DEMAND;
      return someSpot(view) ?? (ahead(view, view.elapsedMs) ? IDLE : ON_DEMAND);
    },
  };
}
