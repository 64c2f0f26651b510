import type { ServicePlan, ServicePolicy, ServiceView, ZoneView } from '../../core/policy/service.js';
import { chargedMs } from '../billing.js';
import { rounded } from '../draw.js';
import { firstLine, SimInputError } from '../error.js';
import type { Market, PoolMarket } from '../market/market.js';
import { Lanes } from '../tasks/lanes.js';

/** A service of equal replicas; requests are a fluid, the queue before the replicas is one. */
export interface ServiceOptions {
  readonly durationMs: number;
  readonly replicas: number;
  /** Requests a second that a replica answers. */
  readonly replicaRate: number;
  /** Mean load as a share of what all replicas can do; it swings by +-30% over the day. */
  readonly load: number;
  readonly pendingMs: number;
  /** From running to ready: boot and model. */
  readonly coldStartMs: number;
  /** A lost replica takes no new requests from the notice on. */
  readonly noticeMs: number;
  readonly slowMs: number;
  /** Requests that would wait longer are dropped. */
  readonly timeoutMs: number;
}

export interface ServiceResult {
  costUsd: number;
  spotUsd: number;
  onDemandUsd: number;
  /** Percent of the time with at least the target number of replicas ready. */
  availabilityPercent: number;
  /** Percent of requests. */
  droppedPercent: number;
  slowPercent: number;
  interruptions: number;
  launches: number;
  refused: number;
  meanReady: number;
}

interface Replica {
  readonly pool: number;
  readonly lane: number;
  readonly runFromMs: number;
  readonly readyMs: number;
  readonly interruptedAtMs: number;
}

const STEP_MS = 30_000;
const DAY_MS = 86_400_000;
const LOAD_SWING = 0.3;

export function runService(market: Market, policy: ServicePolicy, options: ServiceOptions): ServiceResult {
  return new Service(market, policy, options).run();
}

