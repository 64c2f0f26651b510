/** What was seen of a cluster since somebody began to look: its losses, what changed, who has just gone. */
import { type LogLine, MAX_LINES } from '../../ui/picture.js';
import type { Report } from '../incident/record.js';
import { countText, timeText } from '../show.js';
import type { ClusterView } from '../view.js';
import { isAnnounced, Losses } from './losses.js';
import { newsOf } from './news.js';
import type { Farewell, Scene } from './picture.js';

/** One that is gone is shown for this long. */
const FAREWELL_MS = 30_000;

export class Story {
  readonly losses = new Losses();
  readonly #lines: LogLine[] = [];
  readonly #farewells = new Map<string, Farewell & { readonly untilMs: number }>();
  #view: ClusterView;
  #count = 0;

  constructor(first: ClusterView, reports: ReadonlyMap<string, Report>) {
    this.#view = first;
    this.losses.take(first, reports);
    const serving = first.slots.filter(({ state }) => state === 'serving').length;
    this.line(
      `${serving} of ${countText(first.spec.desired, 'seat')} serve, ${countText(first.nodes.length, 'node')} in all`,
      first.atMs,
    );
  }

  take(view: ClusterView, reports: ReadonlyMap<string, Report>): void {
    const before = this.#view;
    this.#view = view;
    for (const text of newsOf(before, view)) this.line(text, view.atMs);
    const there = new Set(view.nodes.map(({ node }) => node.instanceId));
    const ended = new Map(view.ended.map((node) => [node.instanceId, node]));
    for (const row of before.nodes) {
      const id = row.node.instanceId;
      if (there.has(id)) continue;
      const last = ended.get(id) ?? row.node;
      const announced = isAnnounced(last) || reports.has(id) || (last.phase ?? null) === null;
      this.#farewells.set(id, { row: { ...row, condition: 'ending' }, announced, untilMs: view.atMs + FAREWELL_MS });
    }
    for (const [id, { untilMs }] of this.#farewells) {
      // Describes lag: one that was missing may be there again.
      if (untilMs <= view.atMs || there.has(id)) this.#farewells.delete(id);
    }
    const told = new Set(this.losses.all.filter(({ report }) => report !== null).map(({ instanceId }) => instanceId));
    this.losses.take(view, reports);
    for (const { instanceId, seat, report } of this.losses.all) {
      if (report === null || told.has(instanceId)) continue;
      this.line(`slot ${seat.slot} (${instanceId}) reported: ${report.cause}`, view.atMs);
    }
  }

  line(text: string, atMs: number): void {
    this.#count++;
    this.#lines.unshift({ n: this.#count, stamp: timeText(atMs).slice(11), text, act: false });
    if (this.#lines.length > MAX_LINES) this.#lines.pop();
  }

  get scene(): Pick<Scene, 'view' | 'farewells' | 'losses' | 'lines'> {
    const farewells = [...this.#farewells.values()];
    return { view: this.#view, farewells, losses: this.losses.all, lines: [...this.#lines] };
  }
}
