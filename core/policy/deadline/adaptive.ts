import { HazardEstimate, SPOT_STAYS, SPOT_STAYS_AWAY } from './hazard.js';
import { Plan, type PlanProblem } from './plan.js';
import { type DeadlinePolicy, type DeadlineView, IDLE, mustRunOnDemand, ON_DEMAND, type Placement } from './policy.js';

/**
 * Our own policy: learns how fast spot is lost and regained, by age, while it runs, and does what the dynamic program
 * of `plan.ts` finds best for what it has learned. Over several zones it takes the one whose spot has lasted longest, and
 * counts as away only the times when no zone has any. The paper's safety net and exploitation rule stay on top, so a
 * deadline is never risked.
 */
export function adaptive(plans: PlanCache = new PlanCache()): DeadlinePolicy {
  return new Adaptive(plans);
}

const HOUR_MS = 3_600_000;
/** Multipliers are rounded to steps of this factor: a plan is made anew only when what was learned differs by as much. */
const GRID = 1.3;
/** Plans kept at most; one takes some 3 MB. */
const MOST_PLANS = 24;
/** Changing needs to be this much better, in hours of spot price: ties shouldn't make it flap. */
const MARGIN_HOURS = 0.01;

/** Plans by problem, shared by the jobs of a simulation. */
export class PlanCache {
  readonly #plans = new Map<string, Plan>();

  get(problem: PlanProblem): Plan {
    const key = JSON.stringify(problem);
    const known = this.#plans.get(key);
    if (known !== undefined) {
      this.#plans.delete(key);
      this.#plans.set(key, known);
      return known;
    }
    const plan = new Plan(problem);
    this.#plans.set(key, plan);
    const oldest = this.#plans.keys().next().value;
    if (this.#plans.size > MOST_PLANS && oldest !== undefined) this.#plans.delete(oldest);
    return plan;
  }
}

class Adaptive implements DeadlinePolicy {
  readonly name = 'adaptive';
  readonly #plans: PlanCache;
  readonly #stays = new HazardEstimate(SPOT_STAYS);
  readonly #staysAway = new HazardEstimate(SPOT_STAYS_AWAY);
  /** By zone: up or not, and since when in ms. */
  #zones: { up: boolean; sinceMs: number }[] = [];
  #allDownSinceMs = 0;
  #wasAllDown = false;
  #lastMs = -1;
  #committed = false;

  constructor(plans: PlanCache) {
    this.#plans = plans;
  }

  step(view: DeadlineView): Placement {
    this.#learn(view);
    if (this.#committed) return ON_DEMAND;
    const must = mustRunOnDemand(view);
    // While spot runs there is a changeover's time in reserve: it was checked when it started.
    if (view.running.kind === 'spot') return view.running;
    if (must) {
      this.#committed = true;
      return ON_DEMAND;
    }
    const zone = this.#oldest(view);
    const up = zone !== -1;
    const sinceMs = up ? (this.#zones[zone]?.sinceMs ?? 0) : this.#allDownSinceMs;
    const options = this.#plans
      .get(this.#problem(view))
      .options(
        view.elapsedMs / HOUR_MS,
        view.leftMs / HOUR_MS,
        view.running.kind,
        up,
        (view.elapsedMs - sinceMs) / HOUR_MS,
        view.changeoverLeftMs / HOUR_MS,
      );
    const stay = view.running.kind === 'on-demand' ? options.onDemand : options.idle;
    const least = Math.min(options.idle, options.onDemand, options.spot);
    if (stay <= least + MARGIN_HOURS) return view.running;
    if (least === options.spot) return { kind: 'spot', zone };
    return least === options.onDemand ? ON_DEMAND : IDLE;
  }

  /** The zone whose spot has lasted longest: its hazard is the least. */
  #oldest(view: DeadlineView): number {
    let best = -1;
    view.available.forEach((up, zone) => {
      if (!up) return;
      if (best === -1 || (this.#zones[zone]?.sinceMs ?? 0) < (this.#zones[best]?.sinceMs ?? 0)) best = zone;
    });
    return best;
  }

  #problem(view: DeadlineView): PlanProblem {
    return {
      workHours: view.workMs / HOUR_MS,
      deadlineHours: view.deadlineMs / HOUR_MS,
      changeoverHours: view.changeoverMs / HOUR_MS,
      priceRatio: view.priceRatio,
      stays: this.#stays.shape,
      staysAway: this.#staysAway.shape,
      staysMultiplier: gridded(this.#stays.multiplier),
      staysAwayMultiplier: gridded(this.#staysAway.multiplier),
    };
  }

  #learn(view: DeadlineView): void {
    const nowMs = view.elapsedMs;
    const allDown = !view.available.includes(true);
    if (this.#lastMs === -1) {
      this.#zones = view.available.map((up) => ({ up, sinceMs: nowMs }));
    } else {
      view.available.forEach((up, zone) => {
        this.#learnZone(zone, up, nowMs);
      });
      if (this.#wasAllDown) {
        const since = this.#allDownSinceMs;
        this.#staysAway.observe((this.#lastMs - since) / HOUR_MS, (nowMs - since) / HOUR_MS, !allDown);
      }
    }
    if (allDown && !this.#wasAllDown) this.#allDownSinceMs = nowMs;
    this.#wasAllDown = allDown;
    this.#lastMs = nowMs;
  }

  #learnZone(zone: number, up: boolean, nowMs: number): void {
    const known = this.#zones[zone];
    if (known === undefined) return;
    if (known.up) {
      this.#stays.observe((this.#lastMs - known.sinceMs) / HOUR_MS, (nowMs - known.sinceMs) / HOUR_MS, !up);
    }
    if (known.up !== up) this.#zones[zone] = { up, sinceMs: nowMs };
  }
}

function gridded(x: number): number {
  return Math.round(GRID ** Math.round(Math.log(x) / Math.log(GRID)) * 1e6) / 1e6;
}
