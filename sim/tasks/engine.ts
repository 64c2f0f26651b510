import { type CheckpointDecision, planCheckpoints } from '../../core/checkpoint/plan.js';
import { type MigrationStrategy, placeDisplaced } from '../../core/placement/migrate.js';
import type { TaskChoice, TaskPolicy, TaskView } from '../../core/policy/task.js';
import type { Market } from '../market/market.js';
import { checkedChoice } from './choice.js';
import { Fleet, type FleetOptions, type Instance } from './fleet.js';
import { EventHeap } from './heap.js';
import { emptyResult, summarize, type TaskResult, type Timeline } from './result.js';
import type { Workload } from './workload.js';

/**
 * One policy meets one market and one workload, event by event. Life of a task: it arrives, shares an instance or gets
 * one launched, computes; at an interruption notice it finishes, moves with its state or starts over.
 */
export interface EngineOptions extends FleetOptions {
  readonly bandwidthMiBps: number;
  readonly noticeMs: number;
  readonly fullShare: number;
  readonly partialShare: number;
  /** An instance without a task is ended after this. */
  readonly idleTimeoutMs: number;
  readonly migration: MigrationStrategy;
  /** Nothing happens after this; what isn't done then counts as unfinished. */
  readonly endMs: number;
  readonly withTimeline: boolean;
}

export interface EngineOutput {
  readonly result: TaskResult;
  readonly timeline: Timeline | null;
}

type Event =
  | { readonly type: 'finish'; readonly task: number; readonly epoch: number }
  | { readonly type: 'notice' | 'reclaim'; readonly instance: number }
  | { readonly type: 'look'; readonly instance: number; readonly launchedMs: number; readonly order: number }
  | { readonly type: 'idle'; readonly instance: number; readonly uses: number }
  | { readonly type: 'retry' };

const HOUR_MS = 3_600_000;
const RETRY_MS = 300_000;
/** So far ahead it is found out when an instance is lost: a market is drawn no further than a run needs. */
const LOOK_MS = 6 * HOUR_MS;
/** Targets considered for one instance's tasks; more would make an interruption's cost grow with the fleet. */
const MOST_CANDIDATES = 128;
/** Waiting tasks that may fail in a row before a retry gives up until the next change. */
const MOST_FAILURES = 64;

export function runTasks(market: Market, workload: Workload, policy: TaskPolicy, options: EngineOptions): EngineOutput {
  return new Engine(market, workload, policy, options).run();
}

class Engine {
  readonly #market: Market;
  readonly #work: Workload;
  readonly #policy: TaskPolicy;
  readonly #options: EngineOptions;
  readonly #result = emptyResult();
  readonly #timeline: Timeline | null;
  readonly #fleet: Fleet;
  readonly #events = new EventHeap<Event>();
  readonly #leftMs: Float64Array;
  readonly #startMs: Float64Array;
  readonly #flowMs: Float64Array;
  readonly #waitingSince: Float64Array;
  readonly #waitedMs: Float64Array;
  readonly #interruptions: Uint16Array;
  readonly #epoch: Uint32Array;
  readonly #instanceOf: Int32Array;
  /** State saved outside of any instance, to be fetched at the next start. */
  readonly #storedMiB: Float64Array;
  #waiting: number[] = [];
  #retryAtMs = Number.POSITIVE_INFINITY;
  #nowMs = 0;

  constructor(market: Market, workload: Workload, policy: TaskPolicy, options: EngineOptions) {
    const n = workload.arrivalMs.length;
    this.#market = market;
    this.#work = workload;
    this.#policy = policy;
    this.#options = options;
    this.#timeline = options.withTimeline ? { instances: [], tasks: [] } : null;
    this.#fleet = new Fleet(market, workload.models, options, this.#result, this.#timeline);
    this.#leftMs = Float64Array.from(workload.lengthMs);
    this.#startMs = new Float64Array(n);
    this.#flowMs = new Float64Array(n).fill(-1);
    this.#waitingSince = new Float64Array(n).fill(-1);
    this.#waitedMs = new Float64Array(n);
    this.#interruptions = new Uint16Array(n);
    this.#epoch = new Uint32Array(n);
    this.#instanceOf = new Int32Array(n).fill(-1);
    this.#storedMiB = new Float64Array(n);
  }

