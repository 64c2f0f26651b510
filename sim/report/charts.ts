import type { PolicyReport, SimulationReport } from '../campaign/simulate.js';
import { type Estimate, estimate } from '../campaign/stats.js';
import { jobTimeline, priceChart, taskTimelines } from './pictures.js';
import { COLOURS, nth, PATTERNS, SERIES, SYMBOLS } from './style.js';

/** A chart as Plotly takes it, with words around it. */
export interface Chart {
  readonly id: string;
  readonly title: string;
  /** What to look for, in a sentence or two. */
  readonly note: string;
  readonly data: readonly object[];
  readonly layout: Readonly<Record<string, unknown>>;
  readonly heightPx: number;
}

const ROW_PX = 34;

export function chartsOf(report: SimulationReport): Chart[] {
  const charts: (Chart | null)[] = [costs(report), savings(report)];
  switch (report.options.workload) {
    case 'tasks':
      charts.push(naiveAgainstOptimal(report), money(report), reliability(report), priceChart(report));
      charts.push(...taskTimelines(report));
      break;
    case 'job':
      charts.push(groupSavings(report), reliability(report), jobTimeline(report));
      break;
    case 'service':
      charts.push(reliability(report), priceChart(report));
      break;
  }
  return charts.filter((chart) => chart !== null);
}

const ci = (e: Estimate | undefined): number => e?.ci95 ?? 0;
const names = (policies: readonly PolicyReport[]): string[] => policies.map((policy) => policy.policy);
const barHeight = (rows: number): number => 110 + rows * ROW_PX;

/** Policies from top to bottom in the table's order. */
const topDown = { autorange: 'reversed', automargin: true } as const;

function errors(estimates: readonly (Estimate | undefined)[]): object {
  return { type: 'data', array: estimates.map(ci), thickness: 1.5, width: 4, color: COLOURS.grey };
}

function costs(report: SimulationReport): Chart {
  const estimates = report.policies.map((policy) => policy.metrics.costUsd);
  const bars = {
    type: 'bar',
    orientation: 'h',
    y: names(report.policies),
    x: estimates.map((e) => e?.mean),
    error_x: errors(estimates),
    marker: { color: COLOURS.blue },
    hovertemplate: '%{y}: $%{x:.2f}<extra></extra>',
  };
  return {
    id: 'cost',
    title: 'Cost by policy',
    note: `Mean of ${report.options.runs} paired runs${report.options.workload === 'job' ? ' a trace' : ''}; whiskers are 95% intervals.`,
    data: [bars],
    layout: {
      // Beside the name, where no short bar can cut it off.
      yaxis: {
        ...topDown,
        tickvals: names(report.policies),
        ticktext: report.policies.map(
          (policy, i) => `${policy.policy}  <b>$${(estimates[i]?.mean ?? 0).toFixed(2)}</b>`,
        ),
      },
      xaxis: { title: { text: 'USD' }, rangemode: 'tozero' },
      showlegend: false,
    },
    heightPx: barHeight(report.policies.length),
  };
}

function savings(report: SimulationReport): Chart {
  const others = report.policies.filter((policy) => policy.policy !== report.baseline);
  const dots = {
    type: 'scatter',
    mode: 'markers+text',
    y: names(others),
    x: others.map((policy) => policy.savedPercent.mean),
    error_x: errors(others.map((policy) => policy.savedPercent)),
    text: others.map((policy) => `${policy.savedPercent.mean.toFixed(1)}%`),
    textposition: 'top center',
    cliponaxis: false,
    marker: { size: 10, symbol: 'diamond', color: COLOURS.green },
    hovertemplate: '%{y}: %{x:.1f}% saved<extra></extra>',
  };
  return {
    id: 'savings',
    title: `Saved against ${report.baseline}`,
    note: 'Run by run against the same arrivals, prices and interruptions: these intervals are those of paired differences.',
    data: [dots],
    layout: { yaxis: topDown, xaxis: { title: { text: '% of the cost' }, zeroline: true }, showlegend: false },
    heightPx: barHeight(others.length) + 20,
  };
}

