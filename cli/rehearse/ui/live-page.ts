/** The live page of a rehearsal: a second screen beside the terminal's, at which people can act. */
import type { LocalCloud } from '../../../local/cloud-types.js';
import {
  type LogLine,
  MAX_INCIDENTS,
  MAX_LINES,
  MAX_NODES,
  type Parts,
  type Picture,
  SECONDS,
  type Stage,
} from '../../ui/picture.js';
import { openPageServer, type PageServer } from '../../ui/server.js';
import { type ClusterView, isLive, type NodeRow } from '../cluster-view.js';
import { incidentsOf } from '../incidents.js';
import type { Player } from '../player.js';
import type { Recorder } from '../recorder.js';
import type { Screen, Stats } from '../screen.js';
import type { Settings } from '../settings.js';
import { PageActs } from './acts.js';
import { Peek } from './peek.js';
import { conditionOf, incidentCard, nodeCards, zoneCards } from './view-model.js';

export interface PageTools {
  readonly settings: Settings;
  readonly cloud: LocalCloud;
  readonly view: ClusterView;
  readonly recorder: Recorder;
  readonly player: Player;
  readonly desired: () => number;
  /** p99 of the last second's requests, ms. */
  readonly p99Ms: () => number | null;
}

type RehearsalStage = Exclude<Stage, 'live' | 'trouble'>;

const SECOND_MS = 1_000;

export class LivePage implements Omit<Screen, 'pin'> {
  readonly #tools: PageTools;
  readonly #acts: PageActs;
  readonly #peek: Peek;
  readonly #lines: LogLine[] = [];
  readonly #p99: (number | null)[] = [];
  readonly #failures: number[] = [];
  #server: PageServer | null = null;
  #stage: RehearsalStage = 'booting';
  #shown: Picture;
  #second = { atMs: 0, sent: 0, failed: 0, rate: 0 };
  #incidents: { atMs: number; events: number; cards: Parts['incidents'] } = { atMs: 0, events: 0, cards: [] };
  #endAsked = false;
  #line = 0;

