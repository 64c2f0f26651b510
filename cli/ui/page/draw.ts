/** The drawing half of the live page's script: keyed patches, so that 200 idle nodes cost nothing. */
export const PAGE_DRAW = `
const $ = (id) => document.getElementById(id);
const nodes = new Map(), zones = new Map();
let parts = {}, chosen = null, skewMs = 0, order = 0, silence = 0, figured = '', listed = null;

function make(tag, parent, text) { const el = document.createElement(tag); el.textContent = text; parent.append(el); return el; }
function put(el, text) { if (el.textContent !== text) el.textContent = text; }
const now = () => Date.now() + skewMs;
const secs = (ms) => (Math.max(0, ms) / 1000).toFixed(1) + ' s';
function say(text) { put($('said'), text); clearTimeout(silence); silence = setTimeout(() => put($('said'), ''), 6000); }
function offline(text) { put($('stage'), text); }

function take(event, data) {
  if (event === 'end') { ended = true; offline(data.text); return; }
  if (data.nowMs) skewMs = data.nowMs - Date.now();
  if (event === 'beat') return;
  if (event === 'picture') {
    const there = new Set(data.nodes.map((card) => card.id));
    for (const id of nodes.keys()) if (!there.has(id)) drop(id);
  }
  const news = data.parts;
  Object.assign(parts, news);
  if (news.zones) drawZones();
  for (const card of data.nodes) drawNode(card);
  for (const id of data.gone || []) drop(id);
  if (data.nodes.length > 0 || (data.gone || []).length > 0) arrange();
  if (news.head) drawHead();
  if (news.concerns) drawConcerns();
  if (news.traffic !== undefined) drawTraffic();
  if (news.tasks !== undefined) drawTasks();
  if (news.incidents) drawIncidents();
  if (news.lines) drawLog();
  if (chosen !== null && data.nodes.some((card) => card.id === chosen)) drawDetail();
  if (event === 'picture') { document.documentElement.dataset.drawn = ''; offline(parts.head.stageText); }
  clocks();
}

function drawHead() {
  const h = parts.head;
  put($('title'), h.title); put($('stage'), h.stageText);
  put($('serving'), h.serving + ' / ' + h.desired);
  put($('capacity'), h.spot + ' spot'); put($('on-demand'), h.onDemand > 0 ? h.onDemand + ' on-demand' : '');
  $('serving').classList.toggle('bad', h.serving < h.desired && h.stage !== 'booting');
  $('stage').classList.toggle('bad', h.stage === 'trouble');
  $('heal').hidden = !h.partitioned;
  for (const id of ['end', 'keys-act', 'acts']) $(id).hidden = !h.acts;
  for (const id of ['keys-read', 'commands']) $(id).hidden = h.acts;
  $('end').disabled = h.stage === 'booting' || h.stage === 'over';
  document.title = 'Synkti: ' + h.title;
  document.body.classList.toggle('reads', !h.acts);
  const wanted = JSON.stringify(h.figures);
  if (figured === wanted) return;
  figured = wanted;
  for (const old of document.querySelectorAll('.figures > .figure')) old.remove();
  for (const figure of h.figures) {
    const box = make('div', document.querySelector('.figures'), ''); box.className = 'figure';
    make('dt', box, figure.name);
    const dd = make('dd', box, ''); dd.classList.toggle('bad', figure.bad);
    make('span', dd, figure.value + ' '); make('small', dd, figure.note);
  }
}

function drawConcerns() {
  $('concerns-box').hidden = false;
  $('well').hidden = parts.concerns.length > 0;
  $('concerns').replaceChildren();
  for (const one of parts.concerns) {
    const item = make('li', $('concerns'), ''); item.className = one.level;
    make('b', item, { down: '✕ Down', risk: '! At risk', waiting: '… Under way' }[one.level]);
    make('span', item, one.text);
  }
}

function drawZones() {
  const there = new Set(parts.zones.map((z) => z.name));
  for (const [name, it] of zones) if (!there.has(name)) { it.box.remove(); zones.delete(name); }
  for (const z of parts.zones) {
    let it = zones.get(z.name);
    if (!it) {
      const box = make('section', $('zones'), ''); box.className = 'zone';
      const row = make('div', box, ''); row.className = 'row';
      const title = make('h3', row, z.name); title.id = 'zone-' + z.name; box.setAttribute('aria-labelledby', title.id);
      const pools = make('small', title, '');
      const button = make('button', row, ''); button.type = 'button'; button.className = 'reclaim'; button.hidden = !(parts.head && parts.head.acts);
      it = { box, pools, button, list: make('ul', box, ''), reclaimed: false };
      button.addEventListener('click', () => act({ act: it.reclaimed ? 'give-back' : 'reclaim-zone', zone: z.name }));
      zones.set(z.name, it);
    }
    it.reclaimed = z.reclaimed;
    it.box.classList.toggle('reclaimed', z.reclaimed);
    put(it.pools, z.reclaimed ? 'no spot capacity' : z.pools.join(', '));
    put(it.button, z.reclaimed ? 'Give back' : 'Reclaim');
    it.button.setAttribute('aria-label', (z.reclaimed ? 'Give spot capacity back to ' : 'Reclaim all spot nodes of ') + z.name);
  }
}

function drawNode(card) {
  let it = nodes.get(card.id);
  if (!it) {
    const item = document.createElement('li');
    const tile = make('button', item, ''); tile.type = 'button'; tile.className = 'node'; tile.dataset.id = card.id; tile.tabIndex = -1;
    const mark = make('span', tile, ''); mark.className = 'mark'; mark.setAttribute('aria-hidden', 'true');
    tile.setAttribute('aria-pressed', 'false');
    const seat = make('b', tile, '');
    it = { item, tile, slot: make('i', seat, ''), generation: make('span', seat, ''), note: make('small', tile, '') };
    nodes.set(card.id, it);
    const zone = zones.get(card.zone);
    if (zone) zone.list.append(item);
  }
  it.card = card;
  it.tile.dataset.c = card.condition; it.tile.dataset.m = card.market;
  it.tile.dataset.x = (card.cutOff ? 'cut ' : '') + (card.atRisk ? 'risk' : '');
  it.tile.setAttribute('aria-label', card.label); it.tile.title = card.label;
  const dot = card.seat.indexOf('.');
  put(it.slot, dot < 0 ? card.seat : card.seat.slice(0, dot)); put(it.generation, dot < 0 ? '' : card.seat.slice(dot));
  if (card.deadlineMs === null) put(it.note, note(card));
}
const note = (card) => card.hung ? 'agent hangs' : card.cutOff ? 'cut off' : card.condition === 'serving' ? card.pool : card.condition;

/** In order of slots within each zone; only what stands at a wrong place is moved. */
function arrange() {
  for (const zone of zones.values()) {
    const cards = [...zone.list.children].map((item) => nodes.get(item.firstChild.dataset.id));
    const sorted = [...cards].sort((a, b) => (a.card.slot ?? 1e9) - (b.card.slot ?? 1e9) || (a.card.id < b.card.id ? -1 : 1));
    if (cards.some((it, i) => it !== sorted[i])) {
      const held = document.activeElement;
      zone.list.append(...sorted.map((it) => it.item));
      if (held !== document.activeElement && held !== null) held.focus({ preventScroll: true });
    }
  }
  $('zones').classList.toggle('dense', nodes.size > 40);
  if (document.querySelector('.node[tabindex="0"]') === null) { const first = document.querySelector('.node'); if (first) first.tabIndex = 0; }
}
function rove(tile) { for (const one of document.querySelectorAll('.node[tabindex="0"]')) one.tabIndex = -1; tile.tabIndex = 0; }

function drop(id) {
  const it = nodes.get(id);
  if (!it) return;
  const held = document.activeElement === it.tile;
  nodes.delete(id); it.item.remove();
  if (chosen === id) choose(null);
  const heir = held ? [...nodes.values()].find((one) => one.card.slot === it.card.slot) || [...nodes.values()][0] : undefined;
  if (heir) { rove(heir.tile); heir.tile.focus(); }
}

function choose(id) {
  const before = nodes.get(chosen);
  if (before) before.tile.setAttribute('aria-pressed', 'false');
  chosen = id;
  const it = nodes.get(id);
  if (it) it.tile.setAttribute('aria-pressed', 'true');
  $('detail').hidden = !it;
  if (it) { drawDetail(); }
}
function drawDetail() {
  const { card } = nodes.get(chosen);
  put($('detail-title'), 'Slot ' + (card.slot ?? 'none') + ', ' + card.id);
  put($('detail-label'), card.label);
  const facts = [['pool', card.pool + ' in ' + card.zone], ['bought', card.market]];
  if (card.requests !== null) facts.push(['requests', card.requests.toLocaleString('en')]);
  for (const fact of card.facts || []) facts.push(fact);
  if (card.seenBy !== null) facts.push(['gossip', 'alive to ' + card.seenBy.alive + ' of ' + card.seenBy.asked + ' peers asked' + (card.seenBy.suspect > 0 ? ', suspected by ' + card.seenBy.suspect : '')]);
  if (card.deadlineMs !== null) facts.push(['taken in', secs(card.deadlineMs - now())]);
  $('facts').replaceChildren();
  for (const [name, value, bad] of facts) { make('dt', $('facts'), name); make('dd', $('facts'), value).className = bad ? 'bad' : ''; }
  if (parts.head.acts || listed === card.id) return;
  listed = card.id;
  $('commands').replaceChildren();
  for (const command of parts.head.commands) {
    const item = make('li', $('commands'), '');
    const text = command.text.replace('{id}', card.id);
    make('small', item, command.name);
    make('code', item, text);
    const button = make('button', item, 'Copy'); button.type = 'button'; button.setAttribute('aria-label', 'Copy: ' + text);
    button.addEventListener('click', () => copy(text));
  }
}
async function copy(text) {
  try { await navigator.clipboard.writeText(text); say('Copied: ' + text); }
  catch { say('The browser did not let it be copied; mark it and copy it by hand.'); }
}

function drawTraffic() {
  const t = parts.traffic;
  for (const name of ['rate', 'failed', 'p99']) $(name + '-box').hidden = t === null;
  if (t === null) return;
  const unit = t.byMinute ? 'minute' : 'second', wide = t.byMinute ? 3 : 2;
  put($('rate-name'), t.byMinute ? 'requests/s at ' + t.byMinute.at : 'requests/s');
  put($('failed-name'), t.byMinute ? 'failed, last hour' : 'failed');
  put($('p99-name'), t.byMinute ? 'p99 by minute, last hour' : 'p99, last 90 s');
  $('late').hidden = !t.byMinute;
  put($('rate'), t.rate.toLocaleString('en'));
  put($('failed'), t.failed.toLocaleString('en')); put($('sent'), 'of ' + t.sent.toLocaleString('en')); $('failed').parentElement.classList.toggle('bad', t.failed > 0);
  put($('p99'), t.p99Ms === null ? '-' : t.p99Ms + ' ms');
  const top = Math.max(20, ...t.p99.map((v) => v ?? 0));
  const from = 180 - t.p99.length * wide;
  let line = '', pen = false;
  t.p99.forEach((v, i) => { if (v === null) { pen = false; return; } const at = (from + i * wide) + ' ' + (30 - 28 * v / top).toFixed(1); line += pen ? 'L' + at : 'M' + at + 'h0'; pen = true; });
  const svg = $('spark'), ns = 'http://www.w3.org/2000/svg', path = document.createElementNS(ns, 'path');
  path.setAttribute('d', line);
  const bars = t.failures.flatMap((n, i) => { if (n === 0) return []; const bar = document.createElementNS(ns, 'rect');
    for (const [k, v] of [['x', from + i * wide - 0.8], ['y', 0], ['width', 1.6], ['height', 32]]) bar.setAttribute(k, v); return [bar]; });
  svg.replaceChildren(...bars, path);
  svg.setAttribute('aria-label', 'p99 by ' + unit + ', highest ' + Math.round(top) + ' ms, failures in ' + bars.length + ' of the last ' + t.failures.length + ' ' + unit + 's');
}
function drawTasks() {
  const t = parts.tasks;
  $('tasks-box').hidden = t === null;
  if (t === null) return;
  const n = (name) => t[name].toLocaleString('en') + ((t.atLeast || []).includes(name) ? '+' : '');
  put($('tasks'), n('done') + ' / ' + n('submitted'));
  put($('tasks-rest'), n('running') + ' running, ' + n('waiting') + ' waiting' + (t.ended > 0 ? ', ' + n('ended') + ' failed or cancelled' : ''));
  $('done').max = Math.max(1, t.submitted); $('done').value = t.done + t.ended;
}

function drawIncidents() {
  $('none').hidden = parts.incidents.length > 0;
  $('incidents').replaceChildren();
  for (const one of parts.incidents) {
    const item = make('li', $('incidents'), '');
    item.className = 'incident ' + one.kind + (one.healedMs === null && !one.overText ? '' : ' healed');
    const row = make('div', item, ''); row.className = 'row';
    make('h3', row, one.title);
    const clock = make('span', row, ''); clock.className = 'clock'; one.clock = clock;
    if (one.deadlineMs !== null && one.healedMs === null && !one.overText) { const track = make('div', item, ''); track.className = 'track'; track.setAttribute('aria-hidden', 'true'); one.bar = make('i', track, ''); }
    const list = make('ul', item, '');
    for (const step of one.steps) {
      const li = make('li', list, ''); li.className = step.afterMs === null ? 'todo' : '';
      make('span', li, (step.afterMs === null ? '○ ' : '✓ ') + step.name);
      make('span', li, (step.afterMs === null ? 'not yet' : step.about ? '~ ' + Math.round(step.afterMs / 1000) + ' s' : secs(step.afterMs)) + (step.budgetMs === null ? '' : ' of ' + secs(step.budgetMs)));
    }
  }
}
function drawLog() {
  $('log').replaceChildren();
  for (const line of parts.lines) {
    const li = make('li', $('log'), '');
    make('time', li, line.stamp);
    make('span', li, line.text).className = line.act ? 'act' : '';
  }
}

/** What runs by itself: touched once a second, and only where something runs. */
function clocks() {
  const at = now();
  for (const { card, note: small } of nodes.values()) {
    if (card.deadlineMs !== null) put(small, Math.max(0, Math.ceil((card.deadlineMs - at) / 1000)) + ' s');
  }
  for (const one of parts.incidents || []) {
    if (!one.clock) continue;
    put(one.clock, one.overText ? one.overText : one.healedMs !== null ? 'healed ' + secs(one.healedMs - one.atMs) : secs(at - one.atMs));
    if (one.bar) one.bar.style.transform = 'scaleX(' + Math.min(1, Math.max(0, (at - one.atMs) / (one.deadlineMs - one.atMs))).toFixed(3) + ')';
  }
}
setInterval(() => { if (!document.hidden) clocks(); }, 1000);
`;