/** Null unless both variants of some policy ran. */
function naiveAgainstOptimal(report: SimulationReport): Chart | null {
  const find = (name: string): PolicyReport | undefined => report.policies.find((policy) => policy.policy === name);
  const bases = [...new Set(names(report.policies).map((name) => name.replace(/-(naive|least|optimal)$/, '')))];
  const pairs = bases.flatMap((base) => {
    const naive = find(`${base}-naive`);
    const optimal = find(`${base}-optimal`) ?? find(base);
    if (naive === undefined || optimal === undefined) return [];
    const saved = naive.costs.map((cost, i) => 100 * (1 - (optimal.costs[i] ?? cost) / cost));
    return [{ base, naive, optimal, saved: estimate(saved) }];
  });
  if (pairs.length === 0) return null;
  const series = (['naive', 'optimal'] as const).map((kind, i) => ({
    type: 'bar',
    name: kind === 'naive' ? 'naive (first-fit)' : 'optimal (assignment)',
    x: pairs.map((pair) => pair.base),
    y: pairs.map((pair) => pair[kind].metrics.costUsd?.mean),
    error_y: errors(pairs.map((pair) => pair[kind].metrics.costUsd)),
    marker: { color: nth(SERIES, i), pattern: { shape: nth(PATTERNS, i) } },
  }));
  const shown = pairs.map(({ base, saved }) => `${base} ${saved.mean.toFixed(1)}% ± ${ci(saved).toFixed(1)}`);
  return {
    id: 'migration',
    title: 'Naive against optimal migration',
    note: `Cost saved by optimal migration, paired: ${shown.join('; ')}. An interval that spans 0 means: no difference shown.`,
    data: series,
    layout: { barmode: 'group', yaxis: { title: { text: 'USD' }, rangemode: 'tozero' } },
    heightPx: 340,
  };
}

function money(report: SimulationReport): Chart {
  const parts = [
    ['busyUsd', 'with tasks'],
    ['bootUsd', 'starting up'],
    ['idleUsd', 'idle'],
    ['forgivenUsd', 'forgiven by AWS (not paid)'],
  ] as const;
  const data = parts.map(([key, name], i) => ({
    type: 'bar',
    orientation: 'h',
    name,
    y: names(report.policies),
    x: report.policies.map((policy) => policy.metrics[key]?.mean ?? 0),
    marker: { color: nth(SERIES, i), pattern: { shape: nth(PATTERNS, i) } },
    hovertemplate: `%{y}, ${name}: $%{x:.2f}<extra></extra>`,
  }));
  return {
    id: 'money',
    title: 'Where the money went',
    note: 'Instances are billed by their lifetime, idle time included; a spot instance that AWS interrupts in its first hour is free.',
    data,
    layout: { barmode: 'stack', yaxis: topDown, xaxis: { title: { text: 'USD' } } },
    heightPx: barHeight(report.policies.length) + 60,
  };
}

const RELIABILITY = {
  tasks: ['meanSlowdown', 'Slowdown: (completion - arrival) / length', 'Lower left is better.'],
  job: [
    'finishedHours',
    'Hours until done',
    'How much of the time given a policy uses; all below the deadline is in time.',
  ],
  service: ['availabilityPercent', '% of the time with all replicas', 'Upper left is better.'],
} as const;

function reliability(report: SimulationReport): Chart {
  const [key, axis, note] = RELIABILITY[report.options.workload];
  const known = report.policies.filter((policy) => policy.metrics[key] !== undefined);
  const data = known.map((policy) => ({
    type: 'scatter',
    mode: 'markers',
    name: policy.policy,
    x: [policy.metrics.costUsd?.mean],
    y: [policy.metrics[key]?.mean],
    error_x: errors([policy.metrics.costUsd]),
    error_y: errors([policy.metrics[key]]),
    marker: markerOf(report, policy, 12),
  }));
  return {
    id: 'reliability',
    title: 'Cost against reliability',
    note,
    data,
    layout: { xaxis: { title: { text: 'USD' } }, yaxis: { title: { text: axis } } },
    heightPx: 440,
  };
}

function groupSavings(report: SimulationReport): Chart | null {
  const groups = report.policies[0]?.groups ?? [];
  if (groups.length < 2) return null;
  const others = report.policies.filter((policy) => policy.policy !== report.baseline);
  const data = others.map((policy, i) => ({
    type: 'scatter',
    mode: 'markers',
    name: policy.policy,
    // Beside each other, so that intervals don't hide each other.
    y: groups.map((_, g) => g + (0.8 * (i + 0.5)) / others.length - 0.4),
    x: policy.groups.map((group) => group.savedPercent.mean),
    error_x: errors(policy.groups.map((group) => group.savedPercent)),
    hovertemplate: `%{x:.1f}%<extra>${policy.policy}</extra>`,
    marker: markerOf(report, policy, 10),
  }));
  const plotPx = groups.length * 17 * (others.length + 1);
  const yaxis = {
    automargin: true,
    range: [groups.length - 0.5, -0.5],
    tickvals: groups.map((_, g) => g),
    ticktext: groups.map((group) => group.name),
    zeroline: false,
  };
  return {
    id: 'groups',
    title: 'Saved by trace',
    note: 'Each recorded zone for itself; the omniscient bound is what no policy can beat.',
    data,
    layout: { yaxis, xaxis: { title: { text: '% of the on-demand cost' } }, legend: { y: -60 / plotPx } },
    heightPx: plotPx + 80 + 20 * others.length,
  };
}

/** A policy looks the same in all pictures. */
function markerOf(report: SimulationReport, policy: PolicyReport, size: number): object {
  const i = report.policies.indexOf(policy);
  return { size, symbol: nth(SYMBOLS, i), color: nth(SERIES, i) };
}
