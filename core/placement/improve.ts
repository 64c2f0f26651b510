/**
 * Local search on a placement: first one more task placed, then the same number at less cost, by moving one, by swapping
 * two, and by moving one so that another takes its place. Each step makes the placement better, so it ends; a budget
 * of looks bounds it.
 */
import type { Layout } from './layout.js';
import { firstLeast, largestFirst } from './order.js';

/** Looks at a change, at most. */
const BUDGET = 1_500_000;

export function improve(layout: Layout): void {
  const budget = { left: BUDGET };
  const least = leastOf(layout);
  for (let better = true; better && budget.left > 0; ) {
    better = false;
    if (placeMore(layout, budget)) better = true;
    if (moveOne(layout, least, budget)) better = true;
    if (swapTwo(layout, least, budget)) better = true;
    if (!better) better = pushOn(layout, budget);
  }
}

/** What each task costs at the very least. */
function leastOf({ problem: { tasks, hosts, cost } }: Layout): Float64Array {
  const least = new Float64Array(tasks);
  for (let i = 0; i < tasks; i++) {
    const row = cost.subarray(i * hosts, (i + 1) * hosts);
    least[i] = row[firstLeast(row, Number.POSITIVE_INFINITY)] ?? Number.POSITIVE_INFINITY;
  }
  return least;
}

interface Budget {
  left: number;
}

/** A task without a place gets one, if need be where another one that has a choice moves away. */
function placeMore(layout: Layout, budget: Budget): boolean {
  const { hosts } = layout.problem;
  let better = false;
  for (const i of largestFirst(layout)) {
    let best = { cost: Number.POSITIVE_INFINITY, j: -1, k: -1, to: -1 };
    for (let j = 0; j < hosts && budget.left > 0; j++) {
      budget.left--;
      if (layout.fits(i, j)) {
        const cost = layout.added(i, j);
        if (cost < best.cost) best = { cost, j, k: -1, to: -1 };
        continue;
      }
      for (const k of layout.on[j] as number[]) {
        if (!layout.fits(i, j, k)) continue;
        const to = cheapestBut(layout, k, j, budget);
        if (to === -1) continue;
        const cost = layout.added(i, j, k) - layout.added(k, j) + layout.added(k, to);
        if (cost < best.cost) best = { cost, j, k, to };
      }
    }
    if (best.j === -1) continue;
    if (best.k !== -1) move(layout, best.k, best.to);
    layout.put(i, best.j);
    better = true;
  }
  return better;
}

function moveOne(layout: Layout, least: Float64Array, budget: Budget): boolean {
  let better = false;
  for (let i = 0; i < layout.problem.tasks; i++) {
    const from = layout.hostOf[i] as number;
    if (from === -1 || layout.added(i, from) === least[i]) continue;
    const to = cheapestBut(layout, i, from, budget, layout.added(i, from));
    if (to === -1) continue;
    move(layout, i, to);
    better = true;
  }
  return better;
}

/** Two change places; one of them may have none. */
function swapTwo(layout: Layout, least: Float64Array, budget: Budget): boolean {
  const { tasks } = layout.problem;
  let better = false;
  for (let i = 0; i < tasks && budget.left > 0; i++) {
    const home = layout.hostOf[i] as number;
    if (home === -1) continue;
    // Where one has nothing to gain, the other one begins.
    const content = layout.added(i, home) === least[i];
    if (content && layout.placed === tasks) continue;
    budget.left -= tasks;
    for (
      let k = cheaperSwap(layout, least, i, 0, content);
      k !== -1;
      k = cheaperSwap(layout, least, i, k + 1, content)
    ) {
      const [a, b] = [layout.hostOf[i] as number, layout.hostOf[k] as number];
      if (!layout.fits(k, a, i) || (b !== -1 && !layout.fits(i, b, k))) continue;
      if (swapIfBetter(layout, i, a, k, b)) better = true;
    }
  }
  return better;
}

/** The next one from `k` on to change places with that would make both together cheaper, room aside, or -1. */
function cheaperSwap(layout: Layout, least: Float64Array, i: number, from: number, content: boolean): number {
  const { tasks, hosts, cost, group } = layout.problem;
  const { hostOf } = layout;
  const a = hostOf[i] as number;
  if (a === -1) return -1;
  const row = i * hosts;
  const own = cost[row + a] as number;
  const alone = group[i] === -1;
  for (let k = from; k < tasks; k++) {
    const b = hostOf[k] as number;
    if (a === b || k === i || (content && b !== -1)) continue;
    // Crowding doesn't change, so this alone decides but for groups.
    const gain = b === -1 ? own : own + (cost[k * hosts + b] as number) - (cost[row + b] as number);
    const grouped = !alone || group[k] !== -1;
    // What it costs at least is at hand, what it costs there is far away in memory.
    if ((least[k] as number) >= gain && !grouped) continue;
    const there = cost[k * hosts + a] as number;
    if (there === Number.POSITIVE_INFINITY || gain === Number.NEGATIVE_INFINITY) continue;
    if (there < gain || grouped) return k;
  }
  return -1;
}

function swapIfBetter(layout: Layout, i: number, a: number, k: number, b: number): boolean {
  const before = layout.cost;
  layout.take(i);
  if (b !== -1) layout.take(k);
  layout.put(k, a);
  if (b !== -1) layout.put(i, b);
  if (layout.cost < before) return true;
  layout.take(k);
  if (b !== -1) layout.take(i);
  layout.put(i, a);
  if (b !== -1) layout.put(k, b);
  return false;
}

/** One moves where there is no room, and the one that it displaces moves on. */
function pushOn(layout: Layout, budget: Budget): boolean {
  const { tasks, hosts } = layout.problem;
  for (let i = 0; i < tasks; i++) {
    const from = layout.hostOf[i] as number;
    if (from === -1) continue;
    const now = layout.added(i, from);
    for (let j = 0; j < hosts; j++) {
      if (budget.left-- <= 0) return false;
      if (j === from || layout.fits(i, j) || layout.count[j] === 0) continue;
      for (const k of [...(layout.on[j] as number[])]) {
        if (!layout.fits(i, j, k)) continue;
        const gain = now + layout.added(k, j) - layout.added(i, j, k);
        if (gain <= 0) continue;
        const before = layout.cost;
        layout.take(i);
        const to = cheapestBut(layout, k, j, budget);
        if (to !== -1) {
          move(layout, k, to);
          layout.put(i, j);
          if (layout.cost < before) return true;
          layout.take(i);
          move(layout, k, j);
        }
        layout.put(i, from);
      }
    }
  }
  return false;
}

/** The host with room where it would cost least, and less than `below`, the one given excepted; -1: there is none. */
function cheapestBut(layout: Layout, i: number, but: number, budget: Budget, below = Number.POSITIVE_INFINITY): number {
  const { cost, hosts } = layout.problem;
  let best = -1;
  let least = below;
  budget.left -= hosts;
  const row = i * hosts;
  for (let j = 0; j < hosts; j++) {
    // What else is there makes it only dearer.
    if ((cost[row + j] as number) >= least || j === but || !layout.fits(i, j)) continue;
    const added = layout.added(i, j);
    if (added >= least) continue;
    least = added;
    best = j;
  }
  return best;
}

function move(layout: Layout, i: number, to: number): void {
  layout.take(i);
  layout.put(i, to);
}
