import type { ModelFacts } from '../../core/placement/migrate.js';
import type { PoolView } from '../../core/policy/task.js';
import { chargedMs, isForgiven } from '../billing.js';
import type { Market, PoolMarket } from '../market/market.js';
import { FitTree } from './fit-tree.js';
import { Lanes } from './lanes.js';
import type { TaskResult, Timeline } from './result.js';

export type Kind = 'spot' | 'on-demand';

export interface Instance {
  readonly id: number;
  readonly slot: number;
  readonly kind: Kind;
  readonly pool: number;
  /** -1 for on-demand. */
  readonly lane: number;
  readonly launchPriceUsd: number;
  /** Running (and billed) from here; ready to compute from `readyMs` on. */
  readonly runFromMs: number;
  readonly readyMs: number;
  /** Infinity also as long as it isn't known. */
  interruptedAtMs: number;
  freeMiB: number;
  usedMiB: number;
  warm: number;
  readonly tasks: Set<number>;
  /** Under notice: takes no tasks any more. */
  closing: boolean;
  ended: boolean;
  idleSinceMs: number;
  idleUsd: number;
  /** Grows with each use, so that an old idle timer is known. */
  uses: number;
}

export interface FleetOptions {
  readonly memoryMiB: number;
  readonly pendingMs: number;
  readonly bootMs: number;
}

const KINDS: readonly Kind[] = ['spot', 'on-demand'];

/** Instances, where there is room, and what they cost. */
export class Fleet {
  readonly instances = new Map<number, Instance>();
  readonly live: Record<Kind, number> = { spot: 0, 'on-demand': 0 };
  readonly #market: Market;
  readonly #models: readonly ModelFacts[];
  readonly #options: FleetOptions;
  readonly #result: TaskResult;
  readonly #timeline: Timeline | null;
  readonly #lanes: Lanes[];
  readonly #perPool: number[];
  /** By kind and model: room for a task of that model, its weights counted unless they are loaded. */
  readonly #room: Record<Kind, FitTree[]>;
  readonly #bySlot: (Instance | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  #nextId = 0;

  constructor(
    market: Market,
    models: readonly ModelFacts[],
    options: FleetOptions,
    result: TaskResult,
    timeline: Timeline | null,
  ) {
    this.#market = market;
    this.#models = models;
    this.#options = options;
    this.#result = result;
    this.#timeline = timeline;
    this.#lanes = market.pools.map((pool) => new Lanes(pool));
    this.#perPool = market.pools.map(() => 0);
    this.#room = { spot: models.map(() => new FitTree()), 'on-demand': models.map(() => new FitTree()) };
  }

