import Table from 'cli-table3';
import { createLogUpdate } from 'log-update';
import pc from 'picocolors';
import { seatName } from '../../core/seats/seat.js';
import { type ClusterView, isLive, type NodeRow } from './cluster-view.js';
import { seconds } from './promises.js';
import { progressText, type TaskCounts } from './tasks/register.js';

/** What is shown besides the cluster itself. */
export interface Stats {
  readonly nowMs: number;
  /** Of the scenario; while it boots, of the program. */
  readonly startedMs: number;
  readonly boot: boolean;
  /** Null: none is sent. */
  readonly traffic: { readonly sent: number; readonly failed: number } | null;
  /** Null: there are none. */
  readonly tasks: TaskCounts | null;
  /** Requests that each instance got. */
  readonly requests: ReadonlyMap<string, number>;
}

/** Where the run is shown as it goes. */
export interface Screen {
  /** Something happened, so many ms after the scenario's start; `boot`: after the program's, before the scenario. */
  line(text: string, atMs: number, boot: boolean): void;
  /** A line of the start that is to be found at any time: an address. */
  pin(text: string, atMs: number): void;
  refresh(view: ClusterView, stats: Stats): void;
  /** Takes the live part away. */
  close(): void;
}

type Write = (text: string) => void;

/** Plain lines with the time since the start, for logs and pipes. */
export function plainScreen(write: Write): Screen {
  const line: Screen['line'] = (text, atMs, boot) => write(`${stamp(atMs, boot)} ${text}\n`);
  return { line, pin: (text, atMs) => line(text, atMs, true), refresh: () => {}, close: () => {} };
}

const stamp = (ms: number, boot: boolean): string =>
  `[${boot ? 'boot' : '    '}${(ms / 1_000).toFixed(1).padStart(6)} s]`;

const RECENT_LINES = 10;

/** A live table, the newest events below it. */
export function liveScreen(stream: NodeJS.WriteStream): Screen {
  const update = createLogUpdate(stream);
  const recent: string[] = [];
  const pinned: string[] = [];
  let table = '';
  const draw = (): void => update([...pinned, table, ...recent].join('\n'));
  return {
    line: (text, atMs, boot) => {
      recent.push(`${pc.dim(stamp(atMs, boot))} ${text.startsWith('>>') ? pc.yellow(text) : text}`);
      if (recent.length > RECENT_LINES) recent.shift();
      draw();
    },
    pin: (text) => {
      pinned.push(text);
      draw();
    },
    refresh: (view, stats) => {
      table = tableOf(view, stats);
      draw();
    },
    close: () => {
      draw();
      update.done();
    },
  };
}

/** A node that is gone stays in the table for this long. */
const FAREWELL_MS = 4_000;

export function tableOf(view: ClusterView, stats: Stats): string {
  const { traffic, tasks } = stats;
  // Nodes that only run tasks have no targets.
  const work = traffic === null && tasks !== null ? ['tasks'] : ['target', 'requests'];
  const table = new Table({
    head: ['seat', 'node', 'pool', 'zone', 'state', ...work, 'clock'],
    style: { head: [], border: [], compact: true },
  });
  const rows = [...view.rows.values()]
    .filter((row) => row.phase !== 'ended' || stats.nowMs - (row.overMs ?? 0) < FAREWELL_MS)
    .sort(bySeat);
  for (const row of rows) {
    const { node } = row;
    table.push([
      node.seat === null ? '-' : seatName(node.seat),
      node.instanceId,
      `${node.instanceType}${node.market === 'on-demand' ? ' (on-demand)' : ''}`,
      node.zone,
      colourOf(row)(stateOf(row)),
      ...(work.length === 1
        ? [String(tasks?.held.get(node.instanceId) ?? 0)]
        : [
            row.target === 'healthy' ? pc.green(row.target) : row.target,
            String(stats.requests.get(node.instanceId) ?? 0),
          ]),
      clockOf(row, stats.nowMs),
    ]);
  }
  const failed = traffic === null || traffic.failed === 0 ? 'none failed' : pc.red(`${traffic.failed} failed`);
  const parts = [
    ...(traffic === null && tasks !== null ? [] : [`${traffic?.sent ?? 0} requests, ${failed}`]),
    ...(tasks === null ? [] : [progressText(tasks)]),
  ];
  return `${table.toString()}\n${stamp(stats.nowMs - stats.startedMs, stats.boot)} ${parts.join('; ')}`;
}

const bySeat = (a: NodeRow, b: NodeRow): number =>
  (a.node.seat?.slot ?? 1e9) - (b.node.seat?.slot ?? 1e9) ||
  (a.node.seat?.generation ?? 0) - (b.node.seat?.generation ?? 0);

function stateOf(row: NodeRow): string {
  switch (row.phase) {
    case 'noticed':
      return 'interrupted';
    case 'running':
      return row.atRisk ? 'at risk' : 'running';
    default:
      return row.phase;
  }
}

function colourOf(row: NodeRow): (text: string) => string {
  if (row.phase === 'noticed' || (row.phase === 'running' && row.atRisk)) return pc.yellow;
  if (row.phase === 'dead') return pc.red;
  return isLive(row) ? (text) => text : pc.dim;
}

/** Until the deadline, or since the end. */
function clockOf(row: NodeRow, nowMs: number): string {
  if (row.phase === 'noticed' && row.deadlineMs !== null) return `-${seconds(Math.max(0, row.deadlineMs - nowMs))}`;
  if (row.overMs !== null && row.phase === 'dead') return `+${seconds(nowMs - row.overMs)}`;
  return '';
}