  private constructor(tools: PageTools) {
    this.#tools = tools;
    const { settings, cloud, view, player } = tools;
    this.#acts = new PageActs({
      view,
      zones: settings.ground.zones,
      play: (act) => player.play(act),
      hang: (row) => this.#hang(row),
      end: () => {
        this.#endAsked = true;
      },
      closed: () =>
        this.#stage === 'booting' ? 'The cluster still boots.' : this.#endAsked ? 'It ends already.' : null,
    });
    this.#peek = new Peek(() => {
      const rows = view.rows;
      return cloud.instances().flatMap(({ instanceId, insideIp, state }) => {
        const row = rows.get(instanceId);
        if (state !== 'running' || row === undefined || !isLive(row)) return [];
        return [{ instanceId, address: insideIp, draining: row.phase === 'noticed' }];
      });
    });
    this.#shown = this.#picture(Date.now(), { traffic: null, tasks: null, requests: new Map() });
  }

  /** Rejects when no port can be had. */
  static async open(tools: PageTools): Promise<LivePage> {
    const page = new LivePage(tools);
    page.#server = await openPageServer({ act: (body) => page.#acts.take(body), first: page.#shown });
    return page;
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  /** Somebody wants the end and the verdict. */
  get endAsked(): boolean {
    return this.#endAsked;
  }

  /** The script is played; people go on. */
  waits(): void {
    this.#stage = 'waiting';
  }

  line(text: string, atMs: number, boot: boolean): void {
    this.#line++;
    const act = text.startsWith('>> ');
    const stamp = `${boot ? 'boot ' : ''}${(atMs / 1_000).toFixed(1)} s`;
    this.#lines.unshift({ n: this.#line, stamp, text: act ? text.slice(3) : text, act });
    if (this.#lines.length > MAX_LINES) this.#lines.pop();
  }

  refresh(_view: ClusterView, stats: Stats): void {
    if (!stats.boot && this.#stage === 'booting') this.#stage = 'playing';
    const { traffic, nowMs } = stats;
    if (traffic !== null && nowMs - this.#second.atMs >= SECOND_MS) this.#sample(traffic, nowMs);
    this.#shown = this.#picture(nowMs, stats);
    this.#server?.show(this.#shown);
  }

  /** Once the traffic and the refreshing end. */
  close(): void {
    if (this.#stage === 'over') return;
    this.#stage = 'over';
    this.#shown = { ...this.#shown, parts: { ...this.#shown.parts, head: this.#head() } };
    this.#server?.show(this.#shown);
  }

  async end(): Promise<void> {
    this.#peek.close();
    const server = this.#server;
    this.#server = null;
    await server?.close('The rehearsal is over: see the terminal.');
  }

  #sample({ sent, failed }: { readonly sent: number; readonly failed: number }, nowMs: number): void {
    const { atMs, ...before } = this.#second;
    const rate = atMs === 0 ? 0 : Math.round(((sent - before.sent) * 1_000) / (nowMs - atMs));
    this.#p99.push(this.#tools.p99Ms());
    this.#failures.push(failed - before.failed);
    for (const list of [this.#p99, this.#failures]) if (list.length > SECONDS) list.shift();
    this.#second = { atMs: nowMs, sent, failed, rate };
  }

  #picture(nowMs: number, stats: Pick<Stats, 'traffic' | 'tasks' | 'requests'>): Picture {
    const { settings, view } = this.#tools;
    // Every node gets requests all the time: without rounding each of them would change with each picture.
    const fresh = nowMs - this.#second.atMs < 250;
    const requests = fresh
      ? stats.requests
      : new Map(this.#shown?.nodes.map((node) => [node.id, node.requests ?? 0] as const) ?? []);
    const around = { nowMs, cutOff: this.#acts.cutOff, seenBy: this.#peek.seenBy(), requests };
    return {
      nowMs,
      nodes: nodeCards(view.rows.values(), around).slice(0, MAX_NODES),
      parts: {
        head: this.#head(),
        zones: zoneCards(settings.ground.zones, settings.ground.pools, this.#acts.reclaimed),
        traffic:
          this.#second.atMs === 0
            ? null
            : {
                sent: this.#second.sent,
                failed: this.#second.failed,
                rate: this.#second.rate,
                p99Ms: this.#p99.at(-1) ?? null,
                p99: [...this.#p99],
                failures: [...this.#failures],
              },
        tasks: stats.tasks === null ? null : { ...stats.tasks },
        concerns: null,
        incidents: this.#incidentCards(nowMs),
        lines: [...this.#lines],
      },
    };
  }

  #head(): Parts['head'] {
    const { settings, view, desired } = this.#tools;
    const live = [...view.rows.values()].filter(isLive);
    const onDemand = live.filter(({ node }) => node.market === 'on-demand').length;
    return {
      title: settings.scenario.title,
      stage: this.#stage,
      stageText: STAGES[this.#stage],
      desired: desired(),
      serving: view.serving(desired()),
      spot: live.length - onDemand,
      onDemand,
      partitioned: this.#acts.cutOff.size > 0,
      acts: true,
      commands: [],
      figures: [],
    };
  }

  /** Made anew only when something happened, and once a second at most. */
  #incidentCards(nowMs: number): Parts['incidents'] {
    const { events } = this.#tools.recorder;
    const known = this.#incidents;
    const news = events.length + this.#peek.ledgers.size;
    const any = [...this.#tools.view.rows.values()].some(
      (row) => conditionOf(row) === 'noticed' || row.overMs !== null,
    );
    if (!any || nowMs - known.atMs < SECOND_MS || (news === known.events && this.#peek.ledgers.size === 0)) {
      return known.cards;
    }
    const told = new Set(events.flatMap((event) => (event.type === 'ledger' ? [event.ledger.instanceId] : [])));
    const live = [...this.#peek.ledgers.values()]
      .filter(({ instanceId }) => !told.has(instanceId))
      .map((ledger) => ({ type: 'ledger', atMs: nowMs, ledger }) as const);
    const cards = incidentsOf({ events: [...events, ...live] })
      .slice(-MAX_INCIDENTS)
      .map((incident) => incidentCard(incident, this.#tools.settings.serves))
      .reverse();
    this.#incidents = { atMs: nowMs, events: news, cards };
    return cards;
  }

  /** A stack's script has an act for it; else the agent's process is stopped, as a debugger does. */
  #hang({ node }: NodeRow): boolean {
    const { settings, cloud, player, recorder } = this.#tools;
    const { instanceId, seat } = node;
    if (settings.stack !== null && seat !== null) {
      player.play({ type: 'kill-agent', slots: [seat.slot] });
      return true;
    }
    const pid = cloud.instances().find((one) => one.instanceId === instanceId)?.pid ?? null;
    if (pid === null) return false;
    process.kill(pid, 'SIGSTOP');
    recorder.add({ type: 'act', atMs: Date.now(), text: `the agent of slot ${seat?.slot} hangs for good` });
    recorder.add({ type: 'agent-dead', atMs: Date.now(), instanceId });
    return true;
  }
}

const STAGES: Readonly<Record<RehearsalStage, string>> = {
  booting: 'The cluster boots.',
  playing: 'The script is being played.',
  waiting: 'The script is over: what happens now is up to you.',
  over: 'The rehearsal ends: the verdict comes in the terminal.',
};
