import { endsWithin, type HazardShape } from './hazard.js';

/**
 * The least expected cost of a job with a deadline when spot comes and goes with given hazards: a dynamic program,
 * backwards over (time, slack spent, what runs, whether spot is there and for how long it has been so).
 *
 * Time goes in steps of h = max(changeover, deadline / 300). Instead of the work left the tables hold the slack spent,
 * debt = time passed - work done, which changes only when nothing is computed: so a narrow band of states is enough.
 */
export interface PlanProblem {
  readonly workHours: number;
  readonly deadlineHours: number;
  readonly changeoverHours: number;
  readonly priceRatio: number;
  readonly stays: HazardShape;
  readonly staysAway: HazardShape;
  readonly staysMultiplier: number;
  readonly staysAwayMultiplier: number;
}

/** Where classes of ages begin, in steps: each step its own at first, when hazards change fast, then ever wider. */
const AGE_STARTS = [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128] as const;
const AGE_CLASSES = AGE_STARTS.length;
const STEPS = 300;
/** Price of each step's worth of debt beyond the slack, in steps of spot price: dearer than any way to avoid it. */
const LATE = 1000;

function ageClass(steps: number): number {
  // An age that is a whole number of steps but for rounding belongs to the class that begins there.
  const later = AGE_STARTS.findIndex((start) => start > steps + 1e-9);
  return later === -1 ? AGE_CLASSES - 1 : later - 1;
}

/** In steps; the last class has no end. */
const classWidth = (k: number): number => (AGE_STARTS[k + 1] ?? 2 * (AGE_STARTS[k] ?? 0)) - (AGE_STARTS[k] ?? 0);
/** Age at which the step that lies in the middle of a class begins, in steps. */
const classMiddle = (k: number): number => (AGE_STARTS[k] ?? 0) + (classWidth(k) - 1) / 2;

/** Expected costs of what can be done now, in hours of spot price; Infinity for what can't. */
export interface Options {
  readonly idle: number;
  readonly onDemand: number;
  readonly spot: number;
}

export class Plan {
  readonly #problem: PlanProblem;
  readonly #h: number;
  readonly #steps: number;
  readonly #work: number;
  readonly #slack: number;
  readonly #debts: number;
  readonly #change: number;
  /** By time step, then state, then debt. States: idle or on-demand by 2 x AGE_CLASSES, spot by AGE_CLASSES. */
  readonly #value: Float32Array[];
  readonly #lost: Float64Array;
  readonly #regained: Float64Array;
  readonly #older: Float64Array;

  constructor(problem: PlanProblem) {
    this.#problem = problem;
    this.#h = Math.max(problem.changeoverHours, problem.deadlineHours / STEPS);
    this.#steps = Math.ceil(problem.deadlineHours / this.#h);
    this.#work = problem.workHours / this.#h;
    this.#slack = problem.deadlineHours / this.#h - this.#work;
    this.#debts = Math.ceil(this.#slack) + 3;
    this.#change = problem.changeoverHours / this.#h;
    const classes = Array.from({ length: AGE_CLASSES }, (_, k) => k);
    this.#lost = Float64Array.from(classes, (k) =>
      endsWithin(problem.stays, problem.staysMultiplier, classMiddle(k) * this.#h, this.#h),
    );
    this.#regained = Float64Array.from(classes, (k) =>
      endsWithin(problem.staysAway, problem.staysAwayMultiplier, classMiddle(k) * this.#h, this.#h),
    );
    this.#older = Float64Array.from(classes, (k) => (k === AGE_CLASSES - 1 ? 0 : 1 / classWidth(k)));
    this.#value = this.#solve();
  }

