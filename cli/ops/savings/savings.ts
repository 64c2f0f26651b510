/**
 * What a cluster paid and what it saved, by day (UTC) and by pool: a pure function of lives, prices and lost work.
 *
 *     on-demand  what the hours of all nodes would have cost on-demand, type for type
 *     overlap    of that, hours in which a slot was held twice: an on-demand node isn't replaced under way
 *     redone     of that, work of tasks that was done again after a spot node was lost
 *     saved      on-demand - overlap - redone - paid
 */
import { chargedMs } from '../../../sim/billing.js';
import { poolName } from '../answers.js';
import { costOf, onDemandCost, type PriceBook, type Runs } from '../prices.js';
import type { Life } from './lives.js';

/** In USD; null: no price is known of anything in it. */
export interface Sums {
  /** Hours of nodes, on spot and on-demand. */
  readonly hours: number;
  readonly onDemandHours: number;
  readonly overlapHours: number;
  readonly redoneHours: number;
  /** Hours that EC2 didn't charge: it took the node back within its first hour. */
  readonly freeHours: number;
  readonly paidUsd: number | null;
  /** What was paid for what has an on-demand price, too: only that is compared. */
  readonly comparedPaidUsd: number | null;
  readonly onDemandUsd: number | null;
  readonly overlapUsd: number | null;
  readonly redoneUsd: number | null;
  readonly savedUsd: number | null;
  /** Of what it would have cost on-demand, after overlap and redone work. */
  readonly savedPercent: number | null;
}

export interface DaySums extends Sums {
  /** `2026-01-17`, in UTC. */
  readonly day: string;
}

export interface PoolSums extends Sums {
  readonly instanceType: string;
  readonly zone: string;
}

/** Work of tasks that was done again, of a node that was lost. */
export interface Redone {
  readonly node: Runs;
  /** When it was lost. */
  readonly atMs: number;
  readonly ms: number;
  /** Part of the node that it took. */
  readonly share: number;
}

export interface Savings {
  readonly total: Sums;
  /** Oldest first. */
  readonly days: readonly DaySums[];
  /** The dearest first. */
  readonly pools: readonly PoolSums[];
  /** Hours for which EC2 has no spot price, by pool. */
  readonly withoutSpotPrice: readonly { readonly pool: string; readonly hours: number }[];
  /** Types whose on-demand price isn't known. */
  readonly withoutOnDemandPrice: readonly string[];
  /** The same slots on the cheapest type of the spec, on-demand; null: these prices aren't known. */
  readonly cheapest: { readonly instanceType: string; readonly usd: number } | null;
}

