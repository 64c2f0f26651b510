/**
 * Minimum-cost flow from tasks to hosts by successive shortest paths (R. Busacker, P. Gowen, 1960; with the node prices of
 * J. Edmonds and R. Karp, 1972, so that Dijkstra's search serves). A task that finds its best host full may push another one on
 * to a third, as far as that pays. The k-th task of a host costs k - 1 times the crowding, which is convex, so each path
 * keeps the flow at its least cost.
 *
 * Exact while every task takes one slot of a host. Memory makes it a heuristic: of a path only such steps are taken as
 * the sizes allow.
 */
import type { Layout } from './layout.js';
import { firstLeast } from './order.js';

/** Steps of all searches together, at most; after these a task is placed only where there is room. */
const BUDGET = 2_500_000;

/** Places what has no place, in the order given. */
export function flowIn(layout: Layout, order: readonly number[]): void {
  const search = new Search(layout);
  /** Sizes for which there was no place: nor is there one for what is larger in both. */
  const refused: { readonly memory: number; readonly gpu: number }[] = [];
  const { memory, gpu } = layout.problem;
  for (const i of order) {
    const size = { memory: memory[i] as number, gpu: gpu[i] as number };
    if (refused.some((one) => one.memory <= size.memory && one.gpu <= size.gpu)) continue;
    if (!search.place(i) && search.anywhere(i) && refused.length < 64) refused.push(size);
  }
}

class Search {
  readonly #layout: Layout;
  readonly #price: Float64Array;
  /** From the task to each host; NaN where that is final, which no comparison finds. */
  readonly #distance: Float64Array;
  /** The task that would come to a host, and the host that it would leave; -1: none, it is the new one. */
  readonly #comes: Int32Array;
  readonly #from: Int32Array;
  /** Costs of a task of a group, with what its mates add. */
  readonly #grouped: Float64Array;
  #endPrice = 0;
  #budget = BUDGET;

  constructor(layout: Layout) {
    const { hosts } = layout.problem;
    this.#layout = layout;
    this.#price = new Float64Array(hosts);
    this.#distance = new Float64Array(hosts);
    this.#comes = new Int32Array(hosts);
    this.#from = new Int32Array(hosts);
    this.#grouped = new Float64Array(hosts);
  }

  /** Whether there is a host that could take it if it were empty. */
  anywhere(i: number): boolean {
    const { cost, hosts } = this.#layout.problem;
    for (let j = 0; j < hosts; j++) if (cost[i * hosts + j] !== Number.POSITIVE_INFINITY) return true;
    return false;
  }

  place(task: number): boolean {
    const layout = this.#layout;
    const { hosts, crowdMs } = layout.problem;
    const price = this.#price;
    const distance = this.#distance;
    const done: number[] = [];
    const final: number[] = [];
    let end = -1;
    let endDistance = Number.POSITIVE_INFINITY;
    distance.fill(Number.POSITIVE_INFINITY);
    this.#reach(task, -1, Number.NEGATIVE_INFINITY, 0, endDistance);
    for (;;) {
      const j = firstLeast(distance, endDistance);
      this.#budget -= hosts;
      if (j === -1) break;
      const least = distance[j] as number;
      distance[j] = Number.NaN;
      done.push(j);
      final.push(least);
      const comes = this.#comes[j] as number;
      if (layout.fits(comes, j)) {
        const d = least + Math.max(0, (layout.count[j] as number) * crowdMs + (price[j] as number) - this.#endPrice);
        if (d < endDistance) {
          endDistance = d;
          end = j;
        }
      }
      if (this.#budget <= 0) continue;
      // What may come to other hosts if `comes` takes the place of a task here.
      for (const k of layout.on[j] as readonly number[]) {
        if (!layout.fits(comes, j, k)) continue;
        this.#budget -= hosts;
        this.#reach(k, j, least, least - this.#costOf(k, j) + (price[j] as number), endDistance);
      }
    }
    if (end === -1) return false;
    // Prices count against each other only: instead of raising nearly all by the end's distance, the nearer ones fall.
    for (let n = 0; n < done.length; n++) {
      const j = done[n] as number;
      price[j] = (price[j] as number) + (final[n] as number) - endDistance;
    }
    this.#follow(end);
    return true;
  }

  /** Hosts to which `task` brings a shorter way than known, `base` and its cost there long, but no shorter than `least`. */
  #reach(task: number, from: number, least: number, base: number, below: number): void {
    const { cost, hosts, group } = this.#layout.problem;
    const price = this.#price;
    const distance = this.#distance;
    const alone = group[task] === -1;
    const costs = alone ? cost : this.#grouped;
    const row = alone ? task * hosts : 0;
    if (!alone) for (let j = 0; j < hosts; j++) costs[j] = this.#costOf(task, j);
    for (let j = 0; j < hosts; j++) {
      let d = base + (costs[row + j] as number) - (price[j] as number);
      if (d < least) d = least;
      if (d < below && d < (distance[j] as number)) {
        distance[j] = d;
        this.#comes[j] = task;
        this.#from[j] = from;
      }
    }
  }

  /** Without crowding, which the end of a path alone changes. */
  #costOf(i: number, j: number): number {
    const { cost, hosts, group } = this.#layout.problem;
    const own = cost[i * hosts + j] as number;
    if (group[i] === -1 || own === Number.POSITIVE_INFINITY) return own;
    return own + this.#layout.mates(i, j) * this.#layout.problem.sameHostMs;
  }

  /** From the end of the path to its beginning, so that there is room for each. */
  #follow(end: number): void {
    const layout = this.#layout;
    const moves: { readonly task: number; readonly to: number }[] = [];
    for (let j = end; j !== -1; j = this.#from[j] as number) moves.push({ task: this.#comes[j] as number, to: j });
    for (const { task } of moves) if (layout.hostOf[task] !== -1) layout.take(task);
    for (const { task, to } of moves) layout.put(task, to);
  }
}
