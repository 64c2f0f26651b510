import { PAGE_CSS } from '../report/page.js';
import { VERSION } from '../version.js';
import type { Grid } from './grid.js';
import type { ScenarioResult } from './sweep.js';

/**
 * The sweep as one self-contained page: a table whose cells are tinted by value, the value written in each (so colour
 * is never needed), for a policy and a metric of the reader's choice.
 */
export function heatMapHtml(grid: Grid, results: readonly ScenarioResult[], scenarios: number): string {
  const data = {
    axes: grid.axes.map((axis) => ({ name: axis.name, labels: axis.values.map((value) => value.label) })),
    results: results.map((result) => ({
      labels: result.labels,
      policies: Object.fromEntries(
        result.policies.map((policy) => [
          policy.policy,
          {
            savedPercent: policy.savedPercent.mean,
            ...Object.fromEntries(Object.entries(policy.metrics).map(([key, value]) => [key, value.mean])),
          },
        ]),
      ),
    })),
  };
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  const partly = results.length < scenarios ? ` (${results.length} of them done so far)` : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Synkti sweep: ${escaped(grid.name)}</title>
<link rel="icon" href="data:,">
<style>${PAGE_CSS}
.soft { overflow-wrap: anywhere; }
#map td, #map th { padding: 3px 6px; border: 1px solid var(--bg); }
#map th { position: static; font-weight: 600; }
#map td.cell { text-align: right; position: static; }
select { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 2px 6px; }
</style>
</head>
<body>
<main>
<h1>${escaped(grid.name)}</h1>
<p>${scenarios} scenarios${partly}. Darker blue is more; the number is the mean over runs.</p>
<p class="soft">Base: ${escaped(JSON.stringify(grid.base))}. Synkti ${VERSION}.</p>
<p><label>Policy <select id="policy"></select></label> <label>Metric <select id="metric"></select></label></p>
<div class="wide"><table id="map"></table></div>
</main>
<script type="application/json" id="data">${json}</script>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c);

const SCRIPT = `
const { axes, results } = JSON.parse(document.getElementById('data').textContent);
const across = Math.floor(axes.length / 2);
const down = axes.slice(0, axes.length - across), side = axes.slice(axes.length - across);
const combos = (list) => list.reduce((all, axis) => all.flatMap((c) => axis.labels.map((label) => [...c, label])), [[]]);
const byLabels = new Map(results.map((r) => [JSON.stringify(r.labels), r.policies]));
const policySelect = document.getElementById('policy'), metricSelect = document.getElementById('metric');
const first = results[0] ? results[0].policies : {};
const fill = (select, names) => names.forEach((name) => select.add(new Option(name, name)));
fill(policySelect, Object.keys(first));
fill(metricSelect, Object.keys(Object.values(first)[0] || {}));
policySelect.selectedIndex = Object.keys(first).length - 1;
function draw() {
  const value = (labels) => { const p = (byLabels.get(JSON.stringify(labels)) || {})[policySelect.value]; return p && p[metricSelect.value]; };
  const rows = combos(down), columns = combos(side);
  const all = rows.flatMap((r) => columns.map((c) => value([...r, ...c]))).filter((v) => typeof v === 'number');
  const low = Math.min(...all), high = Math.max(...all);
  const table = document.getElementById('map');
  table.replaceChildren();
  const head = (text, tag = 'th') => { const cell = document.createElement(tag); cell.textContent = text; return cell; };
  for (let a = 0; a < side.length; a++) {
    const row = table.insertRow();
    down.forEach((axis, i) => row.append(head(a === side.length - 1 ? axis.name : '')));
    row.append(head(side[a].name));
    columns.forEach((c) => row.append(head(c[a])));
  }
  if (side.length === 0) { const row = table.insertRow(); down.forEach((axis) => row.append(head(axis.name))); row.append(head(''), head('')); }
  for (const r of rows) {
    const row = table.insertRow();
    r.forEach((label) => row.append(head(label)));
    row.append(head(''));
    for (const c of columns) {
      const v = value([...r, ...c]);
      const cell = row.insertCell();
      cell.className = 'cell';
      cell.textContent = typeof v === 'number' ? (Math.abs(v) >= 100 ? v.toFixed(0) : v.toFixed(1)) : '';
      if (typeof v !== 'number') continue;
      const share = high > low ? (v - low) / (high - low) : 0.5;
      const light = 94 - 62 * share;
      cell.style.background = 'hsl(205 70% ' + light + '%)';
      cell.style.color = light > 45 ? '#10202e' : '#ffffff';
    }
  }
  document.documentElement.dataset.drawn = String(all.length);
}
policySelect.addEventListener('change', draw);
metricSelect.addEventListener('change', draw);
draw();
`;
