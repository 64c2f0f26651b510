/** Savings as text: the sum in a sentence, a table by day, one by pool, and what isn't in them. */
import type { Colors } from '../../aws/flags.js';
import { countText, shortZone, usdText, wrap } from '../show.js';
import { type Column, tableLines } from '../table.js';
import type { Saved } from './read.js';
import type { DaySums, PoolSums, Sums } from './savings.js';

export interface TextOptions {
  readonly width: number;
  readonly colors: Colors;
  readonly region: string;
}

export function savingsText(saved: Saved, cluster: string, options: TextOptions): string {
  const { width, colors, region } = options;
  const head = wrap(headline(saved, cluster), width);
  head[0] = colors.bold(head[0] ?? '');
  const day: Column<DaySums> = { head: 'DAY (UTC)', value: (row) => row.day };
  const pool: Column<PoolSums> = {
    head: 'POOL',
    value: (row) => `${row.instanceType} ${shortZone(row.zone, region)}`,
  };
  const tables =
    saved.nodes === 0
      ? []
      : [
          tableLines(saved.days, [day, ...sumColumns(colors)], width, colors),
          tableLines(saved.pools, [pool, ...sumColumns(colors)], width, colors),
        ];
  const told = notes(saved).flatMap((text) => wrap(text, width));
  const missing = gaps(saved).flatMap((text) => wrap(text, width).map((line) => colors.yellow(line)));
  const parts = [head, ...tables, told.map((line) => colors.dim(line)), missing];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function headline({ total, nodes, fromMs, toMs }: Saved, cluster: string): string {
  const span = `${dayOf(fromMs)} to ${dayOf(toMs)}`;
  if (nodes === 0) return `${cluster}, ${span}: nothing is known of any node in this time.`;
  const paid = total.paidUsd === null ? 'an unknown sum' : usdText(total.paidUsd);
  const had = `${cluster}, ${span}: ${paid} paid for ${hoursText(total.hours)} hours of ${countText(nodes, 'node')}`;
  const { savedUsd, savedPercent, onDemandUsd, comparedPaidUsd } = total;
  if (savedUsd === null || onDemandUsd === null) return `${had}; what was saved isn't known without on-demand prices.`;
  const fair = onDemandUsd - (total.overlapUsd ?? 0) - (total.redoneUsd ?? 0);
  const percent = savedPercent === null ? '' : ` (${savedPercent.toFixed(1)}%)`;
  const versus = savedUsd < 0 ? `${usdText(-savedUsd)} more` : `${usdText(savedUsd)}${percent} less`;
  const would = `${versus} than the ${usdText(fair)} that on-demand would have cost.`;
  if (!isPartial(total)) return `${had}; ${would}`;
  return `${had}. Of it ${usdText(comparedPaidUsd ?? 0)} can be compared, for types whose on-demand price is known: ${would}`;
}

/** Whether something was paid that has no on-demand price to be compared with. */
const isPartial = ({ paidUsd, comparedPaidUsd, savedUsd }: Sums): boolean =>
  savedUsd !== null && (paidUsd ?? 0) - (comparedPaidUsd ?? 0) > 1e-9;

function sumColumns(colors: Colors): Column<Sums>[] {
  const usd = (of: (row: Sums) => number | null) => (row: Sums) => {
    const value = of(row);
    return value === null ? '' : usdText(value);
  };
  const less = (of: (row: Sums) => number | null) => (row: Sums) => {
    const value = of(row);
    return value === null || value === 0 ? '' : usdText(-value).replace('$-', '-$');
  };
  return [
    { head: 'HOURS', spare: 2, value: ({ hours }) => hoursText(hours), right: true },
    {
      head: 'ON-DEMAND HOURS',
      from: 110,
      value: ({ onDemandHours }) => (onDemandHours === 0 ? '' : hoursText(onDemandHours)),
      right: true,
    },
    { head: 'PAID', value: usd(({ paidUsd }) => paidUsd), right: true },
    { head: 'ALL ON-DEMAND', spare: 1, value: usd(({ onDemandUsd }) => onDemandUsd), right: true },
    { head: 'OVERLAP', spare: 4, value: less(({ overlapUsd }) => overlapUsd), right: true },
    { head: 'REDONE', spare: 3, value: less(({ redoneUsd }) => redoneUsd), right: true },
    {
      head: 'SAVED',
      value: ({ savedUsd }) => (savedUsd === null ? '' : usdText(savedUsd).replace('$-', '-$')),
      style: (text, { savedUsd }) => ((savedUsd ?? 0) < 0 ? colors.red(text) : text),
      right: true,
    },
    {
      head: '%',
      value: ({ savedPercent }) => (savedPercent === null ? '' : savedPercent.toFixed(0)),
      right: true,
    },
  ];
}

/** How the figures are to be read. */
function notes({ total, cheapest, nodes }: Saved): string[] {
  if (nodes === 0) return [];
  const lines: string[] = [];
  if (total.savedUsd !== null) {
    lines.push(
      isPartial(total)
        ? 'Saved is all on-demand less overlap, redone work and what was paid, type for type, where the on-demand price is known; Paid is of all.'
        : 'Saved is all on-demand less overlap, redone work and what was paid, type for type.',
    );
  }
  const { overlapHours, redoneHours, freeHours, paidUsd } = total;
  const parts = [
    overlapHours > 0 ? `${hoursText(overlapHours)} hours in which a slot was held twice` : null,
    redoneHours > 0 ? `${hoursText(redoneHours)} hours of tasks' work that was done again` : null,
    freeHours > 0
      ? `${hoursText(freeHours)} hours that EC2 didn't charge, since it took the node in its first hour`
      : null,
  ].filter((part) => part !== null);
  if (parts.length > 0) lines.push(`Of the hours: ${parts.join('; ')}.`);
  if (cheapest !== null && paidUsd !== null) {
    const versus = cheapest.usd - paidUsd;
    const what = versus < 0 ? `${usdText(-versus)} more` : `${usdText(versus)} less`;
    lines.push(
      `Against the spec's cheapest type, ${cheapest.instanceType}, on-demand in the same slots (${usdText(cheapest.usd)}), ${what} was paid.`,
    );
  }
  lines.push('Instances only, at list prices: no volumes, traffic, addresses, discounts or taxes.');
  return lines;
}

/** What isn't in the figures. */
function gaps(saved: Saved): string[] {
  const { withoutStart, withoutEnd, withoutSpotPrice, withoutOnDemandPrice, unreadable, leftOut, unseen } = saved;
  const lines: string[] = [];
  const listed = (ids: readonly string[]): string =>
    ids.length > MAX_LISTED
      ? `${ids.slice(0, MAX_LISTED).join(', ')} and ${ids.length - MAX_LISTED} more`
      : ids.join(', ');
  if (withoutStart.length > 0) {
    lines.push(
      `Left out: ${countText(withoutStart.length, 'node')} whose launch nobody wrote down (${listed(withoutStart)}).`,
    );
  }
  if (withoutEnd.length > 0) {
    lines.push(
      `Left out: ${countText(withoutEnd.length, 'node')} of which only the launch is known (${listed(withoutEnd)}).`,
    );
  }
  for (const { pool, hours } of withoutSpotPrice) {
    lines.push(`Not in the sums: ${hoursText(hours)} hours on ${pool}, of which EC2 tells no spot price.`);
  }
  if (withoutOnDemandPrice.length > 0) {
    lines.push(
      `No on-demand price of ${listed(withoutOnDemandPrice)}: give --on-demand-price TYPE=USD or --on-demand-prices FILE.`,
    );
  }
  if (saved.lostSilently > 0) {
    lines.push(
      `${countText(saved.lostSilently, 'execution')} of tasks went with a node that left no word: of the work done again only what came before the last renewal of the lease is known and counted.`,
    );
  }
  if (leftOut > 0)
    lines.push(`Left out: the ${countText(leftOut, 'oldest report', 'oldest reports')}; take fewer --days.`);
  for (const key of unreadable) lines.push(`${key} is no incident report and was left out.`);
  for (const { what, why } of unseen) lines.push(`Not seen: ${what}. ${why}`);
  return lines;
}

const MAX_LISTED = 5;

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** Rehearsals last minutes. */
const hoursText = (hours: number): string =>
  hours >= 100 ? hours.toFixed(0) : hours >= 1 ? hours.toFixed(1) : hours.toFixed(3);