  poolViews(nowMs: number): PoolView[] {
    return this.#market.pools.map((pool, i) => ({
      name: pool.name,
      zone: pool.zone,
      spotUsdPerHour: pool.priceAt(nowMs),
      available: (this.#lanes[i] as Lanes).isAvailable(nowMs),
      instances: this.#perPool[i] as number,
    }));
  }

  /** The first instance in slot order that has room; of on-demand ones only when asked so. */
  find(memoryMiB: number, model: number, onDemandOnly: boolean): Instance | null {
    const onDemand = this.#room['on-demand'][model]?.first(memoryMiB) ?? -1;
    const spot = onDemandOnly ? -1 : (this.#room.spot[model]?.first(memoryMiB) ?? -1);
    if (onDemand === -1 && spot === -1) return null;
    const slot = onDemand === -1 ? spot : spot === -1 ? onDemand : Math.min(spot, onDemand);
    return this.#bySlot[slot] ?? null;
  }

  /** Up to `most` instances with room, in slot order. */
  candidates(memoryMiB: number, model: number, onDemandOnly: boolean, most: number): Instance[] {
    const found: Instance[] = [];
    for (const kind of onDemandOnly ? (['on-demand'] as const) : KINDS) {
      const tree = this.#room[kind][model];
      let slot = tree?.first(memoryMiB) ?? -1;
      for (let i = 0; i < most && slot !== -1; i++) {
        const instance = this.#bySlot[slot];
        if (instance !== undefined) found.push(instance);
        slot = tree?.first(memoryMiB, slot + 1) ?? -1;
      }
    }
    return found.sort((a, b) => a.slot - b.slot).slice(0, most);
  }

  /** Null when that pool has no spot capacity. */
  launch(kind: Kind, pool: number, model: number, nowMs: number): Instance | null {
    const market = this.#market.pools[pool] as PoolMarket;
    const lane = kind === 'spot' ? (this.#lanes[pool] as Lanes).claim(nowMs) : -1;
    if (kind === 'spot' && lane === -1) return null;
    const facts = this.#models[model] as ModelFacts;
    const runFromMs = nowMs + this.#options.pendingMs;
    const slot = this.#freeSlots.pop() ?? this.#bySlot.length;
    const instance: Instance = {
      id: this.#nextId++,
      slot,
      kind,
      pool,
      lane,
      launchPriceUsd: kind === 'spot' ? market.priceAt(nowMs) : market.onDemandUsdPerHour,
      runFromMs,
      readyMs: runFromMs + this.#options.bootMs + facts.loadMs,
      interruptedAtMs: Number.POSITIVE_INFINITY,
      freeMiB: this.#options.memoryMiB - facts.weightsMiB,
      usedMiB: facts.weightsMiB,
      warm: 1 << model,
      tasks: new Set(),
      closing: false,
      ended: false,
      idleSinceMs: -1,
      idleUsd: 0,
      uses: 0,
    };
    this.#bySlot[slot] = instance;
    this.instances.set(instance.id, instance);
    this.live[kind]++;
    this.#perPool[pool] = (this.#perPool[pool] as number) + 1;
    this.#result.instances++;
    if (kind === 'on-demand') this.#result.onDemandInstances++;
    this.#index(instance);
    return instance;
  }

  /** Whether it is known when the instance, launched at `launchedMs`, is reclaimed; false: not before `untilMs`. */
  foresee(instance: Instance, launchedMs: number, untilMs: number): boolean {
    if (instance.lane === -1) return true;
    const fate = (this.#lanes[instance.pool] as Lanes).fateOf(instance.lane);
    if (fate.isSafeUntil?.(launchedMs, untilMs) === true) return false;
    instance.interruptedAtMs = fate.interruptionAfter(launchedMs);
    return true;
  }

  /** Returns the time that loading the task's model takes, in ms. */
  occupy(instance: Instance, task: number, memoryMiB: number, model: number, nowMs: number): number {
    let loadMs = 0;
    if ((instance.warm & (1 << model)) === 0) {
      const facts = this.#models[model] as ModelFacts;
      instance.warm |= 1 << model;
      instance.freeMiB -= facts.weightsMiB;
      instance.usedMiB += facts.weightsMiB;
      loadMs = facts.loadMs;
    }
    if (instance.tasks.size === 0) this.#endIdle(instance, nowMs);
    instance.tasks.add(task);
    instance.freeMiB -= memoryMiB;
    instance.usedMiB += memoryMiB;
    instance.uses++;
    this.#index(instance);
    return loadMs;
  }

  vacate(instance: Instance, task: number, memoryMiB: number, nowMs: number): void {
    instance.tasks.delete(task);
    instance.freeMiB += memoryMiB;
    instance.usedMiB -= memoryMiB;
    instance.uses++;
    if (instance.tasks.size === 0) instance.idleSinceMs = Math.max(nowMs, instance.readyMs);
    this.#index(instance);
  }

  close(instance: Instance): void {
    instance.closing = true;
    this.#index(instance);
  }

  end(instance: Instance, nowMs: number, interrupted: boolean): void {
    if (instance.ended) return;
    this.#endIdle(instance, nowMs);
    instance.ended = true;
    this.#index(instance);
    this.#bySlot[instance.slot] = undefined;
    this.#freeSlots.push(instance.slot);
    this.instances.delete(instance.id);
    this.live[instance.kind]--;
    this.#perPool[instance.pool] = (this.#perPool[instance.pool] as number) - 1;
    if (instance.lane !== -1) (this.#lanes[instance.pool] as Lanes).release(instance.lane);
    this.#bill(instance, nowMs, interrupted);
    this.#timeline?.instances.push({
      id: instance.id,
      kind: instance.kind,
      pool: (this.#market.pools[instance.pool] as PoolMarket).name,
      fromMs: instance.runFromMs,
      readyMs: Math.min(instance.readyMs, nowMs),
      toMs: nowMs,
      interrupted,
    });
  }

  #bill(instance: Instance, nowMs: number, interrupted: boolean): void {
    const runningMs = nowMs - instance.runFromMs;
    const life = { runningMs, spot: instance.kind === 'spot', interruptedByAws: interrupted };
    if (isForgiven(life)) {
      this.#result.forgivenUsd += this.#spend(instance, instance.runFromMs, Math.max(nowMs, instance.runFromMs));
      return;
    }
    const endMs = instance.runFromMs + chargedMs(life);
    const cost = this.#spend(instance, instance.runFromMs, endMs);
    const boot = this.#spend(instance, instance.runFromMs, Math.min(endMs, instance.readyMs));
    const idle = Math.min(instance.idleUsd, cost - boot);
    this.#result.costUsd += cost;
    if (instance.kind === 'spot') this.#result.spotUsd += cost;
    else this.#result.onDemandUsd += cost;
    this.#result.bootUsd += boot;
    this.#result.idleUsd += idle;
    this.#result.busyUsd += cost - boot - idle;
  }

  #spend(instance: Instance, fromMs: number, toMs: number): number {
    const pool = this.#market.pools[instance.pool] as PoolMarket;
    if (instance.kind === 'spot') return pool.spend(fromMs, toMs);
    return ((toMs - fromMs) / 3_600_000) * pool.onDemandUsdPerHour;
  }

  #endIdle(instance: Instance, nowMs: number): void {
    if (instance.idleSinceMs !== -1 && nowMs > instance.idleSinceMs) {
      instance.idleUsd += this.#spend(instance, instance.idleSinceMs, nowMs);
    }
    instance.idleSinceMs = -1;
  }

  #index(instance: Instance): void {
    const open = !instance.closing && !instance.ended;
    this.#models.forEach((facts, m) => {
      const weights = (instance.warm & (1 << m)) === 0 ? facts.weightsMiB : 0;
      this.#room[instance.kind][m]?.set(instance.slot, open ? instance.freeMiB - weights : -1);
    });
  }
}
