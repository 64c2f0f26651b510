/** What the functions count of a node's end and of a cluster's cost. */
import { type DrainFigures, drainFigures } from '../drain/figures.js';
import { DRAIN_STEPS, type LedgerEntry } from '../drain/ledger.js';
import { wallMs } from '../time.js';
import type { Pool, SpotPrice } from './port.js';

export interface Figures extends DrainFigures {
  readonly cause: string;
  /** It went without a word: its report is the fallback's. */
  readonly silent: boolean;
  readonly replacement: string | null;
}

/** Longer is nothing that an end takes: the clock, or the report, is wrong. */
const LONGEST_MS = 86_400_000;

/** The figures in an incident report; null when the text is none. Reports come from nodes: nothing is taken on trust. */
export function figuresIn(text: string): Figures | null {
  const report = objectIn(text);
  const { cause } = report;
  const detectedMs = moment(report.detectedMs);
  if (typeof cause !== 'string' || cause.length > 32 || detectedMs === null) return null;
  const entries = objectOf(report.steps);
  const steps = Object.fromEntries(DRAIN_STEPS.map((step) => [step, entryOf(entries[step])])) as Record<
    (typeof DRAIN_STEPS)[number],
    LedgerEntry
  >;
  const told = { cause, detectedMs, deadlineMs: moment(report.deadlineMs), steps };
  const { cut, requestsLost, ...times } = drainFigures({ ...told, requestsLost: countIn(report.requestsLost) });
  const sane = (ms: number | null): number | null => (ms !== null && ms <= LONGEST_MS ? ms : null);
  return {
    cause,
    silent: report.writtenBy === 'fallback',
    replacement: typeof report.replacement === 'string' ? report.replacement.slice(0, 32) : null,
    cut,
    requestsLost,
    detectionMs: sane(times.detectionMs),
    failoverMs: sane(times.failoverMs),
    replacementMs: sane(times.replacementMs),
    drainMs: sane(times.drainMs),
  };
}

function entryOf(value: unknown): LedgerEntry {
  const { startedMs, endedMs, outcome } = objectOf(value);
  const known = outcome === 'done' || outcome === 'skipped' || outcome === 'out-of-time';
  return {
    startedMs: moment(startedMs),
    endedMs: moment(endedMs),
    budgetMs: null,
    outcome: known ? outcome : null,
  };
}

type Json = Readonly<Record<string, unknown>>;

const objectOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};

function objectIn(text: string): Json {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return {};
  }
}

const moment = (value: unknown) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? wallMs(value) : null;

/** More than a node can have in flight: the report is wrong. */
const MOST_REQUESTS = 1_000_000;

const countIn = (value: unknown): number | null =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= MOST_REQUESTS ? value : null;

/** USD an hour; null when the price of one of the nodes isn't known, since a part of the sum would mislead. */
export function spotCost(nodes: readonly Pool[], prices: readonly SpotPrice[]): number | null {
  const known = new Map(prices.map(({ instanceType, zone, usdPerHour }) => [`${instanceType} ${zone}`, usdPerHour]));
  let usd = 0;
  for (const { instanceType, zone } of nodes) {
    const price = known.get(`${instanceType} ${zone}`);
    if (price === undefined) return null;
    usd += price;
  }
  return usd;
}
