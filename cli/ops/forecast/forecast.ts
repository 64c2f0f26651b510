/** The simulator's service of N nodes on a market of recorded prices: what each policy would cost, with an interval. */
import {
  evenSpread,
  onDemandService,
  type ServicePolicy,
  singleZone,
  spotHedge,
} from '../../../core/policy/service.js';
import { type Estimate, estimate } from '../../../sim/campaign/stats.js';
import { runService } from '../../../sim/service/run.js';
import { historyMarket, type PoolHistory } from './market.js';

export interface ForecastOptions {
  readonly nodes: number;
  /** Of them always on-demand. */
  readonly onDemandBase: number;
  /** Each with a price at least; the one whose type is cheapest on-demand first. */
  readonly pools: readonly PoolHistory[];
  /** The history that there is. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly durationMs: number;
  readonly interruptionsPerHour: number;
  /** From a launch to a node that serves. */
  readonly bootMs: number;
  readonly runs: number;
  readonly seed: number;
}

export interface PolicyForecast {
  readonly policy: PolicyName;
  readonly costUsd: Estimate;
  /** Of what all on-demand costs; null: that isn't known. */
  readonly savedPercent: Estimate | null;
  readonly interruptions: Estimate;
  /** Percent of the time with all nodes serving. */
  readonly availablePercent: Estimate;
}

/**
 * - on-demand: all on-demand, of the cheapest type
 * - spec: as Synkti does it: the base on-demand, the others on spot, each launched where it is cheapest at that moment
 * - one-pool: all on spot, in the pool that is cheapest at the start
 * - even: as many in each pool, of many pools in the cheapest
 * - spare: one spot node more than needed, spread, and on-demand for what isn't ready
 */
export type PolicyName = 'on-demand' | 'spec' | 'one-pool' | 'even' | 'spare';

/** EC2's notice; pending time as the simulator has it. */
const NOTICE_MS = 120_000;
const PENDING_MS = 16_000;

export async function forecast(
  options: ForecastOptions,
  onProgress: (done: number, all: number) => void = () => {},
): Promise<PolicyForecast[]> {
  const { runs, nodes, pools } = options;
  const priced = (pools[0]?.onDemandUsdPerHour ?? 0) > 0;
  const policies = POLICIES.filter(({ onDemand }) => priced || !onDemand(options));
  const found = policies.map(({ name }) => ({ name, cost: [] as number[], cut: [] as number[], up: [] as number[] }));
  const markets = policies.map((candidate) => candidate.pools(options));
  for (let run = 0; run < runs; run++) {
    // Starts spread over the history: as many equal parts as runs, one in the middle of each.
    const startShare = (run + 0.5) / runs;
    const seed = `${options.seed}:${run}`;
    for (const [i, { make }] of policies.entries()) {
      const market = historyMarket({ ...options, pools: markets[i] ?? pools, seed, startShare });
      const result = runService(market, make(options), {
        durationMs: options.durationMs,
        replicas: nodes,
        pendingMs: PENDING_MS,
        coldStartMs: Math.max(0, options.bootMs - PENDING_MS),
        noticeMs: NOTICE_MS,
        ...NO_TRAFFIC,
      });
      found[i]?.cost.push(result.costUsd);
      found[i]?.cut.push(result.interruptions);
      found[i]?.up.push(result.availabilityPercent);
      onProgress(run * policies.length + i + 1, runs * policies.length);
      // Lets Ctrl-C through.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const baseline = found.find(({ name }) => name === 'on-demand')?.cost ?? null;
  return found.map(({ name, cost, cut, up }) => ({
    policy: name,
    costUsd: estimate(cost),
    savedPercent: baseline === null ? null : estimate(cost.map((usd, run) => 100 * (1 - usd / (baseline[run] ?? usd)))),
    interruptions: estimate(cut),
    availablePercent: estimate(up),
  }));
}

/** Nodes cost the same whether they are asked anything or not. */
const NO_TRAFFIC = { replicaRate: 1, load: 0, slowMs: 1_000, timeoutMs: 1_000 };

interface Candidate {
  readonly name: PolicyName;
  readonly make: (options: ForecastOptions) => ServicePolicy;
  /** Those that it may use: the time that a run takes grows with them. On-demand nodes are of the first one's type. */
  readonly pools: (options: ForecastOptions) => readonly PoolHistory[];
  /** Whether it launches anything on-demand. */
  readonly onDemand: (options: ForecastOptions) => boolean;
}

const POLICIES: readonly Candidate[] = [
  { name: 'on-demand', make: onDemandService, pools: ({ pools }) => pools.slice(0, 1), onDemand: () => true },
  {
    name: 'spec',
    make: ({ onDemandBase }) => cheapestAtLaunch(onDemandBase),
    pools: (options) => withFirst(options, everCheapest(options)),
    onDemand: ({ onDemandBase }) => onDemandBase > 0,
  },
  { name: 'one-pool', make: singleZone, pools: everCheapest, onDemand: () => false },
  { name: 'even', make: evenSpread, pools: (options) => cheapestOf(options, options.nodes), onDemand: () => false },
  {
    name: 'spare',
    make: () => spotHedge(1),
    pools: (options) => withFirst(options, cheapestOf(options, options.nodes + 1)),
    onDemand: () => true,
  },
];

/** Nodes are spread over no more pools than these. */
const MOST_SPREAD = 16;

const withFirst = ({ pools }: ForecastOptions, chosen: readonly PoolHistory[]): readonly PoolHistory[] => [
  ...pools.slice(0, 1),
  ...chosen.filter((pool) => pool !== pools[0]),
];

/** By their mean price. */
function cheapestOf(options: ForecastOptions, count: number): readonly PoolHistory[] {
  const { pools } = historyMarket({ ...options, seed: '', startShare: 0 });
  const spanMs = options.toMs - options.fromMs;
  return options.pools
    .map((pool, i) => ({ pool, usd: pools[i]?.spend(0, spanMs) ?? 0 }))
    .sort((a, b) => a.usd - b.usd || (a.pool.name < b.pool.name ? -1 : 1))
    .slice(0, Math.min(count, MOST_SPREAD))
    .map(({ pool }) => pool);
}

/** Those that have the lowest price at some moment: a price changes only where a point stands. */
function everCheapest(options: ForecastOptions): readonly PoolHistory[] {
  const market = historyMarket({ ...options, seed: '', startShare: 0 });
  const spanMs = options.toMs - options.fromMs;
  const moments = new Set([0]);
  for (const { points } of options.pools) {
    for (const { fromMs } of points) {
      const at = fromMs - options.fromMs;
      if (at > 0 && at < spanMs) moments.add(at);
    }
  }
  const chosen = new Set<number>();
  for (const at of moments) {
    const prices = market.pools.map((pool) => pool.priceAt(at));
    chosen.add(prices.indexOf(Math.min(...prices)));
  }
  return options.pools.filter((_, i) => chosen.has(i));
}

/** Nodes stay where they are; a new one goes where it is cheapest now. */
function cheapestAtLaunch(base: number): ServicePolicy {
  return {
    name: 'spec',
    plan: ({ target, zones }) => {
      const onDemand = Math.min(base, target);
      const spot = zones.map(({ starting, ready }) => starting + ready);
      let best = 0;
      zones.forEach(({ spotUsdPerHour }, i) => {
        if (spotUsdPerHour < (zones[best]?.spotUsdPerHour ?? 0)) best = i;
      });
      const missing = target - onDemand - spot.reduce((sum, n) => sum + n, 0);
      return { spot: spot.map((n, i) => n + (i === best ? Math.max(0, missing) : 0)), onDemand };
    },
  };
}
