/** A forecast as text: a row a policy, and what the figures don't say. */
import type { Estimate } from '../../../sim/campaign/stats.js';
import type { Colors } from '../../aws/flags.js';
import { showDuration } from '../../values.js';
import { countText, elapsedText, wrap } from '../show.js';
import { type Column, tableLines } from '../table.js';
import { MONTH_HOURS } from './asked.js';
import type { PolicyForecast, PolicyName } from './forecast.js';

export interface Forecast {
  readonly nodes: number;
  readonly onDemandBase: number;
  readonly days: number;
  readonly runs: number;
  readonly seed: number;
  readonly interruptionsPerHour: number;
  readonly bootMs: number;
  readonly pools: readonly string[];
  /** The type that on-demand nodes are of; null: no on-demand price is known. */
  readonly onDemandType: string | null;
  readonly onDemandUsdPerHour: number | null;
  readonly historyFromMs: number;
  readonly historyToMs: number;
  readonly policies: readonly PolicyForecast[];
  /** Pools of which EC2 has no price. */
  readonly unpriced: readonly string[];
  /** Types of which no on-demand price is known. */
  readonly withoutOnDemandPrice: readonly string[];
  readonly problems: readonly string[];
}

const WHAT: Readonly<Record<PolicyName, string>> = {
  'on-demand': 'all nodes on-demand',
  spec: 'as Synkti does it: a new node goes where it is cheapest at that moment',
  'one-pool': 'all on spot, in the pool that is cheapest at the start',
  even: 'all on spot, as many in each pool; of many pools, in the cheapest',
  spare: 'one spot node more than needed, and on-demand for what is not ready',
};

export function forecastText(one: Forecast, title: string, width: number, colors: Colors): string {
  const base = one.onDemandBase === 0 ? '' : `, ${one.onDemandBase} of them always on-demand under spec`;
  const head = `${title}: ${countText(one.nodes, 'node')}${base} for ${countText(one.days, 'day')} in ${countText(one.pools.length, 'pool')}, ${countText(one.runs, 'run')}.`;
  const columns: Column<PolicyForecast>[] = [
    { head: 'POLICY', value: ({ policy }) => policy },
    { head: 'COST', value: ({ costUsd }) => `$${shown(costUsd, 2)}`, right: true },
    {
      head: 'SAVED %',
      value: ({ savedPercent, policy }) =>
        savedPercent === null ? '' : policy === 'on-demand' ? 'baseline' : shown(savedPercent, 1),
      right: true,
    },
    { head: 'INTERRUPTED', spare: 2, value: ({ interruptions }) => shown(interruptions, 1), right: true },
    { head: 'ALL SERVE %', spare: 1, value: ({ availablePercent }) => shown(availablePercent, 3), right: true },
  ];
  const table = tableLines(one.policies, columns, width, colors);
  const what = one.policies.flatMap(({ policy }) => wrap(WHAT[policy], width, policy.padEnd(11)));
  const dim = (texts: readonly string[]): string[] => texts.flatMap((text) => wrap(text, width)).map(colors.dim);
  const missing = gaps(one)
    .flatMap((text) => wrap(text, width))
    .map((line) => colors.yellow(line));
  const parts = [wrap(head, width).map(colors.bold), table, what.map(colors.dim), dim(notes(one)), missing];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function notes(one: Forecast): string[] {
  const { historyFromMs, historyToMs, interruptionsPerHour, runs, bootMs } = one;
  const span = elapsedText(historyToMs - historyFromMs);
  const monthly = 100 * (1 - Math.exp(-interruptionsPerHour * MONTH_HOURS));
  return [
    `Prices are EC2's of the last ${span}, from ${countText(runs, 'start')} in them on and round again; ± is half of the 95% interval of the mean over the runs. It is no range for the bill: prices to come needn't be like these.`,
    `Interruptions are assumed, ${interruptionsPerHour.toPrecision(2)} an hour and node (${monthly.toFixed(0)}% of nodes in a month), each by itself, in every pool alike. Price history doesn't tell how often there are any, nor shortages, nor that a zone is reclaimed as a whole: AWS's Spot Instance Advisor has figures by type, for --interruptions.`,
    'EC2 weighs capacity beside the price, which nobody sees beforehand: expect a cost between spec and even.',
    `A node serves ${showDuration(bootMs)} after its launch, and its successor is launched at the notice.`,
    'Instances only, at list prices: no volumes, traffic, addresses, discounts or taxes.',
  ];
}

const DAY_MS = 86_400_000;

function gaps(one: Forecast): string[] {
  const lines = [...one.problems];
  if (one.onDemandUsdPerHour === null) {
    lines.push(
      'No on-demand price is known: policies that use on-demand are left out, and so is what is saved. Give --on-demand-price TYPE=USD.',
    );
  } else if (one.withoutOnDemandPrice.length > 0) {
    lines.push(
      `No on-demand price of ${one.withoutOnDemandPrice.join(', ')}: on-demand nodes are of ${one.onDemandType}.`,
    );
  }
  if (one.unpriced.length > 0) lines.push(`Left out, since EC2 has no spot price of them: ${one.unpriced.join(', ')}.`);
  if (one.historyToMs - one.historyFromMs < 7 * DAY_MS) {
    lines.push(`The history is short (${elapsedText(one.historyToMs - one.historyFromMs)}): the intervals say little.`);
  }
  return lines;
}

function shown({ mean, ci95 }: Estimate, digits: number): string {
  const text = mean.toFixed(digits);
  // Nothing differed between the runs.
  return ci95 === null || ci95 < 0.5 * 10 ** -digits ? text : `${text} ±${ci95.toFixed(digits)}`;
}
