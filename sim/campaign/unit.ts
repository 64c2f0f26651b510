import { PlanCache } from '../../core/policy/deadline/adaptive.js';
import { seededRng } from '../../core/rng.js';
import { omniscient } from '../deadline/omniscient.js';
import { cutWindow, type DeadlineJob, type DeadlineSegment, runJob, windowTicks } from '../deadline/run.js';
import { END_OF_TIME_MS, type Market } from '../market/market.js';
import { recordedMarket } from '../market/recorded.js';
import { syntheticMarket } from '../market/synthetic.js';
import type { Trace } from '../market/trace.js';
import { runService } from '../service/run.js';
import { runTasks } from '../tasks/engine.js';
import type { Timeline } from '../tasks/result.js';
import { generateWorkload } from '../tasks/workload.js';
import type { SimulateOptions } from './options.js';
import { type CustomPolicy, deadlinePolicy, servicePolicy, taskPolicy } from './policies.js';

/** One run: all policies meet the same market. What comes out depends on the options and the index alone. */
export interface UnitResult {
  readonly index: number;
  /** By policy, in the options' order. */
  readonly metrics: readonly Readonly<Record<string, number>>[];
  readonly picture: Picture | null;
}

/** What happened in one run, for the report. */
export interface Picture {
  readonly prices: readonly PoolPicture[];
  readonly timelines: readonly { readonly policy: string; readonly timeline: Timeline }[];
  readonly jobs: readonly { readonly policy: string; readonly segments: readonly DeadlineSegment[] }[];
  /** The first trace's capacity in a job's picture, by tick. */
  readonly capacity: { readonly tickMs: number; readonly zones: readonly (readonly number[])[] } | null;
}

export interface PoolPicture {
  readonly pool: string;
  readonly stepMs: number;
  readonly usdPerHour: readonly number[];
  /** Interruptions an hour; null for recordings. */
  readonly hazard: readonly (number | null)[];
}

const HOUR_MS = 3_600_000;
const MIB_PER_GBIT = 1e9 / 8 / 2 ** 20;

/** Groups of a job's runs: one a trace, or all zones together. */
export function jobGroups(o: SimulateOptions): readonly (readonly Trace[])[] {
  return o.allZones ? [o.traces] : o.traces.map((trace) => [trace]);
}

export const groupName = (group: readonly Trace[]): string =>
  group.length === 1 ? (group[0]?.name ?? '') : `${group.length} zones`;

export function unitCount(o: SimulateOptions): number {
  return o.workload === 'job' ? jobGroups(o).length * o.runs : o.runs;
}

export class UnitRunner {
  readonly #options: SimulateOptions;
  readonly #custom: CustomPolicy | null;
  readonly #plans = new PlanCache();

  constructor(options: SimulateOptions, custom: CustomPolicy | null) {
    this.#options = options;
    this.#custom = custom;
  }

  run(index: number): UnitResult {
    const drawn = this.#options.withTimeline && index === 0;
    switch (this.#options.workload) {
      case 'tasks':
        return this.#tasks(index, drawn);
      case 'job':
        return this.#job(index, drawn);
      case 'service':
        return this.#service(index, drawn);
    }
  }