class Service {
  readonly #pools: readonly PoolMarket[];
  readonly #policy: ServicePolicy;
  readonly #options: ServiceOptions;
  readonly #lanes: Lanes[];
  readonly #spot: Replica[][];
  readonly #lost: number[];
  readonly #refused: number[];
  #onDemand: Replica[] = [];
  #queue = 0;
  readonly #result: ServiceResult = {
    costUsd: 0,
    spotUsd: 0,
    onDemandUsd: 0,
    availabilityPercent: 0,
    droppedPercent: 0,
    slowPercent: 0,
    interruptions: 0,
    launches: 0,
    refused: 0,
    meanReady: 0,
  };

  constructor(market: Market, policy: ServicePolicy, options: ServiceOptions) {
    this.#pools = market.pools;
    this.#policy = policy;
    this.#options = options;
    this.#lanes = market.pools.map((pool) => new Lanes(pool));
    this.#spot = market.pools.map(() => []);
    this.#lost = market.pools.map(() => 0);
    this.#refused = market.pools.map(() => 0);
  }

  run(): ServiceResult {
    const o = this.#options;
    const result = this.#result;
    // The service is measured once its first replicas had time to start.
    const warmUpMs = 2 * (o.pendingMs + o.coldStartMs);
    let [asked, dropped, slow, upMs, measuredMs, readySum] = [0, 0, 0, 0, 0, 0];
    for (let nowMs = 0; nowMs < o.durationMs; nowMs += STEP_MS) {
      this.#reclaim(nowMs);
      this.#obey(nowMs);
      if (nowMs < warmUpMs) continue;
      const ready = this.#serving(nowMs);
      const step = this.#serve(nowMs, ready);
      asked += step.asked;
      dropped += step.dropped;
      slow += step.slow;
      measuredMs += STEP_MS;
      readySum += ready * STEP_MS;
      if (ready >= o.replicas) upMs += STEP_MS;
    }
    this.#spot.forEach((replicas, pool) => {
      for (const replica of replicas) this.#end(replica, pool, o.durationMs, false);
    });
    for (const replica of this.#onDemand) this.#end(replica, -1, o.durationMs, false);
    result.availabilityPercent = measuredMs === 0 ? 0 : (100 * upMs) / measuredMs;
    result.droppedPercent = asked === 0 ? 0 : (100 * dropped) / asked;
    result.slowPercent = asked === 0 ? 0 : (100 * slow) / asked;
    result.meanReady = measuredMs === 0 ? 0 : readySum / measuredMs;
    return result;
  }

  /** Requests of one step: the queue grows by what exceeds capacity; what would wait past the time-out is dropped. */
  #serve(nowMs: number, ready: number): { asked: number; dropped: number; slow: number } {
    const o = this.#options;
    const seconds = STEP_MS / 1000;
    const swing = 1 + LOAD_SWING * rounded(Math.sin((2 * Math.PI * nowMs) / DAY_MS));
    const asked = o.load * o.replicas * o.replicaRate * swing * seconds;
    const rate = ready * o.replicaRate;
    const waitBeforeMs = rate === 0 ? Number.POSITIVE_INFINITY : (this.#queue / rate) * 1000;
    const open = this.#queue + asked;
    const answered = Math.min(open, rate * seconds);
    const bound = (rate * o.timeoutMs) / 1000;
    const left = open - answered;
    const dropped = Math.max(0, left - bound);
    this.#queue = left - dropped;
    const waitAfterMs = rate === 0 ? Number.POSITIVE_INFINITY : (this.#queue / rate) * 1000;
    const isSlow = (waitBeforeMs === Number.POSITIVE_INFINITY ? 0 : waitBeforeMs + waitAfterMs) / 2 > o.slowMs;
    return { asked, dropped, slow: isSlow ? Math.max(0, asked - dropped) : 0 };
  }

  #serving(nowMs: number): number {
    const o = this.#options;
    const takes = (r: Replica): boolean => r.readyMs <= nowMs && r.interruptedAtMs - o.noticeMs > nowMs;
    let ready = this.#onDemand.filter(takes).length;
    for (const replicas of this.#spot) ready += replicas.filter(takes).length;
    return ready;
  }

  #reclaim(nowMs: number): void {
    this.#spot.forEach((replicas, pool) => {
      for (const replica of replicas.filter((r) => r.interruptedAtMs <= nowMs)) {
        this.#end(replica, pool, replica.interruptedAtMs, true);
        this.#result.interruptions++;
      }
      this.#spot[pool] = replicas.filter((r) => r.interruptedAtMs > nowMs);
      // The policy hears of a loss at the notice, so it counts from there.
      const noticed = (r: Replica): boolean => {
        const atMs = r.interruptedAtMs - this.#options.noticeMs;
        return atMs <= nowMs && atMs > nowMs - STEP_MS;
      };
      this.#lost[pool] = (this.#lost[pool] as number) + replicas.filter(noticed).length;
    });
  }

  #obey(nowMs: number): void {
    const plan = checked(this.#policy, this.#view(nowMs));
    this.#lost.fill(0);
    this.#refused.fill(0);
    plan.spot.forEach((wanted, pool) => {
      const replicas = this.#spot[pool] as Replica[];
      const staying = replicas.filter((r) => r.interruptedAtMs - this.#options.noticeMs > nowMs);
      // The youngest go first: they are the ones not ready yet.
      for (const replica of staying.slice(wanted)) {
        this.#end(replica, pool, nowMs, false);
        replicas.splice(replicas.indexOf(replica), 1);
      }
      for (let i = staying.length; i < wanted; i++) {
        const taken = (this.#lanes[pool] as Lanes).take(nowMs);
        if (taken === null) {
          this.#refused[pool] = (this.#refused[pool] as number) + 1;
          this.#result.refused++;
          break;
        }
        replicas.push(this.#replica(pool, taken.lane, nowMs, taken.interruptedAtMs));
      }
    });
    while (this.#onDemand.length > plan.onDemand) this.#end(this.#onDemand.pop() as Replica, -1, nowMs, false);
    while (this.#onDemand.length < plan.onDemand) {
      this.#onDemand.push(this.#replica(0, -1, nowMs, Number.POSITIVE_INFINITY));
    }
  }

  #replica(pool: number, lane: number, nowMs: number, interruptedAtMs: number): Replica {
    this.#result.launches++;
    const runFromMs = nowMs + this.#options.pendingMs;
    return { pool, lane, runFromMs, readyMs: runFromMs + this.#options.coldStartMs, interruptedAtMs };
  }

  #end(replica: Replica, pool: number, nowMs: number, interruptedByAws: boolean): void {
    const spot = pool !== -1;
    if (spot) (this.#lanes[pool] as Lanes).release(replica.lane);
    const charged = chargedMs({ runningMs: nowMs - replica.runFromMs, spot, interruptedByAws });
    const market = this.#pools[replica.pool] as PoolMarket;
    const cost = spot
      ? market.spend(replica.runFromMs, replica.runFromMs + charged)
      : (charged / 3_600_000) * market.onDemandUsdPerHour;
    this.#result.costUsd += cost;
    if (spot) this.#result.spotUsd += cost;
    else this.#result.onDemandUsd += cost;
  }

  #view(nowMs: number): ServiceView {
    const count = (replicas: readonly Replica[]): { starting: number; ready: number } => {
      const staying = replicas.filter((r) => r.interruptedAtMs - this.#options.noticeMs > nowMs);
      const ready = staying.filter((r) => r.readyMs <= nowMs).length;
      return { starting: staying.length - ready, ready };
    };
    const zones: ZoneView[] = this.#pools.map((pool, i) => ({
      name: pool.name,
      spotUsdPerHour: pool.priceAt(nowMs),
      ...count(this.#spot[i] as Replica[]),
      lost: this.#lost[i] as number,
      refused: this.#refused[i] as number,
    }));
    const onDemandUsdPerHour = this.#pools[0]?.onDemandUsdPerHour ?? 0;
    return { nowMs, target: this.#options.replicas, zones, onDemand: count(this.#onDemand), onDemandUsdPerHour };
  }
}

function checked(policy: ServicePolicy, view: ServiceView): ServicePlan {
  let plan: unknown;
  try {
    plan = policy.plan(view);
  } catch (error) {
    throw new SimInputError(`policy ${policy.name} threw: ${firstLine(error)}`);
  }
  const { spot, onDemand } = (typeof plan === 'object' && plan !== null ? plan : {}) as Record<string, unknown>;
  const isCount = (n: unknown): boolean => typeof n === 'number' && Number.isInteger(n) && n >= 0 && n <= 100_000;
  if (Array.isArray(spot) && spot.length === view.zones.length && spot.every(isCount) && isCount(onDemand)) {
    return plan as ServicePlan;
  }
  throw new SimInputError(
    `policy ${policy.name} returned ${JSON.stringify(plan)?.slice(0, 100)}; expected {spot: [a whole number for each ` +
      `of ${view.zones.length} zones], onDemand: a whole number}`,
  );
}
