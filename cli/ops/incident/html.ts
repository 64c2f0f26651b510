/** An incident as one HTML page: no script, no request to any host, light and dark, from 360 px on. */
import { secondsText, timeText } from '../show.js';
import type { Incident, Step } from './incident.js';
import { factsOf, outcomeText, whatHappened } from './text.js';

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2024; --paper: #fff; --faint: #60646c; --line: #dfe1e6; --track: #f0f1f4;
  --done: #2a7e3b; --late: #c62a2f; --other: #4a63b8; --mark: #ad5700; }
@media (prefers-color-scheme: dark) { :root { --ink: #edeef0; --paper: #111214; --faint: #a5a9b1; --line: #34373e;
  --track: #1d1f23; --done: #4cc38a; --late: #ff6369; --other: #8da4ef; --mark: #f1a10d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 3rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.25rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 2rem 0 .75rem; }
p { margin: 0 0 1rem; overflow-wrap: anywhere; }
.step { display: grid; grid-template-columns: 11rem 1fr 13rem; gap: .25rem 1rem; align-items: center; padding: .4rem 0;
  border-top: 1px solid var(--line); }
.name { font-weight: 600; }
.track { position: relative; height: 1.25rem; background: var(--track); border-radius: 3px; }
.bar, .budget { position: absolute; top: 0; bottom: 0; border-radius: 3px; }
.bar { min-width: 3px; top: .25rem; bottom: .25rem; background: var(--other); }
.bar.done { background: var(--done); } .bar.out-of-time { background: var(--late); }
.budget { border: 1px dashed var(--faint); min-width: 3px; }
.mark { position: absolute; top: -.2rem; bottom: -.2rem; width: 0; border-left: 2px solid var(--mark); }
.said { color: var(--faint); font-size: .875rem; font-variant-numeric: tabular-nums; }
.late { color: var(--late); font-weight: 600; }
.scale { display: flex; justify-content: space-between; color: var(--faint); font-size: .8125rem; }
.scale span:nth-child(2) { color: var(--mark); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .4rem 1.25rem; margin: 0; }
dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
footer { margin-top: 2.5rem; color: var(--faint); font-size: .8125rem; }
@media (max-width: 40rem) { .step { grid-template-columns: 1fr auto; } .track { grid-column: 1 / -1; grid-row: 2; }
  .said { text-align: right; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .6rem; } .scale { padding: 0; } }
`;

export function incidentHtml(incident: Incident, cluster: string, nowMs: number): string {
  const { atMs, deadlineMs, steps, replacement } = incident;
  const asked = replacement?.launchedMs ?? null;
  const moments = steps.flatMap(({ startedMs, endedMs, budgetMs }) => [
    endedMs ?? startedMs ?? atMs,
    startedMs !== null && budgetMs !== null ? startedMs + budgetMs : atMs,
  ]);
  const endMs = Math.max(atMs + 1, deadlineMs ?? 0, ...moments);
  const percent = (ms: number): number => Math.min(100, Math.max(0, ((ms - atMs) / (endMs - atMs)) * 100));
  const mark =
    asked === null || asked < atMs || asked > endMs
      ? ''
      : `<i class="mark" style="left:${percent(asked).toFixed(2)}%" title="replacement launched, +${secondsText(asked - atMs)}"></i>`;
  const rows = steps.map((step) => stepHtml(step, atMs, percent, mark)).join('\n');
  const facts = factsOf(incident, nowMs).map(
    ([name, text]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(text)}</dd>`,
  );
  const legend =
    mark === '' ? '<span></span>' : `<span>| replacement launched, +${secondsText((asked ?? atMs) - atMs)}</span>`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(incident.id)}</title>
<style>${STYLE}</style>
<h1>${escapeHtml(incident.id)}</h1>
<p>${escapeHtml(whatHappened(incident))}</p>
${
  steps.length === 0
    ? '<p>No ledger: the node told nothing of its steps.</p>'
    : `<h2>Where the seconds went</h2>
<div class="scale"><span>${escapeHtml(timeText(atMs))} UTC</span>${legend}<span>+${secondsText(endMs - atMs)}${deadlineMs === endMs ? ', the deadline' : ''}</span></div>
${rows}`
}
<h2>What came of it</h2>
<dl>${facts.join('\n')}</dl>
<footer>Cluster ${escapeHtml(cluster)}. Bars are steps, dashed frames their budgets. Written ${escapeHtml(timeText(nowMs))} UTC by synkti incident.</footer>
</html>
`;
}

function stepHtml(step: Step, atMs: number, percent: (ms: number) => number, mark: string): string {
  const { startedMs, endedMs, budgetMs, tookMs, outcome } = step;
  const from = percent(startedMs ?? atMs);
  const width = percent(endedMs ?? startedMs ?? atMs) - from;
  const budget =
    budgetMs === null || startedMs === null
      ? ''
      : `<i class="budget" style="left:${from.toFixed(2)}%;width:${(percent(startedMs + budgetMs) - from).toFixed(2)}%"></i>`;
  const took = tookMs === null ? '' : secondsText(tookMs);
  const of = budgetMs === null ? '' : ` of ${secondsText(budgetMs)}`;
  const late = outcome === 'out-of-time' ? ' late' : '';
  return `<div class="step"><span class="name">${step.step}</span>
<div class="track" role="img" aria-label="${step.step}: from +${secondsText((startedMs ?? atMs) - atMs)}, took ${took || 'unknown'}">${budget}<i class="bar ${outcome ?? ''}" style="left:${from.toFixed(2)}%;width:${width.toFixed(2)}%"></i>${mark}</div>
<span class="said${late}">${[`${took}${of}`, outcomeText(step)].filter((text) => text !== '').join(', ')}</span></div>`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => ESCAPES[c] ?? c);
