/** The live page's look: calm while all is well; whoever needs a look stands out by shape and word, not by colour alone. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --bg: #f7f8fa; --card: #ffffff; --fg: #1b1f24; --soft: #57606a; --line: #d8dee4;
  --good: #1a7f5a; --good-bg: #e6f4ee; --wait: #4a5a78; --wait-bg: #eaeef6; --warn: #8a5300; --warn-bg: #fff1d6;
  --bad: #b42318; --bad-bg: #fdeae8; --accent: #0b5cad; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #0d1117; --card: #151b23; --fg: #e6edf3; --soft: #9da7b3; --line: #2b333d;
    --good: #5fd0a5; --good-bg: #12261f; --wait: #a9b8d6; --wait-bg: #1b2333; --warn: #f2b45a; --warn-bg: #33260f;
    --bad: #ff8f85; --bad-bg: #3a1a18; --accent: #6cb2f7; }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { font-size: clamp(14px, 0.45vw + 10px, 24px); }
body { margin: 0; background: var(--bg); color: var(--fg); font: 1rem/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1, h2, h3, p, dl, dd, ol, ul { margin: 0; padding: 0; }
ol, ul { list-style: none; }
h1 { font-size: 1.15rem; font-weight: 650; } h1 span { font-weight: 400; color: var(--soft); overflow-wrap: anywhere; }
h2 { font-size: 0.95rem; font-weight: 650; } h3 { font-size: 0.85rem; font-weight: 600; }
.soft { color: var(--soft); }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; top: 0.5rem; background: var(--card); padding: 0.4rem; z-index: 3; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; } #nodes:focus { outline: none; }
header { position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; gap: 0.6rem 2rem; align-items: center;
  padding: 0.7rem 1.2rem; background: var(--card); border-bottom: 1px solid var(--line); }
.brand { flex: 1 1 11rem; min-width: 0; } .brand p { font-size: 0.85rem; }
.figures { display: flex; flex-wrap: wrap; gap: 0.4rem 1.5rem; } .figures small { font-size: 0.78rem; font-weight: 400; color: var(--soft); }
dt { font-size: 0.72rem; color: var(--soft); white-space: nowrap; }
.figures dd { font-size: 1.15rem; font-weight: 600; line-height: 1.2; white-space: nowrap; }
.figures dd.bad, #facts dd.bad, #stage.bad { color: var(--bad); } .reads .acting, body:not(.reads) .reading { display: none; }
.spark dd { display: flex; flex-wrap: wrap; align-items: center; gap: 0 0.6rem; white-space: normal; } .spark svg { width: 8rem; height: 1.5rem; border-bottom: 1px solid var(--line); }
#spark path { fill: none; stroke: var(--accent); stroke-width: 1.5; stroke-linecap: round; vector-effect: non-scaling-stroke; }
#spark rect { fill: var(--bad); }
progress { width: 5rem; height: 0.5rem; accent-color: var(--good); }
button { font: inherit; color: inherit; cursor: pointer; background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem; padding: 0.35rem 0.8rem; min-height: 2rem; }
button:hover { border-color: var(--accent); } button:disabled { opacity: 0.55; cursor: default; }
.plain { border: 0; background: none; min-width: 2rem; } .actions { display: flex; gap: 0.5rem; }
main { display: grid; grid-template-columns: minmax(0, 1fr) minmax(19rem, 24rem); gap: 1rem; padding: 1rem 1.2rem; align-items: start; }
main section { min-width: 0; } aside { display: grid; gap: 1rem; min-width: 0; }
aside section, .zone { background: var(--card); border: 1px solid var(--line); border-radius: 0.75rem; padding: 0.8rem 0.9rem; }
.row { display: flex; flex-wrap: wrap; gap: 0.3rem 1rem; align-items: baseline; justify-content: space-between; }
.legend, .keys { display: flex; flex-wrap: wrap; gap: 0.2rem 0.9rem; font-size: 0.78rem; } .keys { margin-top: 0.8rem; gap: 0.3rem 0.5rem; }
.legend i { display: inline-block; width: 0.8rem; margin-right: 0.3rem; font-style: normal; text-align: center; }
kbd { border: 1px solid var(--line); border-radius: 0.25rem; padding: 0 0.3rem; font: inherit; font-size: 0.75rem; color: var(--fg); }
#zones { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 16rem), 1fr)); gap: 0.8rem; margin-top: 0.6rem; align-items: start; }
.zone .row { margin-bottom: 0.6rem; flex-wrap: nowrap; align-items: center; } .zone h3 small { display: block; font-weight: 400; color: var(--soft); }
.zone button.reclaim { font-size: 0.75rem; color: var(--soft); padding: 0.2rem 0.6rem; white-space: nowrap; }
.zone.reclaimed { border-style: dashed; }
.zone ul { display: grid; grid-template-columns: repeat(auto-fill, minmax(var(--tile, 7.4rem), 1fr)); gap: 0.4rem; }
.node { display: grid; grid-template-columns: auto 1fr; gap: 0 0.45rem; align-items: center; width: 100%; min-height: 2.9rem; padding: 0.3rem 0.55rem;
  text-align: left; border-radius: 0.5rem; border: 1px solid transparent; background: var(--tint); line-height: 1.2; overflow: hidden; }
.node i { font-style: normal; } .node b { font-weight: 600; white-space: nowrap; } .node small { grid-column: 2; font-size: 0.72rem; color: var(--ink); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.node .mark, .legend i { color: var(--ink); } .mark::before, .legend i::before { content: var(--mark); }
.node .mark { grid-row: span 2; font-size: 0.95rem; width: 1em; text-align: center; }
.node[aria-pressed=true] { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
.node b span { font-weight: 400; color: var(--soft); } .node[data-m=on-demand] b, .legend u { text-decoration: underline 2px; text-underline-offset: 3px; }
.node[data-x~=cut] { border: 1px dashed var(--ink); } .node[data-x~=risk] { border: 1px dotted var(--warn); }
[data-c=serving] { --mark: '●'; --ink: var(--good); --tint: var(--good-bg); }
[data-c=booting] { --mark: '◔'; --ink: var(--wait); --tint: var(--wait-bg); }
[data-c=noticed], [data-c=draining] { --mark: '▲'; --ink: var(--warn); --tint: var(--warn-bg); }
[data-c=unwell] { --mark: '!'; --ink: var(--bad); --tint: var(--bad-bg); }
[data-c=dead] { --mark: '✕'; --ink: var(--bad); --tint: var(--bad-bg); }
[data-c=ending], [data-c=ended] { --mark: '○'; --ink: var(--soft); --tint: transparent; }
.node[data-c=noticed], .node[data-c=draining], .node[data-c=dead], .node[data-c=unwell] { border-color: var(--ink); }
.node[data-c=ending], .node[data-c=ended] { border-color: var(--line); }
.dense { --tile: 4.5rem; } .dense ul { gap: 0.3rem; } .dense .node { min-height: 2.1rem; padding: 0.15rem 0.4rem; gap: 0 0.3rem; font-size: 0.88rem; }
.dense .node small { display: none; } .dense .node .mark { grid-row: auto; font-size: 0.8rem; } .dense .node[data-c=noticed] { grid-template-columns: auto auto 1fr; } .dense .node[data-c=noticed] small { display: block; grid-column: 3; text-align: right; } .dense .node[data-c=noticed] b span { display: none; }
@media (min-width: 2400px) { .dense { --tile: 8rem; } .dense .node { min-height: 2.9rem; font-size: 1rem; } .dense .node small { display: block; } .dense .node .mark { grid-row: span 2; } .dense .node[data-c=noticed] { grid-template-columns: auto 1fr; } .dense .node[data-c=noticed] small { grid-column: 2; text-align: left; } }
#facts { display: grid; grid-template-columns: auto 1fr; gap: 0.15rem 0.8rem; align-items: baseline; margin: 0.5rem 0; font-size: 0.85rem; } #facts dd { overflow-wrap: anywhere; }
#detail-label { font-size: 0.9rem; } .acts { display: grid; grid-template-columns: 1fr 1fr; gap: 0.4rem; } .acts button { text-align: left; font-size: 0.85rem; display: flex; justify-content: space-between; gap: 0.4rem; }
#concerns, #commands { display: grid; gap: 0.45rem; margin-top: 0.5rem; font-size: 0.85rem; } #concerns { max-height: 24rem; overflow-y: auto; } #concerns b { display: block; font-size: 0.78rem; font-weight: 600; color: var(--soft); } #concerns .down b { color: var(--bad); } #concerns .risk b { color: var(--warn); } #concerns span { overflow-wrap: anywhere; }
#commands li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0.1rem 0.6rem; align-items: center; } #commands small { grid-column: 1 / -1; color: var(--soft); } #commands code { font-size: 0.78rem; overflow-wrap: anywhere; user-select: all; } #commands button { font-size: 0.78rem; padding: 0.15rem 0.6rem; }
#incidents, #log { display: grid; gap: 0.5rem; margin-top: 0.5rem; } #incidents { max-height: 24rem; overflow-y: auto; } #log { max-height: 20rem; overflow-y: auto; gap: 0.25rem; font-size: 0.8rem; }
.incident { border-left: 3px solid var(--warn); padding-left: 0.7rem; } .incident.healed { border-color: var(--line); } .incident.silent { border-color: var(--bad); } .incident.silent.healed { border-color: var(--line); }
.incident h3 { font-size: 0.8rem; } .incident .clock { font-weight: 600; font-size: 0.8rem; white-space: nowrap; } .incident .row { flex-wrap: nowrap; }
.incident ul { font-size: 0.78rem; color: var(--soft); } .incident li { display: flex; justify-content: space-between; gap: 0.6rem; } .incident li.todo { opacity: 0.75; } .incident li span:last-child { white-space: nowrap; }
.track { height: 0.3rem; border-radius: 0.2rem; background: var(--line); overflow: hidden; margin: 0.3rem 0; } .track i { display: block; height: 100%; background: var(--warn); transform-origin: left; }
#log li { display: grid; grid-template-columns: 4rem minmax(0, 1fr); gap: 0.5rem; overflow-wrap: anywhere; } #log time { color: var(--soft); text-align: right; } #log .act { font-weight: 600; }
#said { position: fixed; left: 50%; bottom: 1rem; transform: translateX(-50%); max-width: min(92vw, 40rem); padding: 0.5rem 1rem; border-radius: 0.6rem; background: var(--fg); color: var(--bg); z-index: 3; }
#said:empty { padding: 0; }
@media (max-width: 110rem) { .actions { order: 1; } .figures { order: 2; flex-basis: 100%; } }
@media (max-width: 60rem) { main { grid-template-columns: minmax(0, 1fr); padding: 0.7rem; } header { padding: 0.6rem 0.7rem; gap: 0.5rem 1rem; } #detail { position: fixed; left: 0; right: 0; bottom: 0; z-index: 3; max-height: 60vh; overflow-y: auto; border-radius: 0.9rem 0.9rem 0 0; box-shadow: 0 -0.4rem 1.6rem #0006; } body:has(#detail:not([hidden])) { padding-bottom: 20rem; } .figures { gap: 0.3rem 1rem; } }
@media (max-width: 40rem) { header { position: static; } .figures dd { font-size: 1.05rem; } .spark svg, progress { width: 6rem; } }
@media (prefers-reduced-motion: no-preference) { .node { transition: background-color 0.3s, border-color 0.3s; } }
@media (forced-colors: active) { .node, .track { border: 1px solid; } }
`;
