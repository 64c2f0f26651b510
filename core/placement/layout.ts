/** A placement in numbers: tasks and hosts by their position in the order of their ids. */
export interface Problem {
  readonly tasks: number;
  readonly hosts: number;
  /** Row-major, whole ms; Infinity where a task doesn't fit even on the host as it is. */
  readonly cost: Float64Array;
  readonly memory: Float64Array;
  readonly gpu: Float64Array;
  /** -1: of no group. */
  readonly group: Int32Array;
  readonly freeMemory: Float64Array;
  readonly freeGpu: Float64Array;
  readonly slots: Float64Array;
  /** For each task that a plan puts beside another one of its own. */
  readonly crowdMs: number;
  /** For each pair of a group on one host. */
  readonly sameHostMs: number;
}

/** Who is where, what room that leaves, and what it costs. Its columns are for reading; `put` and `take` change them. */
export class Layout {
  readonly problem: Problem;
  /** In ms. */
  cost = 0;
  placed = 0;
  /** By task; -1: nowhere. */
  readonly hostOf: Int32Array;
  /** By host: how many, which, and the room beside them. */
  readonly count: Int32Array;
  readonly on: readonly number[][];
  readonly memory: Float64Array;
  readonly gpu: Float64Array;

  constructor(problem: Problem) {
    this.problem = problem;
    this.hostOf = new Int32Array(problem.tasks).fill(-1);
    this.count = new Int32Array(problem.hosts);
    this.on = Array.from({ length: problem.hosts }, () => []);
    this.memory = problem.freeMemory.slice();
    this.gpu = problem.freeGpu.slice();
  }

  /** Whether it fits beside what is there; without `but`, if given. */
  fits(i: number, j: number, but = -1): boolean {
    const { cost, hosts, memory, gpu, slots } = this.problem;
    if (cost[i * hosts + j] === Number.POSITIVE_INFINITY) return false;
    const gone = but !== -1;
    if ((this.count[j] as number) - (gone ? 1 : 0) >= (slots[j] as number)) return false;
    const free = (this.memory[j] as number) + (gone ? (memory[but] as number) : 0);
    const freeGpu = (this.gpu[j] as number) + (gone ? (gpu[but] as number) : 0);
    return (memory[i] as number) <= free && (gpu[i] as number) <= freeGpu;
  }

  /** What it would cost there beside what is there, `but` excepted; itself isn't counted. */
  added(i: number, j: number, but = -1): number {
    const { cost, hosts, crowdMs, sameHostMs } = this.problem;
    let others = this.count[j] as number;
    if (but !== -1) others--;
    if (this.hostOf[i] === j) others--;
    return (cost[i * hosts + j] as number) + others * crowdMs + this.mates(i, j, but) * sameHostMs;
  }

  /** Others of its group that this plan puts there. */
  mates(i: number, j: number, but = -1): number {
    const { group } = this.problem;
    const own = group[i] as number;
    let found = 0;
    if (own !== -1) for (const k of this.on[j] as number[]) if (k !== i && k !== but && group[k] === own) found++;
    return found;
  }

  put(i: number, j: number): void {
    this.cost += this.added(i, j);
    this.placed++;
    this.hostOf[i] = j;
    (this.on[j] as number[]).push(i);
    this.#room(i, j, 1);
  }

  take(i: number): void {
    const j = this.hostOf[i] as number;
    this.cost -= this.added(i, j);
    this.placed--;
    this.hostOf[i] = -1;
    const on = this.on[j] as number[];
    on.splice(on.indexOf(i), 1);
    this.#room(i, j, -1);
  }

  #room(i: number, j: number, more: 1 | -1): void {
    this.count[j] = (this.count[j] as number) + more;
    this.memory[j] = (this.memory[j] as number) - more * (this.problem.memory[i] as number);
    this.gpu[j] = (this.gpu[j] as number) - more * (this.problem.gpu[i] as number);
  }
}