  /** What each act costs from here on, with everything after it done best. */
  options(
    elapsedHours: number,
    leftHours: number,
    running: 'idle' | 'on-demand' | 'spot',
    up: boolean,
    ageHours: number,
    changeoverLeftHours: number,
  ): Options {
    // Debt that the present changeover will still cost counts as spent.
    const debt = (elapsedHours - (this.#problem.workHours - leftHours) + changeoverLeftHours) / this.#h;
    const step = Math.min(this.#steps - 1, Math.max(0, Math.floor(elapsedHours / this.#h)));
    const k = ageClass(ageHours / this.#h);
    const next = this.#value[step + 1] as Float32Array;
    const left = leftHours / this.#h;
    const cost = (value: number): number => value * this.#h;
    return {
      idle: cost(this.#idle(next, debt, up, k)),
      onDemand: cost(this.#onDemand(next, debt, left, up, k, running === 'on-demand')),
      spot: up ? cost(this.#spot(next, debt, left, k, running === 'spot')) : Number.POSITIVE_INFINITY,
    };
  }

  #solve(): Float32Array[] {
    const states = 5 * AGE_CLASSES;
    const value: Float32Array[] = Array.from({ length: this.#steps + 1 });
    const end = new Float32Array(states * this.#debts);
    for (let state = 0; state < states; state++) {
      for (let debt = 0; debt < this.#debts; debt++)
        end[state * this.#debts + debt] = this.#ending(this.#steps, debt, state);
    }
    value[this.#steps] = end;
    for (let step = this.#steps - 1; step >= 0; step--) {
      const next = value[step + 1] as Float32Array;
      const now = new Float32Array(states * this.#debts);
      for (let debt = 0; debt < this.#debts; debt++) this.#solveAt(step, debt, next, now);
      value[step] = now;
    }
    return value;
  }

  #solveAt(step: number, debt: number, next: Float32Array, now: Float32Array): void {
    const left = this.#work - (step - debt);
    const size = this.#debts;
    for (let k = 0; k < AGE_CLASSES; k++) {
      for (const up of [false, true]) {
        const at = (up ? 0 : AGE_CLASSES) + k;
        const onDemandAt = 2 * AGE_CLASSES + at;
        if (left <= 0 || debt > this.#slack) {
          now[at * size + debt] = this.#ending(step, debt, at);
          now[onDemandAt * size + debt] = this.#ending(step, debt, onDemandAt);
          continue;
        }
        const idle = this.#idle(next, debt, up, k);
        const start = up ? this.#spot(next, debt, left, k, false) : Number.POSITIVE_INFINITY;
        const other = Math.min(idle, start);
        now[at * size + debt] = Math.min(other, this.#onDemand(next, debt, left, up, k, false));
        now[onDemandAt * size + debt] = Math.min(other, this.#onDemand(next, debt, left, up, k, true));
      }
      const spotAt = 4 * AGE_CLASSES + k;
      const over = left <= 0 || debt > this.#slack;
      now[spotAt * size + debt] = over
        ? this.#ending(step, debt, spotAt)
        : Math.min(this.#spot(next, debt, left, k, true), this.#onDemand(next, debt, left, true, k, false));
    }
  }

  /** No choice left: done, or on-demand to the end and late by what is missing. */
  #ending(step: number, debt: number, state: number): number {
    const left = this.#work - (step - debt);
    if (left <= 0) return 0;
    const running = state >= 2 * AGE_CLASSES && state < 4 * AGE_CLASSES;
    const change = running ? 0 : this.#change;
    return this.#problem.priceRatio * (left + change) + LATE * Math.max(0, debt + change - this.#slack);
  }

  #idle(next: Float32Array, debt: number, up: boolean, k: number): number {
    return this.#after(next, 0, debt + 1, up, k);
  }

  #onDemand(next: Float32Array, debt: number, left: number, up: boolean, k: number, runs: boolean): number {
    const change = runs ? 0 : this.#change;
    const used = change + Math.min(1 - change, left);
    return this.#problem.priceRatio * used + this.#after(next, 2 * AGE_CLASSES, debt + change, up, k);
  }

  #spot(next: Float32Array, debt: number, left: number, k: number, runs: boolean): number {
    const change = runs ? 0 : this.#change;
    const used = change + Math.min(1 - change, left);
    const lost = this.#lost[k] as number;
    const older = this.#older[k] as number;
    const base = 4 * AGE_CLASSES;
    const stays =
      older === 0
        ? this.#read(next, base + k, debt + change)
        : older * this.#read(next, base + k + 1, debt + change) +
          (1 - older) * this.#read(next, base + k, debt + change);
    // Lost half-way on average: a changeover is then in vain, else half of the step's work was done.
    const spent = debt + 0.5 + Math.min(0.5, change);
    const gone = this.#read(next, AGE_CLASSES, spent);
    return (1 - lost) * (used + stays) + lost * (0.5 + gone);
  }

  /** Expected value a step later of a state that doesn't depend on spot; `base` is where its kind's states begin. */
  #after(next: Float32Array, base: number, debt: number, up: boolean, k: number): number {
    const flip = up ? (this.#lost[k] as number) : (this.#regained[k] as number);
    const older = this.#older[k] as number;
    const same = base + (up ? 0 : AGE_CLASSES) + k;
    const other = base + (up ? AGE_CLASSES : 0);
    const stays =
      older === 0
        ? this.#read(next, same, debt)
        : older * this.#read(next, same + 1, debt) + (1 - older) * this.#read(next, same, debt);
    return (1 - flip) * stays + flip * this.#read(next, other, debt);
  }

  #read(table: Float32Array, state: number, debt: number): number {
    const clamped = Math.min(this.#debts - 1, Math.max(0, debt));
    const low = Math.floor(clamped);
    const part = clamped - low;
    const at = state * this.#debts + low;
    const first = table[at] as number;
    return part === 0 ? first : first + part * ((table[at + 1] as number) - first);
  }
}
