/**
 * What capacity cost, and when. Spot prices are EC2's own history, 90 days of it; on-demand prices aren't to be had from
 * EC2, so they come from a file, and what needs them is left out without one.
 */
import { readFileSync } from 'node:fs';
import { type _InstanceType, DescribeSpotPriceHistoryCommand } from '@aws-sdk/client-ec2';
import type { Session } from '../aws/session.js';
import { messageOf, UserError } from '../user-error.js';
import { poolName } from './answers.js';

export interface PricePoint {
  readonly fromMs: number;
  readonly usdPerHour: number;
}

export interface PriceBook {
  /** By {@link poolName}, in order of time. */
  readonly spot: ReadonlyMap<string, readonly PricePoint[]>;
  /** By instance type. */
  readonly onDemand: ReadonlyMap<string, number>;
}

export const NO_PRICES: PriceBook = { spot: new Map(), onDemand: new Map() };

const HOUR_MS = 3_600_000;
const PRODUCT = 'Linux/UNIX';
const PAGE = 1_000;
const MAX_PAGES = 50;
/** EC2 keeps no older prices. */
const HISTORY_MS = 90 * 24 * HOUR_MS;

/** The spot prices of these pools over a time, each pool's first point at or before its start. */
export async function readSpotHistory(
  session: Session,
  pools: readonly { readonly instanceType: string; readonly zone: string }[],
  fromMs: number,
  toMs: number,
): Promise<Map<string, PricePoint[]>> {
  const history = new Map<string, PricePoint[]>();
  if (pools.length === 0) return history;
  const ec2 = await session.client('ec2');
  let NextToken: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await ec2.send(
      new DescribeSpotPriceHistoryCommand({
        InstanceTypes: [...new Set(pools.map(({ instanceType }) => instanceType as _InstanceType))],
        Filters: [{ Name: 'availability-zone', Values: [...new Set(pools.map(({ zone }) => zone))] }],
        ProductDescriptions: [PRODUCT],
        StartTime: new Date(Math.max(fromMs, toMs - HISTORY_MS)),
        EndTime: new Date(toMs),
        MaxResults: PAGE,
        NextToken,
      }),
    );
    for (const { InstanceType, AvailabilityZone, SpotPrice, Timestamp } of answer.SpotPriceHistory ?? []) {
      const usdPerHour = Number(SpotPrice);
      if (!InstanceType || !AvailabilityZone || Timestamp === undefined || !(usdPerHour > 0)) continue;
      const name = poolName(InstanceType, AvailabilityZone);
      const points = history.get(name) ?? [];
      points.push({ fromMs: Timestamp.getTime(), usdPerHour });
      history.set(name, points);
    }
    NextToken = answer.NextToken;
    if (!NextToken) break;
  }
  for (const points of history.values()) points.sort((a, b) => a.fromMs - b.fromMs);
  return history;
}

/** In USD; null: no price is known. A price holds until the next one, the first also for the time before it. */
export function spentOn(history: readonly PricePoint[] | undefined, fromMs: number, toMs: number): number | null {
  if (history === undefined || history.length === 0) return null;
  let usd = 0;
  history.forEach(({ fromMs: start, usdPerHour }, i) => {
    const begin = i === 0 ? fromMs : Math.max(fromMs, start);
    const end = Math.min(toMs, history[i + 1]?.fromMs ?? Number.POSITIVE_INFINITY);
    if (end > begin) usd += (usdPerHour * (end - begin)) / HOUR_MS;
  });
  return usd;
}

export interface Runs {
  readonly instanceType: string;
  readonly zone: string;
  readonly lifecycle: 'spot' | 'on-demand';
}

/** What a node costs over a time, in USD; null: no price is known. */
export function costOf(node: Runs, fromMs: number, toMs: number, book: PriceBook): number | null {
  if (toMs <= fromMs) return 0;
  if (node.lifecycle === 'spot') return spentOn(book.spot.get(poolName(node.instanceType, node.zone)), fromMs, toMs);
  return onDemandCost(node, fromMs, toMs, book);
}

export function onDemandCost(node: Runs, fromMs: number, toMs: number, book: PriceBook): number | null {
  const price = book.onDemand.get(node.instanceType);
  return price === undefined ? null : (price * Math.max(0, toMs - fromMs)) / HOUR_MS;
}

/** `{"m7g.large": 0.0816}`, USD an hour. @throws UserError */
export function readOnDemandPrices(file: string, option: string): ReadonlyMap<string, number> {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UserError(`${option} ${file} can't be read: ${messageOf(error)}`);
  }
  const wrong = (): UserError =>
    new UserError(`${option} ${file} must be JSON such as {"m7g.large": 0.0816}: USD an hour by instance type.`);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw wrong();
  return new Map(
    Object.entries(json).map(([type, price]) => {
      if (typeof price !== 'number' || !(price > 0) || price > 10_000) throw wrong();
      return [type, price] as const;
    }),
  );
}
