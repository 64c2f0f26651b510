/**
 * What a task's executions cost: its share of the node, times the node's price while it ran. Spot prices are EC2's own
 * history, which reaches 90 days back; a list of on-demand prices isn't to be had from EC2.
 */
import { type _InstanceType, DescribeSpotPriceHistoryCommand, type SpotPrice } from '@aws-sdk/client-ec2';
import { deniedAction } from '../../aws/failure.js';
import type { Attempt } from '../../core/tasks/task.js';
import type { Session } from '../aws/session.js';

export interface Cost {
  /** Of the executions whose price is known. */
  readonly usd: number;
  /** Executions that aren't in it, and why; null: all are. */
  readonly without: string | null;
}

interface PricePoint {
  readonly fromMs: number;
  readonly usdPerHour: number;
}

const HOUR_MS = 3_600_000;
const PRODUCT = 'Linux/UNIX';
const MAX_PAGES = 50;

export async function costOf(session: Session, attempts: readonly Attempt[], nowMs: number): Promise<Cost> {
  const spot = attempts.filter(({ lifecycle }) => lifecycle === 'spot');
  const onDemand = attempts.length - spot.length;
  const missing = onDemand === 0 ? [] : [`${onDemand} on-demand (EC2 has no list of these prices)`];
  const histories = new Map<string, readonly PricePoint[]>();
  let usd = 0;
  let unpriced = 0;
  for (const attempt of spot) {
    const pool = `${attempt.instanceType} ${attempt.zone}`;
    let history = histories.get(pool);
    if (history === undefined) {
      const ofPool = spot.filter((one) => `${one.instanceType} ${one.zone}` === pool);
      try {
        history = await priceHistory(session, ofPool, nowMs);
      } catch (error) {
        const denied = deniedAction(error);
        if (denied === null) throw error;
        return { usd: 0, without: `all, since ${denied.action} isn't allowed` };
      }
      histories.set(pool, history);
    }
    const cost = spend(history, attempt.startedMs, attempt.endedMs ?? nowMs);
    if (cost === null) unpriced += 1;
    else usd += cost * attempt.share;
  }
  if (unpriced > 0) missing.push(`${unpriced} on spot (EC2 has no price of that time)`);
  return { usd, without: missing.length === 0 ? null : missing.join(', ') };
}

async function priceHistory(session: Session, attempts: readonly Attempt[], nowMs: number): Promise<PricePoint[]> {
  const [first] = attempts;
  if (first === undefined) return [];
  const ec2 = await session.client('ec2');
  const rows: SpotPrice[] = [];
  let NextToken: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await ec2.send(
      new DescribeSpotPriceHistoryCommand({
        InstanceTypes: [first.instanceType as _InstanceType],
        AvailabilityZone: first.zone,
        ProductDescriptions: [PRODUCT],
        StartTime: new Date(Math.min(...attempts.map(({ startedMs }) => startedMs))),
        EndTime: new Date(Math.max(...attempts.map(({ endedMs }) => endedMs ?? nowMs))),
        ...(NextToken === undefined ? {} : { NextToken }),
      }),
    );
    rows.push(...(answer.SpotPriceHistory ?? []));
    NextToken = answer.NextToken === '' ? undefined : answer.NextToken;
    if (NextToken === undefined) break;
  }
  return rows
    .flatMap(({ Timestamp, SpotPrice: price }) => {
      const usdPerHour = Number(price);
      return Timestamp === undefined || !Number.isFinite(usdPerHour)
        ? []
        : [{ fromMs: Timestamp.getTime(), usdPerHour }];
    })
    .sort((a, b) => a.fromMs - b.fromMs);
}

/**
 * In USD; a price holds until the next one. Null: there is none at all. The first one also stands for the time before it.
 */
export function spend(history: readonly PricePoint[], fromMs: number, toMs: number): number | null {
  if (history.length === 0) return null;
  let usd = 0;
  history.forEach(({ fromMs: start, usdPerHour }, i) => {
    const begin = i === 0 ? fromMs : Math.max(fromMs, start);
    const end = Math.min(toMs, history[i + 1]?.fromMs ?? Number.POSITIVE_INFINITY);
    if (end > begin) usd += (usdPerHour * (end - begin)) / HOUR_MS;
  });
  return usd;
}