export interface Facts {
  readonly fromMs: number;
  readonly nowMs: number;
  readonly lives: readonly Life[];
  readonly redone: readonly Redone[];
  readonly prices: PriceBook;
  /** Types that the spec may launch. */
  readonly types: readonly string[];
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** One node's time in one day. */
interface Piece {
  readonly day: string;
  readonly node: Runs;
  readonly ms: number;
  readonly overlapMs: number;
  readonly redoneMs: number;
  readonly freeMs: number;
  readonly paidUsd: number | null;
  readonly onDemandUsd: number | null;
  readonly overlapUsd: number | null;
  readonly redoneUsd: number | null;
}

export function savingsOf(facts: Facts): Savings {
  const pieces = [...livePieces(facts), ...facts.redone.flatMap((one) => redonePiece(one, facts))];
  const days = grouped(pieces, ({ day }) => day);
  const pools = grouped(pieces, ({ node }) => poolName(node.instanceType, node.zone));
  const unpriced = pieces.filter(({ paidUsd, node, ms }) => ms > 0 && paidUsd === null && node.lifecycle === 'spot');
  const noSpot = grouped(unpriced, ({ node }) => poolName(node.instanceType, node.zone));
  const used = new Set(pieces.map(({ node }) => node.instanceType));
  return {
    total: sumsOf(pieces),
    days: [...days].map(([day, of]) => ({ day, ...sumsOf(of) })).sort((a, b) => (a.day < b.day ? -1 : 1)),
    pools: [...pools.values()]
      .map((of) => ({ ...poolOf(of), ...sumsOf(of) }))
      .sort((a, b) => (b.paidUsd ?? 0) - (a.paidUsd ?? 0) || (poolKey(a) < poolKey(b) ? -1 : 1)),
    withoutSpotPrice: [...noSpot].map(([pool, of]) => ({ pool, hours: sumsOf(of).hours })),
    withoutOnDemandPrice: [...used].filter((type) => !facts.prices.onDemand.has(type)).sort(),
    cheapest: cheapestOf(pieces, facts),
  };
}

function livePieces({ lives, fromMs, nowMs, prices }: Facts): Piece[] {
  return withOverlap(lives, nowMs).flatMap(({ life, overlapEndMs }) => {
    const { node, startMs } = life;
    const endMs = life.endMs ?? nowMs;
    const billed = chargedMs({
      runningMs: endMs - startMs,
      spot: node.lifecycle === 'spot',
      interruptedByAws: life.interrupted,
    });
    const free = billed === 0 && endMs > startMs;
    // The 60 s that are charged at least may reach beyond the node's end.
    return daysOf(Math.max(startMs, fromMs), Math.max(endMs, startMs + billed)).map(({ day, from, to }) => {
      const end = Math.max(from, Math.min(to, endMs));
      const doubleMs = Math.max(0, Math.min(end, overlapEndMs) - from);
      return {
        day,
        node,
        ms: end - from,
        overlapMs: doubleMs,
        redoneMs: 0,
        freeMs: free ? end - from : 0,
        paidUsd: free ? 0 : costOf(node, from, Math.min(to, startMs + billed), prices),
        onDemandUsd: onDemandCost(node, from, end, prices),
        overlapUsd: onDemandCost(node, from, from + doubleMs, prices),
        redoneUsd: 0,
      };
    });
  });
}

/** Only what a lost spot node left to do again; it was paid with that node's hours, so nothing is paid here. */
function redonePiece({ node, atMs, ms, share }: Redone, { fromMs, prices }: Facts): Piece[] {
  if (atMs < fromMs || ms <= 0) return [];
  const lostMs = ms * share;
  const redoneUsd = onDemandCost(node, 0, lostMs, prices);
  // Unknown where a price is unknown, as in every other piece, so that sums leave out the same nodes.
  const paidUsd = costOf(node, atMs - 1, atMs, prices) === null ? null : 0;
  const none = { ms: 0, overlapMs: 0, freeMs: 0, paidUsd, overlapUsd: 0 };
  return [{ ...none, day: dayOf(atMs), node, redoneMs: lostMs, redoneUsd, onDemandUsd: redoneUsd === null ? null : 0 }];
}

/** Until when a slot had another holder that was there before: every moment of a slot counts once. */
function withOverlap(lives: readonly Life[], nowMs: number): { life: Life; overlapEndMs: number }[] {
  const coveredMs = new Map<number, number>();
  const inOrder = [...lives].sort(
    (a, b) => a.startMs - b.startMs || generation(a) - generation(b) || (a.instanceId < b.instanceId ? -1 : 1),
  );
  return inOrder.map((life) => {
    // Without a seat it held no slot: nobody would have paid for it on-demand.
    if (life.seat === null) return { life, overlapEndMs: Number.POSITIVE_INFINITY };
    const before = coveredMs.get(life.seat.slot) ?? 0;
    coveredMs.set(life.seat.slot, Math.max(before, life.endMs ?? nowMs));
    return { life, overlapEndMs: before };
  });
}

const generation = ({ seat }: Life): number => seat?.generation ?? 0;

function cheapestOf(pieces: readonly Piece[], { prices, types }: Facts): Savings['cheapest'] {
  const priced = types.flatMap((type) => {
    const price = prices.onDemand.get(type);
    return price === undefined ? [] : [{ type, price }];
  });
  const [first] = priced.sort((a, b) => a.price - b.price || (a.type < b.type ? -1 : 1));
  if (first === undefined || priced.length < types.length) return null;
  const usefulMs = pieces.reduce((sum, { ms, overlapMs, redoneMs }) => sum + ms - overlapMs - redoneMs, 0);
  return { instanceType: first.type, usd: (Math.max(0, usefulMs) / HOUR_MS) * first.price };
}

function grouped(pieces: readonly Piece[], key: (piece: Piece) => string): Map<string, Piece[]> {
  const groups = new Map<string, Piece[]>();
  for (const piece of pieces) {
    const name = key(piece);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [piece]);
    else group.push(piece);
  }
  return groups;
}

function poolOf([first]: readonly Piece[]): { instanceType: string; zone: string } {
  return { instanceType: first?.node.instanceType ?? '', zone: first?.node.zone ?? '' };
}

const poolKey = ({ instanceType, zone }: PoolSums): string => poolName(instanceType, zone);

function sumsOf(pieces: readonly Piece[]): Sums {
  const hours = (of: (piece: Piece) => number): number => pieces.reduce((sum, one) => sum + of(one), 0) / HOUR_MS;
  // What is compared has both prices; what lacks one is in the hours only, and named.
  const both = pieces.filter((one) => one.paidUsd !== null && one.onDemandUsd !== null);
  const total = (from: readonly Piece[], of: (piece: Piece) => number | null): number | null => {
    const known = from.flatMap((one) => of(one) ?? []);
    return known.length === 0 ? null : known.reduce((sum, usd) => sum + usd, 0);
  };
  const onDemandUsd = total(both, (one) => one.onDemandUsd);
  const overlapUsd = total(both, (one) => one.overlapUsd);
  const redoneUsd = total(both, (one) => one.redoneUsd);
  const fairUsd = onDemandUsd === null ? null : onDemandUsd - (overlapUsd ?? 0) - (redoneUsd ?? 0);
  const comparedPaidUsd = total(both, (one) => one.paidUsd);
  const savedUsd = fairUsd === null ? null : fairUsd - (comparedPaidUsd ?? 0);
  return {
    hours: hours(({ ms }) => ms),
    onDemandHours: hours(({ ms, node }) => (node.lifecycle === 'on-demand' ? ms : 0)),
    overlapHours: hours(({ overlapMs }) => overlapMs),
    redoneHours: hours(({ redoneMs }) => redoneMs),
    freeHours: hours(({ freeMs }) => freeMs),
    paidUsd: total(pieces, (one) => one.paidUsd),
    comparedPaidUsd,
    onDemandUsd,
    overlapUsd,
    redoneUsd,
    savedUsd,
    savedPercent: savedUsd === null || fairUsd === null || fairUsd <= 0 ? null : (100 * savedUsd) / fairUsd,
  };
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

function daysOf(fromMs: number, toMs: number): { day: string; from: number; to: number }[] {
  const days: { day: string; from: number; to: number }[] = [];
  for (let from = fromMs; from < toMs; ) {
    const to = Math.min(toMs, (Math.floor(from / DAY_MS) + 1) * DAY_MS);
    days.push({ day: dayOf(from), from, to });
    from = to;
  }
  return days;
}
