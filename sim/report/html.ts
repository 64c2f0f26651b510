import type { PolicyReport, SimulationReport } from '../campaign/simulate.js';
import type { Estimate } from '../campaign/stats.js';
import { chartsOf } from './charts.js';
import { PAGE_CSS, PAGE_SCRIPT } from './page.js';

/**
 * One self-contained page: no request leaves it. `plotly` is the text of plotly.js-basic-dist-min, embedded.
 */
export function reportHtml(report: SimulationReport, plotly: string): string {
  const charts = chartsOf(report);
  const o = report.options;
  const sections = charts.map(
    (chart) =>
      `<section><h2>${escaped(chart.title)}</h2><p class="soft">${escaped(chart.note)}</p>` +
      `<div id="${chart.id}" role="img" aria-label="${escaped(chart.title)}" style="min-height:${chart.heightPx}px"></div></section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Synkti simulation: ${escaped(o.workload)}, seed ${o.seed}</title>
<link rel="icon" href="data:,">
<style>${PAGE_CSS}</style>
</head>
<body>
<main>
<h1>What ${o.policies.length} policies cost</h1>
<p>${escaped(summary(report))}</p>
<p class="soft">Seed ${o.seed}, ${o.runs} runs, Synkti ${escaped(report.version)}. The same seed and options give the same numbers on any machine.</p>
<div class="wide">${table(report)}</div>
${sections.join('\n')}
<details><summary>All parameters</summary><pre>${escaped(JSON.stringify(o, null, 2))}</pre></details>
</main>
<script type="application/json" id="charts">${forScript(JSON.stringify(charts))}</script>
<script>${plotly.replaceAll('</script', '<\\/script')}</script>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
}

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c);

/** JSON inside a script element must not end it. */
const forScript = (json: string): string => json.replaceAll('<', '\\u003c');

function summary(report: SimulationReport): string {
  const o = report.options;
  const market =
    o.traces.length > 0
      ? `recorded capacity of ${o.traces.join(', ')}`
      : `a ${o.market === 'ou' ? 'moving' : 'constant'} market of ${o.zones * o.types} pool(s) with spot at $${o.spotPrice}, ` +
        `on-demand at $${o.onDemandPrice} and ${o.preemptionRate} interruptions per instance and hour`;
  switch (o.workload) {
    case 'tasks':
      return `${o.tasks} tasks over ${o.duration} hours on ${market}.`;
    case 'job':
      return `A job of ${o.workHours} hours to be done in ${o.deadlineHours}, on ${market}.`;
    case 'service':
      return `A service of ${o.replicas} replicas for ${o.duration} hours on ${market}.`;
  }
}

const ROWS: Readonly<Record<SimulationReport['options']['workload'], readonly (readonly [string, string, number])[]>> =
  {
    tasks: [
      ['cost $', 'costUsd', 2],
      ['done', 'completed', 1],
      ['interrupted', 'interruptions', 1],
      ['lost h', 'lostHours', 2],
      ['slowdown', 'meanSlowdown', 4],
    ],
    job: [
      ['cost $', 'costUsd', 2],
      ['missed', 'missed', 3],
      ['changeovers', 'changeovers', 1],
    ],
    service: [
      ['cost $', 'costUsd', 2],
      ['available %', 'availabilityPercent', 2],
      ['dropped %', 'droppedPercent', 3],
      ['slow %', 'slowPercent', 3],
    ],
  };

function table(report: SimulationReport): string {
  const rows = ROWS[report.options.workload];
  const cells = (policy: PolicyReport): string => {
    const saved = policy.policy === report.baseline ? 'baseline' : shown(policy.savedPercent, 1);
    const values = rows.map(([, key, digits]) => `<td>${shown(policy.metrics[key], digits)}</td>`);
    return `<tr><td>${escaped(policy.policy)}</td><td>${saved}</td>${values.join('')}</tr>`;
  };
  const head = ['policy', 'saved %', ...rows.map(([title]) => title)].map((title) => `<th>${title}</th>`).join('');
  return `<table><thead><tr>${head}</tr></thead><tbody>${report.policies.map(cells).join('')}</tbody></table>`;
}

function shown(value: Estimate | undefined, digits: number): string {
  if (value === undefined) return '';
  return value.ci95 === null
    ? value.mean.toFixed(digits)
    : `${value.mean.toFixed(digits)} ± ${value.ci95.toFixed(digits)}`;
}
