/** The page's own style and script; the charts come from `charts.ts`. */
export const PAGE_CSS = `
:root { color-scheme: light dark; --bg: #ffffff; --fg: #1b1f24; --soft: #57606a; --line: #d0d7de; --card: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #0d1117; --fg: #e6edf3; --soft: #9da7b3; --line: #30363d; --card: #161b22; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--fg); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 16px; }
h1 { font-size: 1.6rem; margin: 8px 0; }
h2 { font-size: 1.15rem; margin: 0 0 4px; }
p { margin: 4px 0; }
.soft { color: var(--soft); }
section { border: 1px solid var(--line); border-radius: 8px; padding: 12px; margin: 16px 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 8px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--bg); }
details { margin: 16px 0; }
pre { overflow-x: auto; background: var(--card); padding: 12px; border-radius: 8px; font-size: 0.8rem; }
@media (max-width: 600px) { main { padding: 8px; } section { padding: 8px; } h1 { font-size: 1.3rem; } }
`;

/** Draws all charts, and again when the page turns dark or light, or becomes narrow. */
export const PAGE_SCRIPT = `
const charts = JSON.parse(document.getElementById('charts').textContent);
const dark = matchMedia('(prefers-color-scheme: dark)');
const narrow = matchMedia('(max-width: 600px)');
function axis(own, colours) {
  const title = own.title && { ...own.title, font: { size: 12 } };
  return { gridcolor: colours.grid, zerolinecolor: colours.line, linecolor: colours.line, automargin: true, ...own, title };
}
function draw() {
  const css = getComputedStyle(document.documentElement);
  const colours = { fg: css.getPropertyValue('--fg').trim(), line: css.getPropertyValue('--soft').trim(),
    grid: css.getPropertyValue('--line').trim(), bg: css.getPropertyValue('--bg').trim() };
  for (const chart of charts) {
    const layout = { ...chart.layout, height: chart.heightPx, autosize: true, paper_bgcolor: colours.bg,
      plot_bgcolor: colours.bg, font: { color: colours.fg, size: narrow.matches ? 11 : 13 },
      margin: { l: narrow.matches ? 40 : 60, r: narrow.matches ? 12 : 24, t: 16, b: 48 }, dragmode: narrow.matches ? false : 'zoom',
      legend: { orientation: 'h', y: -64 / Math.max(80, chart.heightPx - 64), yanchor: 'top', ...(chart.layout.legend || {}) } };
    for (const key of ['xaxis', 'yaxis', 'yaxis2']) if (chart.layout[key] || key !== 'yaxis2') layout[key] = axis(chart.layout[key] || {}, colours);
    Plotly.react(chart.id, chart.data, layout, { responsive: true, displaylogo: false, displayModeBar: narrow.matches ? false : 'hover' });
  }
  document.documentElement.dataset.drawn = String(charts.length);
}
draw();
dark.addEventListener('change', draw);
narrow.addEventListener('change', draw);
`;
