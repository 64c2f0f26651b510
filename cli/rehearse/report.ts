import Table from 'cli-table3';
import pc from 'picocolors';
import type { CallCount } from '../../local/wire/history.js';
import type { Incident } from './incidents.js';
import { seconds } from './promises.js';
import { stackText } from './stack/report.js';
import { tasksJson, tasksText } from './tasks/report.js';
import type { Timeline } from './timeline.js';
import type { Verdict } from './verdict.js';

/** Figures of the run itself, beside the verdict. */
export interface RunFigures {
  readonly seed: string;
  readonly scenario: string;
  readonly nodes: number;
  readonly wallMs: number;
  /** Most memory of everything at one moment, MiB; null where it can't be known. */
  readonly memoryMiB: number | null;
  readonly agentMemoryMiB: number | null;
  /** The rehearsal's own event loop: what it may have added to a latency. */
  readonly pauseP99Ms: number;
  readonly pauseMaxMs: number;
  readonly calls: readonly CallCount[];
  /** What went wrong in the local cloud itself. */
  readonly troubles: readonly string[];
}

/** The verdict in words. */
export function verdictText(
  verdict: Verdict,
  figures: RunFigures,
  { startedMs, stack, tasks }: Pick<Timeline, 'startedMs' | 'stack' | 'tasks'>,
): string {
  const parts = [
    '',
    pc.bold(`Rehearsal: ${figures.scenario}; ${figures.nodes} nodes, seed ${figures.seed}, ${seconds(figures.wallMs)}`),
    '',
    trafficText(verdict),
    tasks === undefined ? null : tasksText(tasks),
    incidentTable(verdict.incidents, startedMs),
    callsText(figures.calls, 'node'),
    ...(stack === undefined ? [] : [callsText(figures.calls, 'function'), stackText(stack)]),
    figuresText(verdict, figures),
    ...figures.troubles.slice(0, 5).map((trouble) => `Trouble of the local cloud: ${trouble}`),
    '',
    promiseText(verdict),
    '',
    verdict.kept ? pc.green(pc.bold('All promises were kept.')) : pc.red(pc.bold(brokenText(verdict))),
  ];
  return `${parts.filter((part) => part !== null).join('\n')}\n`;
}

function trafficText({ traffic }: Verdict): string | null {
  if (traffic === null) return null;
  const inOutages = traffic.failedInOutages > 0 ? ` (${traffic.failedInOutages} of them within outages)` : '';
  return (
    `Requests: ${traffic.sent} sent, ${traffic.failed} failed${inOutages}, ${traffic.slow} slower than ${seconds(traffic.slowMs)}; ` +
    `p50 ${traffic.p50Ms} ms, p99 ${traffic.p99Ms} ms, longest ${traffic.maxMs} ms`
  );
}

function incidentTable(incidents: readonly Incident[], startedMs: number): string | null {
  if (incidents.length === 0) return 'Incidents: none';
  const table = new Table({
    head: ['seat', 'node', 'at', 'end', 'detected', 'deregistered', 'drained', 'asked', 'serving'],
    colAligns: ['left', 'left', 'right', 'left', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const i of incidents) {
    const since = (ms: number | null): string => (ms === null ? '-' : ((ms - i.atMs) / 1_000).toFixed(2));
    table.push([
      `${i.seat.slot}.${i.seat.generation}`,
      i.instanceId,
      seconds(i.atMs - startedMs),
      i.kind === 'silent' ? 'silent' : `${seconds((i.deadlineMs ?? i.atMs) - i.atMs)} notice`,
      since(i.detectedMs),
      since(i.deregisteredMs ?? i.outOfServiceMs),
      since(i.drainedMs),
      since(i.replacementAskedMs),
      since(i.replacementServingMs),
    ]);
  }
  return `Incidents, seconds after the notice or the silent death (asked, serving: the replacement):\n${table.toString()}`;
}

function callsText(calls: readonly CallCount[], who: 'node' | 'function'): string {
  const kinds = new Map<string, { all: number; refused: number }>();
  for (const { action, principal, code, count } of calls) {
    if (principal !== who) continue;
    const kind = kinds.get(action) ?? { all: 0, refused: 0 };
    kind.all += count;
    if (code !== 'OK') kind.refused += count;
    kinds.set(action, kind);
  }
  const list = [...kinds]
    .sort(([, a], [, b]) => b.all - a.all)
    .map(([action, { all, refused }]) => `${action} ${all}${refused > 0 ? ` (${refused} refused)` : ''}`);
  return `AWS calls of the ${who}s: ${list.length === 0 ? 'none' : list.join(', ')}`;
}

function figuresText(verdict: Verdict, figures: RunFigures): string {
  const memory =
    figures.memoryMiB === null
      ? ''
      : `; memory at most ${figures.memoryMiB} MiB in all, ${figures.agentMemoryMiB ?? '-'} MiB a node`;
  return (
    `Duplicates: ${verdict.duplicates}, orphans: ${verdict.orphans.length}${memory}; ` +
    `pauses of the rehearsal itself: p99 ${figures.pauseP99Ms} ms, longest ${figures.pauseMaxMs} ms`
  );
}

function promiseText({ promises }: Verdict): string {
  const lines: string[] = [];
  for (const { state, text, figure, because } of promises) {
    const mark = state === 'kept' ? pc.green('kept    ') : state === 'broken' ? pc.red('BROKEN  ') : pc.dim('untested');
    lines.push(`${mark} ${text}${state === 'untested' ? '' : `: ${figure}`}`);
    for (const reason of because) lines.push(`           ${reason}`);
  }
  return lines.join('\n');
}

function brokenText({ promises }: Verdict): string {
  const broken = promises.filter(({ state }) => state === 'broken');
  return broken.length === 1 ? 'One promise was broken.' : `${broken.length} promises were broken.`;
}

/** What `--json` writes. The form is stable within a `format`. */
export function verdictJson(
  verdict: Verdict,
  figures: RunFigures,
  { startedMs, stack, tasks }: Pick<Timeline, 'startedMs' | 'stack' | 'tasks'>,
): object {
  return {
    format: 1,
    kept: verdict.kept,
    startedAt: new Date(startedMs).toISOString(),
    run: figures,
    promises: verdict.promises,
    ...(verdict.traffic === null
      ? {}
      : { traffic: { ...verdict.traffic, failures: verdict.traffic.failures.slice(0, 100) } }),
    incidents: verdict.incidents,
    duplicates: verdict.duplicates,
    orphans: verdict.orphans,
    ...(stack === undefined ? {} : { stack }),
    ...(tasks === undefined ? {} : { tasks: tasksJson(tasks) }),
  };
}
