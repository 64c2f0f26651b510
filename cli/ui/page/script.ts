/**
 * The live page's script: asks for pictures with the token, patches what changed, and sends acts. It decides nothing:
 * texts and states come as they are shown. Plain text goes in by textContent only.
 */
import { PAGE_DRAW } from './draw.js';

const CONNECTION = String.raw`
const kept = 'synkti-token';
let token = location.hash.slice(1);
if (token !== '') { sessionStorage.setItem(kept, token); history.replaceState(null, '', '/'); }
else token = sessionStorage.getItem(kept) || '';
const headers = { 'x-synkti-token': token };
let ended = false, tries = 0;

async function listen() {
  const answer = await fetch('/events', { headers });
  if (answer.status === 401) { ended = true; throw new Error((await answer.json()).text); }
  if (!answer.ok || answer.body === null) throw new Error('Synkti does not answer; does it still run in the terminal?');
  tries = 0;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    for (let at = text.indexOf('\n\n'); at >= 0; at = text.indexOf('\n\n')) {
      const found = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, at));
      text = text.slice(at + 2);
      if (found !== null) take(found[1], JSON.parse(found[2]));
    }
  }
}
async function connect() {
  while (!ended) {
    try { await listen(); } catch (error) { offline(ended ? error.message : 'No connection to the terminal; trying again'); }
    if (ended) break;
    tries++;
    offline('No connection to the terminal; trying again');
    await new Promise((resolve) => setTimeout(resolve, Math.min(5000, 300 * tries)));
  }
}
async function act(body) {
  try {
    const answer = await fetch('/act', { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) });
    say((await answer.json()).text);
  } catch { say('Synkti does not answer; does it still run in the terminal?'); }
}
connect();
`;

const KEYS = `
const byKey = { i: 'interrupt', k: 'kill', c: 'cut-off', h: 'hang' };
function move(from, key) {
  const all = [...document.querySelectorAll('.node')];
  const at = all.indexOf(from);
  if (key === 'ArrowRight') return all[at + 1];
  if (key === 'ArrowLeft') return all[at - 1];
  if (key === 'Home') return all[0];
  if (key === 'End') return all[all.length - 1];
  const down = key === 'ArrowDown', here = from.getBoundingClientRect();
  let best, least = Infinity;
  for (const one of all) {
    const there = one.getBoundingClientRect();
    const dy = down ? there.top - here.top : here.top - there.top;
    if (dy < 4) continue;
    const far = dy * 3 + Math.abs(there.left - here.left);
    if (far < least) { least = far; best = one; }
  }
  return best;
}
$('zones').addEventListener('keydown', (event) => {
  const tile = event.target.closest('.node');
  if (tile === null || event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(Arrow|Home|End)/.test(event.key)) {
    const next = move(tile, event.key);
    event.preventDefault();
    if (next) { rove(next); next.focus(); }
    return;
  }
  const key = event.key.toLowerCase();
  if (event.repeat || !parts.head || !parts.head.acts) return;
  if (byKey[key]) act({ act: byKey[key], node: tile.dataset.id });
  else if (key === 'z') act({ act: 'reclaim-zone', zone: nodes.get(tile.dataset.id).card.zone });
});
$('zones').addEventListener('click', (event) => {
  const tile = event.target.closest('.node');
  if (tile !== null) { rove(tile); choose(chosen === tile.dataset.id ? null : tile.dataset.id); }
});
$('zones').addEventListener('focusin', (event) => { const tile = event.target.closest('.node'); if (tile !== null) rove(tile); });
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || chosen === null) return;
  const tile = nodes.get(chosen);
  choose(null);
  if (tile) tile.tile.focus();
});
$('close').addEventListener('click', () => { const tile = nodes.get(chosen); choose(null); if (tile) tile.tile.focus(); });
$('heal').addEventListener('click', () => act({ act: 'heal' }));
$('end').addEventListener('click', () => act({ act: 'end' }));
for (const [name, text, key] of [['interrupt', 'Interrupt', 'I'], ['kill', 'Kill', 'K'], ['cut-off', 'Cut off', 'C'], ['hang', 'Hang its agent', 'H']]) {
  const button = make('button', $('acts'), '');
  button.type = 'button';
  make('span', button, text);
  make('kbd', button, key).setAttribute('aria-hidden', 'true');
  button.addEventListener('click', () => { if (chosen !== null) act({ act: name, node: chosen }); });
}
`;

export const PAGE_SCRIPT = `'use strict';\n${PAGE_DRAW}${KEYS}${CONNECTION}`;
