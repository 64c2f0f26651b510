/** What a forecast is made from: pools of a spec or of the user, their price history, on-demand prices. */
import type { PoolSpec } from '../../../core/spec/spec.js';
import type { Session } from '../../aws/session.js';
import { UserError } from '../../user-error.js';
import { poolName, type Unseen } from '../answers.js';
import { readSpotHistory } from '../prices.js';
import { readOnDemand } from '../savings/read.js';
import { forecast } from './forecast.js';
import type { PoolHistory } from './market.js';
import type { Forecast } from './text.js';

export interface Asked {
  readonly nodes: number;
  readonly onDemandBase: number;
  readonly pools: readonly Pick<PoolSpec, 'instanceType' | 'zone'>[];
  readonly days: number;
  readonly historyDays: number;
  readonly runs: number;
  readonly seed: number;
  readonly interruptionsPerHour: number;
  readonly bootMs: number;
  readonly onDemand: ReadonlyMap<string, number>;
}

const DAY_MS = 86_400_000;
const LEAST_SPAN_MS = 60_000;

/** @throws UserError when there is nothing to make one from */
export async function readForecast(
  session: Session,
  asked: Asked,
  onProgress: (done: number, all: number) => void,
): Promise<Forecast> {
  const { pools, nodes, onDemandBase, days, runs, seed, interruptionsPerHour, bootMs } = asked;
  const unseen: Unseen[] = [];
  const toMs = Date.now();
  const wantedMs = toMs - asked.historyDays * DAY_MS;
  const types = [...new Set(pools.map(({ instanceType }) => instanceType))].sort();
  const [spot, onDemand] = await Promise.all([
    readSpotHistory(session, pools, wantedMs, toMs),
    readOnDemand(session, types, asked.onDemand, unseen),
  ]);
  const unpriced: string[] = [];
  const known: (PoolHistory & { readonly type: string })[] = [];
  for (const { instanceType: type, zone } of pools) {
    const name = poolName(type, zone);
    const points = spot.get(name) ?? [];
    if (known.some((pool) => pool.name === name)) continue;
    if (points.length === 0) unpriced.push(name);
    else known.push({ name, type, zone, points, onDemandUsdPerHour: onDemand.get(type) ?? 0 });
  }
  if (known.length === 0) {
    throw new UserError(
      `EC2 in ${session.region} has no spot price of ${unpriced.slice(0, 5).join(', ')}; are type and zone right?`,
    );
  }
  // On-demand nodes are of the first one's type: the cheapest that has a price.
  known.sort((a, b) => (a.onDemandUsdPerHour || 1e9) - (b.onDemandUsdPerHour || 1e9) || (a.name < b.name ? -1 : 1));
  const [first] = known;
  const priced = first !== undefined && first.onDemandUsdPerHour > 0;
  if (onDemandBase > 0 && !priced) {
    const type = types[0] ?? 'm7g.large';
    throw new UserError(
      `The spec keeps ${onDemandBase} on-demand and no on-demand price is known; give it, such as --on-demand-price ${type}=0.1.`,
    );
  }
  const earliestMs = Math.min(...known.flatMap(({ points }) => points[0]?.fromMs ?? toMs));
  const fromMs = Math.min(toMs - LEAST_SPAN_MS, Math.max(wantedMs, earliestMs));
  const policies = await forecast(
    {
      nodes,
      onDemandBase,
      pools: known,
      fromMs,
      toMs,
      durationMs: days * DAY_MS,
      interruptionsPerHour,
      bootMs,
      runs,
      seed,
    },
    onProgress,
  );
  return {
    nodes,
    onDemandBase,
    days,
    runs,
    seed,
    interruptionsPerHour,
    bootMs,
    pools: known.map(({ name }) => name),
    onDemandType: priced ? first.type : null,
    onDemandUsdPerHour: priced ? first.onDemandUsdPerHour : null,
    historyFromMs: fromMs,
    historyToMs: toMs,
    policies,
    unpriced,
    withoutOnDemandPrice: types.filter((type) => !onDemand.has(type)),
    problems: unseen.map(({ what, why }) => `Not seen: ${what}. ${why}`),
  };
}