  #market(index: number): Market {
    const o = this.#options;
    const seed = `${o.seed}:${index}`;
    const first = o.traces[0];
    if (first !== undefined) {
      const startTick = Math.floor(seededRng(`${seed}:start`).next() * first.data.length);
      return recordedMarket({
        traces: o.traces,
        startTick,
        onDemandUsdPerHour: o.onDemandPrice,
        spotUsdPerHour: o.spotPrice,
        capacity: o.traceCapacity,
      });
    }
    return syntheticMarket({
      seed,
      zones: o.zones,
      types: o.types,
      onDemandUsdPerHour: o.onDemandPrice,
      spotUsdPerHour: o.spotPrice,
      interruptionsPerHour: o.preemptionRate,
      kind: o.market,
      volatility: o.volatility,
      hazardVolatility: o.hazardVolatility,
      reversionPerHour: 0.5,
      dailyAmplitude: 0.1,
      zoneCorrelation: 0.6,
    });
  }

  #tasks(index: number, drawn: boolean): UnitResult {
    const o = this.#options;
    const market = this.#market(index);
    const workload = generateWorkload({
      seed: `${o.seed}:${index}`,
      tasks: o.tasks,
      durationMs: o.duration * HOUR_MS,
      minLengthMs: o.minHours * HOUR_MS,
      maxLengthMs: o.maxHours * HOUR_MS,
      model: o.model,
      models: o.models,
      modelLoadMs: o.modelLoadSeconds * 1000,
    });
    const timelines: { policy: string; timeline: Timeline }[] = [];
    const metrics = o.policies.map((name) => {
      const { policy, migration } = taskPolicy(name, o, this.#custom);
      const { result, timeline } = runTasks(market, workload, policy, {
        memoryMiB: o.gpuMemoryGiB * 1024,
        pendingMs: o.pendingSeconds * 1000,
        bootMs: o.bootSeconds * 1000,
        bandwidthMiBps: o.bandwidthGbps * MIB_PER_GBIT,
        noticeMs: o.noticeSeconds * 1000,
        fullShare: o.fullShare,
        partialShare: o.partialShare,
        idleTimeoutMs: o.idleSeconds * 1000,
        migration,
        endMs: Math.min(END_OF_TIME_MS, (o.duration + o.maxHours) * 10 * HOUR_MS),
        withTimeline: drawn,
      });
      if (timeline !== null) timelines.push({ policy: name, timeline });
      if (o.billing === 'lifetime') return { ...result };
      return { ...result, costUsd: result.perTaskUsd, lifetimeUsd: result.costUsd };
    });
    const picture = drawn ? { prices: pricePictures(market, o.duration), timelines, jobs: [], capacity: null } : null;
    return { index, metrics, picture };
  }

  #job(index: number, drawn: boolean): UnitResult {
    const o = this.#options;
    const group = jobGroups(o)[Math.floor(index / o.runs)] ?? [];
    const job: DeadlineJob = {
      workMs: Math.round(o.workHours * HOUR_MS),
      deadlineMs: Math.round(o.deadlineHours * HOUR_MS),
      changeoverMs: Math.round(o.changeoverHours * HOUR_MS),
      priceRatio: o.onDemandPrice / Math.max(o.spotPrice, 1e-9),
    };
    const ticks = windowTicks(job, group[0]?.gapMs ?? 1);
    const room = Math.min(...group.map((trace) => trace.data.length)) - ticks;
    const start = startTick(o, group, index % o.runs, room);
    const window = cutWindow(group, start, ticks);
    const jobs: { policy: string; segments: DeadlineSegment[] }[] = [];
    const metrics = o.policies.map((name) => {
      const policy = deadlinePolicy(name, o, this.#custom, this.#plans);
      const segments: DeadlineSegment[] = [];
      const result =
        policy === null ? omniscient(job, window) : runJob(job, window, policy, drawn ? segments : undefined);
      if (drawn && policy !== null) jobs.push({ policy: name, segments });
      const bound = { costUsd: result.cost * o.spotPrice, missed: result.missed ? 1 : 0 };
      if (policy === null) return bound;
      return {
        ...bound,
        spotHours: result.spotMs / HOUR_MS,
        onDemandHours: result.onDemandMs / HOUR_MS,
        changeovers: result.changeovers,
        interruptions: result.interruptions,
        finishedHours: result.finishedMs / HOUR_MS,
      };
    });
    const capacity = { tickMs: window.tickMs, zones: window.zones.map((zone) => Array.from(zone)) };
    return { index, metrics, picture: drawn ? { prices: [], timelines: [], jobs, capacity } : null };
  }

  #service(index: number, drawn: boolean): UnitResult {
    const o = this.#options;
    const market = this.#market(index);
    const metrics = o.policies.map((name) => {
      const result = runService(market, servicePolicy(name, o, this.#custom), {
        durationMs: o.duration * HOUR_MS,
        replicas: o.replicas,
        replicaRate: o.replicaRate,
        load: o.load,
        pendingMs: o.pendingSeconds * 1000,
        coldStartMs: (o.bootSeconds + o.modelLoadSeconds) * 1000,
        noticeMs: o.noticeSeconds * 1000,
        slowMs: o.slowSeconds * 1000,
        timeoutMs: o.timeoutSeconds * 1000,
      });
      return { ...result };
    });
    const prices = drawn ? pricePictures(market, o.duration) : [];
    return { index, metrics, picture: drawn ? { prices, timelines: [], jobs: [], capacity: null } : null };
  }
}

/**
 * A random start in each of as many equal parts of the trace as there are runs (stratified sampling): every stretch of a
 * trace counts alike, where starts drawn one by one would leave the mean of few runs to chance.
 */
function startTick(o: SimulateOptions, group: readonly Trace[], run: number, room: number): number {
  const within = seededRng(`${o.seed}:${groupName(group)}:${run}`).next();
  return Math.min(room, Math.floor(((run + within) / o.runs) * (room + 1)));
}

/** A point for each hour, or fewer in long runs. */
function pricePictures(market: Market, hours: number): PoolPicture[] {
  const points = Math.min(500, Math.max(2, Math.ceil(hours * 2)));
  const stepMs = (hours * HOUR_MS) / points;
  const times = Array.from({ length: points }, (_, i) => i * stepMs);
  return market.pools.map((pool) => ({
    pool: pool.name,
    stepMs,
    usdPerHour: times.map((ms) => pool.priceAt(ms)),
    hazard: times.map((ms) => pool.hazardAt(ms) ?? (pool.isUp(0, ms) ? 0 : 1)),
  }));
}
