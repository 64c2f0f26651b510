import type { SimulationReport } from '../campaign/simulate.js';
import type { Chart } from './charts.js';
import { COLOURS, DASHES, nth, SERIES } from './style.js';

/** Charts of what happened in the first run. */

const HOUR_MS = 3_600_000;
const MOST_POOLS = 5;
const MOST_ROWS = 120;

export function priceChart(report: SimulationReport): Chart | null {
  const pools = report.picture?.prices.slice(0, MOST_POOLS) ?? [];
  if (pools.length === 0) return null;
  const recorded =
    pools.every((pool) => pool.hazard.every((h) => h === 0 || h === 1)) && report.options.traces.length > 0;
  const data = pools.flatMap((pool, i) => {
    const hours = pool.usdPerHour.map((_, k) => (k * pool.stepMs) / HOUR_MS);
    const line = { color: nth(SERIES, i), dash: nth(DASHES, i), width: 1.6, ...(recorded ? { shape: 'hv' } : {}) };
    const shared = { type: 'scatter', mode: 'lines', name: pool.pool, x: hours, line, legendgroup: pool.pool };
    return [
      { ...shared, y: pool.usdPerHour },
      { ...shared, y: pool.hazard, yaxis: 'y2', showlegend: false },
    ];
  });
  return {
    id: 'prices',
    title: 'Price and interruption risk over time',
    note: `First run${report.options.traces.length > 0 ? '; below, 1 where the recording had no capacity' : ''}.`,
    data,
    layout: {
      xaxis: { title: { text: 'hours' }, anchor: 'y2' },
      yaxis: { title: { text: 'USD/h' }, domain: [0.56, 1], rangemode: 'tozero' },
      yaxis2: { title: { text: recorded ? 'no capacity' : 'interruptions/h' }, domain: [0, 0.44], rangemode: 'tozero' },
    },
    heightPx: 440,
  };
}

/** One for the first few policies that used spot. */
export function taskTimelines(report: SimulationReport): Chart[] {
  const all = report.picture?.timelines ?? [];
  const wanted = all
    .filter(({ policy }) => policy !== report.baseline)
    .filter((_, i, list) => i === 0 || i === list.length - 1);
  return wanted.map(({ policy, timeline }, index) => {
    const instances = [...timeline.instances].sort((a, b) => a.fromMs - b.fromMs || a.id - b.id).slice(0, MOST_ROWS);
    const rows = new Map(instances.map((instance, row) => [instance.id, row]));
    // A line for each kind of span; null lifts the pen.
    const spans = (pick: (i: (typeof instances)[number]) => readonly [number, number] | null) => {
      const x: (number | null)[] = [];
      const y: (number | null)[] = [];
      instances.forEach((instance, row) => {
        const span = pick(instance);
        if (span === null || span[1] <= span[0]) return;
        x.push(span[0] / HOUR_MS, span[1] / HOUR_MS, null);
        y.push(row, row, null);
      });
      return { type: 'scatter', mode: 'lines', x, y, hoverinfo: 'skip' };
    };
    const tasks = { x: [] as (number | null)[], y: [] as (number | null)[] };
    const packed = new Map<number, number>();
    for (const task of timeline.tasks) {
      const row = rows.get(task.instance);
      if (row === undefined) continue;
      const nth = packed.get(task.instance) ?? 0;
      packed.set(task.instance, nth + 1);
      const height = row - 0.32 + (nth % 9) * 0.08;
      tasks.x.push(task.fromMs / HOUR_MS, task.toMs / HOUR_MS, null);
      tasks.y.push(height, height, null);
    }
    const lost = instances.filter((instance) => instance.interrupted);
    const data = [
      {
        ...spans((i) => (i.kind === 'spot' ? [i.fromMs, i.toMs] : null)),
        name: 'spot instance',
        line: { color: COLOURS.sky, width: 9 },
      },
      {
        ...spans((i) => (i.kind === 'on-demand' ? [i.fromMs, i.toMs] : null)),
        name: 'on-demand instance',
        line: { color: COLOURS.orange, width: 9 },
      },
      { ...spans((i) => [i.fromMs, i.readyMs]), name: 'starting up', line: { color: COLOURS.grey, width: 9 } },
      {
        type: 'scatter',
        mode: 'lines',
        name: 'task',
        ...tasks,
        hoverinfo: 'skip',
        line: { color: COLOURS.blue, width: 1 },
      },
      {
        type: 'scatter',
        mode: 'markers',
        name: 'interrupted',
        x: lost.map((instance) => instance.toMs / HOUR_MS),
        y: lost.map((instance) => rows.get(instance.id)),
        text: lost.map((instance) => `instance ${instance.id}, ${instance.pool}`),
        hovertemplate: '%{text}: interrupted after %{x:.2f} h<extra></extra>',
        marker: { symbol: 'x', size: 9, color: COLOURS.vermilion },
      },
    ].filter((series) => series.x.length > 0);
    const cut = timeline.instances.length - instances.length;
    return {
      id: `timeline-${index}`,
      title: `Instances and tasks: ${policy}`,
      note: `First run, a row an instance${cut > 0 ? `; ${cut} later ones are left out` : ''}. Thin lines are tasks.`,
      data,
      layout: {
        xaxis: { title: { text: 'hours' } },
        yaxis: { title: { text: 'instance' }, autorange: 'reversed', showgrid: false, zeroline: false },
      },
      heightPx: Math.min(1000, 200 + instances.length * 14),
    };
  });
}

export function jobTimeline(report: SimulationReport): Chart | null {
  const picture = report.picture;
  if (picture === null || picture.capacity === null || picture.jobs.length === 0) return null;
  const { tickMs, zones } = picture.capacity;
  const rows = ['capacity', ...picture.jobs.map((job) => job.policy)];
  const line = (name: string, colour: string, width: number) => ({
    type: 'scatter',
    mode: 'lines',
    name,
    x: [] as (number | null)[],
    y: [] as (string | null)[],
    hoverinfo: 'skip',
    line: { color: colour, width },
  });
  const spare = line('spot to be had', COLOURS.green, 7);
  zones[0]?.forEach((_, tick) => {
    if (!zones.some((zone) => zone[tick] === 1)) return;
    spare.x.push((tick * tickMs) / HOUR_MS, ((tick + 1) * tickMs) / HOUR_MS, null);
    spare.y.push('capacity', 'capacity', null);
  });
  const spot = line('on spot', COLOURS.sky, 14);
  const onDemand = line('on-demand', COLOURS.orange, 5);
  for (const { policy, segments } of picture.jobs) {
    for (const { placement, fromMs, toMs } of segments) {
      if (placement.kind === 'idle') continue;
      const target = placement.kind === 'spot' ? spot : onDemand;
      target.x.push(fromMs / HOUR_MS, toMs / HOUR_MS, null);
      target.y.push(policy, policy, null);
    }
  }
  return {
    id: 'job',
    title: 'The first job, by policy',
    note: 'Thick: on spot; thin: on-demand; nothing: idle or done.',
    data: [spare, spot, onDemand],
    layout: {
      xaxis: { title: { text: 'hours' } },
      yaxis: { type: 'category', categoryorder: 'array', categoryarray: [...rows].reverse(), automargin: true },
    },
    heightPx: 150 + rows.length * 40,
  };
}