  run(): EngineOutput {
    for (let next = 0; ; ) {
      const arrivalMs = this.#work.arrivalMs[next] ?? Number.POSITIVE_INFINITY;
      const eventMs = this.#events.peekMs();
      const atMs = Math.min(arrivalMs, eventMs);
      if (atMs > this.#options.endMs) break;
      this.#nowMs = atMs;
      if (arrivalMs <= eventMs) this.#place(next++);
      else this.#handle(this.#events.pop()?.event);
    }
    for (const instance of [...this.#fleet.instances.values()]) this.#fleet.end(instance, this.#options.endMs, false);
    summarize(this.#result, this.#work.lengthMs, this.#flowMs, this.#waitedMs);
    return { result: this.#result, timeline: this.#timeline };
  }

  #handle(event: Event | undefined): void {
    switch (event?.type) {
      case 'finish':
        if (this.#epoch[event.task] === event.epoch) this.#finish(event.task);
        return;
      case 'notice':
        this.#notice(this.#fleet.instances.get(event.instance));
        return;
      case 'reclaim':
        this.#reclaim(this.#fleet.instances.get(event.instance));
        return;
      case 'look':
        this.#lookAhead(this.#fleet.instances.get(event.instance), event.launchedMs, event.order);
        return;
      case 'idle': {
        const instance = this.#fleet.instances.get(event.instance);
        if (instance === undefined || instance.closing || instance.uses !== event.uses) return;
        this.#fleet.end(instance, this.#nowMs, false);
        this.#retry();
        return;
      }
      case 'retry':
        this.#retryAtMs = Number.POSITIVE_INFINITY;
        this.#retry();
        return;
      case undefined:
        return;
    }
  }

  /** Puts a task somewhere, or in the queue; says whether it found a place. */
  #place(task: number, earliestMs = this.#nowMs): boolean {
    const choice = this.#choose(task);
    const instance = choice.kind === 'wait' ? null : this.#instanceFor(task, choice);
    if (instance === null) {
      this.#enqueue(task);
      return false;
    }
    this.#start(task, instance, Math.max(earliestMs, instance.readyMs), true);
    return true;
  }

  #choose(task: number): TaskChoice {
    const fleet = this.#fleet;
    const since = this.#waitingSince[task] as number;
    const view: TaskView = {
      nowMs: this.#nowMs,
      interruptions: this.#interruptions[task] as number,
      leftMs: this.#leftMs[task] as number,
      waitedMs: (this.#waitedMs[task] as number) + (since === -1 ? 0 : this.#nowMs - since),
      onDemandUsdPerHour: this.#market.pools[0]?.onDemandUsdPerHour ?? 0,
      spotInstances: fleet.live.spot,
      onDemandInstances: fleet.live['on-demand'],
      pools: fleet.poolViews(this.#nowMs),
    };
    return checkedChoice(this.#policy, view);
  }

  #instanceFor(task: number, choice: TaskChoice): Instance | null {
    const model = this.#work.model[task] as number;
    const memoryMiB = this.#work.stateMiB[task] as number;
    const onDemand = choice.kind === 'on-demand';
    const shared = this.#fleet.find(memoryMiB, model, onDemand);
    if (shared !== null) return shared;
    const pool = onDemand ? 0 : this.#spotPool(choice);
    const launched = pool === -1 ? null : this.#fleet.launch(onDemand ? 'on-demand' : 'spot', pool, model, this.#nowMs);
    this.#lookAhead(launched, this.#nowMs, this.#events.reserve(2));
    return launched;
  }

  /** Plans an instance's end, or to look again. Of equal times its end comes as if it had been planned at its launch. */
  #lookAhead(instance: Instance | null | undefined, launchedMs: number, order: number): void {
    if (instance === undefined || instance === null) return;
    const againMs = this.#nowMs + LOOK_MS;
    // Two more, lest rounding puts a notice at the time of the look or before.
    if (!this.#fleet.foresee(instance, launchedMs, againMs + this.#options.noticeMs + 2)) {
      this.#events.push(againMs, { type: 'look', instance: instance.id, launchedMs, order });
      return;
    }
    const reclaimMs = instance.interruptedAtMs;
    if (!Number.isFinite(reclaimMs)) return;
    const noticeMs = Math.max(this.#nowMs, reclaimMs - this.#options.noticeMs);
    this.#events.push(noticeMs, { type: 'notice', instance: instance.id }, order);
    this.#events.push(reclaimMs, { type: 'reclaim', instance: instance.id }, order + 1);
  }

  #spotPool(choice: TaskChoice): number {
    const views = this.#fleet.poolViews(this.#nowMs);
    if (choice.kind === 'spot' && choice.pool !== undefined) return views[choice.pool]?.available ? choice.pool : -1;
    let best = -1;
    views.forEach((view, i) => {
      if (!view.available) return;
      if (best === -1 || view.spotUsdPerHour < (views[best]?.spotUsdPerHour ?? 0)) best = i;
    });
    return best;
  }

  #enqueue(task: number): void {
    if (this.#waitingSince[task] === -1) {
      this.#waitingSince[task] = this.#nowMs;
      this.#waiting.push(task);
    }
    let atMs = this.#nowMs + RETRY_MS;
    for (const pool of this.#market.pools) atMs = Math.min(atMs, pool.nextRise(this.#nowMs));
    if (atMs >= this.#retryAtMs) return;
    this.#retryAtMs = atMs;
    this.#events.push(atMs, { type: 'retry' });
  }

  #retry(): void {
    if (this.#waiting.length === 0) return;
    const queue = this.#waiting;
    const left: number[] = [];
    let failures = 0;
    let i = 0;
    for (; i < queue.length && failures < MOST_FAILURES; i++) {
      const task = queue[i] as number;
      if (this.#place(task)) continue;
      left.push(task);
      failures++;
    }
    this.#waiting = i === queue.length ? left : [...left, ...queue.slice(i)];
  }

  /** `readyMs` is when place and state are there; loading the model or fetching stored state comes on top. */
  #start(task: number, instance: Instance, readyMs: number, fetch: boolean): void {
    const since = this.#waitingSince[task] as number;
    if (since !== -1) {
      this.#waitedMs[task] = (this.#waitedMs[task] as number) + this.#nowMs - since;
      this.#waitingSince[task] = -1;
    }
    const memoryMiB = this.#work.stateMiB[task] as number;
    const loadMs = this.#fleet.occupy(instance, task, memoryMiB, this.#work.model[task] as number, this.#nowMs);
    const fetchMs = fetch ? this.#transferMs(this.#storedMiB[task] as number) : 0;
    this.#storedMiB[task] = 0;
    const startMs = readyMs + Math.max(loadMs, fetchMs);
    this.#startMs[task] = startMs;
    this.#instanceOf[task] = instance.id;
    const epoch = (this.#epoch[task] as number) + 1;
    this.#epoch[task] = epoch;
    this.#events.push(startMs + (this.#leftMs[task] as number), { type: 'finish', task, epoch });
  }

  #finish(task: number): void {
    const instance = this.#fleet.instances.get(this.#instanceOf[task] as number);
    if (instance === undefined) return;
    this.#leave(task, instance, 'done');
    this.#result.completed++;
    this.#result.perTaskUsd += (instance.launchPriceUsd * (this.#nowMs - (this.#startMs[task] as number))) / HOUR_MS;
    this.#flowMs[task] = this.#nowMs - (this.#work.arrivalMs[task] as number);
    this.#result.makespanHours = this.#nowMs / HOUR_MS;
    if (instance.tasks.size === 0 && !instance.closing) {
      const event: Event = { type: 'idle', instance: instance.id, uses: instance.uses };
      this.#events.push(this.#nowMs + this.#options.idleTimeoutMs, event);
    }
    this.#retry();
  }

  #leave(task: number, instance: Instance, end: 'done' | 'interrupted', untilMs = this.#nowMs): void {
    this.#fleet.vacate(instance, task, this.#work.stateMiB[task] as number, this.#nowMs);
    this.#epoch[task] = (this.#epoch[task] as number) + 1;
    this.#instanceOf[task] = -1;
    const fromMs = this.#startMs[task] as number;
    if (untilMs > fromMs) this.#timeline?.tasks.push({ task, instance: instance.id, fromMs, toMs: untilMs, end });
  }

  #notice(instance: Instance | undefined): void {
    if (instance === undefined || instance.ended) return;
    this.#result.interruptions++;
    this.#fleet.close(instance);
    const windowMs = instance.interruptedAtMs - this.#nowMs;
    const tasks = [...instance.tasks].map((id) => {
      const doneMs = Math.max(0, this.#nowMs - (this.#startMs[id] as number));
      const left = this.#leftMs[id] as number;
      const untilDoneMs = (this.#startMs[id] as number) + left - this.#nowMs;
      const before = (this.#work.lengthMs[id] as number) - left;
      return { id, stateMiB: this.#work.stateMiB[id] as number, doneMs: before + doneMs, leftMs: untilDoneMs };
    });
    const plan = planCheckpoints(tasks, {
      windowMs,
      bandwidthMiBps: this.#options.bandwidthMiBps,
      fullShare: this.#options.fullShare,
      partialShare: this.#options.partialShare,
    });
    const moving = plan.filter((decision) => decision.kind !== 'finish');
    this.#result.finishedInNotice += plan.length - moving.length;
    for (const decision of moving) this.#save(decision, instance);
    this.#migrate(moving, instance);
  }

  /** Books what of a task's progress is kept, and takes it off its instance. */
  #save(decision: CheckpointDecision, instance: Instance): void {
    const task = decision.id;
    const length = this.#work.lengthMs[task] as number;
    const before = length - (this.#leftMs[task] as number);
    // State fetched but not yet computed on is still in the store.
    const ran = this.#startMs[task] as number;
    const kept = decision.kind === 'full' || decision.kind === 'partial' ? decision : null;
    const pauseMs = this.#nowMs + (kept?.startMs ?? 0);
    const doneMs = before + Math.max(0, pauseMs - ran);
    const share = kept?.share ?? 0;
    const savedMs = Math.floor(doneMs * share);
    this.#leave(task, instance, 'interrupted', pauseMs);
    this.#leftMs[task] = length - savedMs;
    this.#storedMiB[task] = kept?.sentMiB ?? 0;
    this.#interruptions[task] = Math.min(65_535, (this.#interruptions[task] as number) + 1);
    this.#result.displaced++;
    this.#result.lostHours += (doneMs - savedMs) / HOUR_MS;
    if (decision.kind === 'full') this.#result.fullCheckpoints++;
    else if (decision.kind === 'partial') this.#result.partialCheckpoints++;
    else this.#result.restarts++;
  }

  #migrate(moving: readonly CheckpointDecision[], from: Instance): void {
    const choices = moving.map((decision) => this.#choose(decision.id).kind);
    for (const kind of ['on-demand', 'spot'] as const) {
      const group = moving.filter((_, i) => choices[i] === kind);
      if (group.length > 0) this.#migrateTo(group, from, kind === 'on-demand');
    }
    moving.forEach((decision, i) => {
      if (choices[i] === 'wait') this.#place(decision.id);
    });
  }

  #migrateTo(group: readonly CheckpointDecision[], from: Instance, onDemandOnly: boolean): void {
    const tasks = group.map((decision) => ({
      id: decision.id,
      stateMiB: this.#storedMiB[decision.id] as number,
      memoryMiB: this.#work.stateMiB[decision.id] as number,
      model: this.#work.model[decision.id] as number,
    }));
    const least = Math.min(...tasks.map((task) => task.memoryMiB));
    const model = tasks[0]?.model ?? 0;
    const targets = this.#fleet.candidates(least, model, onDemandOnly, MOST_CANDIDATES).map((instance) => ({
      id: instance.id,
      freeMiB: instance.freeMiB,
      usedMiB: instance.usedMiB,
      bandwidthMiBps: this.#options.bandwidthMiBps,
      readyInMs: Math.max(0, instance.readyMs - this.#nowMs),
      warmModels: instance.warm,
    }));
    const placed = placeDisplaced(tasks, targets, this.#work.models, this.#options.migration);
    group.forEach((decision, i) => {
      const sentMs =
        decision.kind === 'full' || decision.kind === 'partial' ? decision.startMs + decision.transferMs : 0;
      const arrivedMs = this.#nowMs + sentMs;
      const target = targets[placed[i] as number];
      const instance = target === undefined ? undefined : this.#fleet.instances.get(target.id);
      if (instance === undefined) {
        this.#place(decision.id, arrivedMs);
      } else {
        // Straight from node to node only if the new one is up before the old one is gone; else through the store.
        const direct = instance.readyMs <= from.interruptedAtMs;
        if (direct) this.#result.migratedDirectly++;
        this.#start(decision.id, instance, Math.max(arrivedMs, instance.readyMs), !direct);
      }
      if (this.#instanceOf[decision.id] !== -1) {
        this.#result.outageHours += ((this.#startMs[decision.id] as number) - this.#nowMs) / HOUR_MS;
      }
    });
  }

  #reclaim(instance: Instance | undefined): void {
    if (instance === undefined || instance.ended) return;
    // Only what ends in this very millisecond is still on it.
    for (const task of [...instance.tasks]) this.#finish(task);
    this.#fleet.end(instance, this.#nowMs, true);
    this.#retry();
  }

  #transferMs(mib: number): number {
    return Math.ceil((mib / this.#options.bandwidthMiBps) * 1000);
  }
}
