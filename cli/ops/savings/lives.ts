/**
 * How long each node of a cluster lived, put together from what is written down: incident reports (what it was, and when
 * it went), launch records (when it began) and EC2 (all of it, but only of nodes that are there or went an hour ago).
 */
import type { LaunchRecord } from '../../../core/seats/launch-record.js';
import { type Seat, seatName } from '../../../core/seats/seat.js';
import type { OpsNode } from '../answers.js';
import type { Report } from '../incident/record.js';
import type { Runs } from '../prices.js';

export interface Life {
  readonly instanceId: string;
  /** Null: it had none, so it served nothing. */
  readonly seat: Seat | null;
  readonly node: Runs;
  readonly startMs: number;
  /** Null: it runs. */
  readonly endMs: number | null;
  /** EC2 took a spot node back: its first hour is free then. */
  readonly interrupted: boolean;
}

export interface History {
  readonly lives: readonly Life[];
  /** Nodes with a report whose launch nobody wrote down, as of before there were launch records: ids. */
  readonly withoutStart: readonly string[];
  /** Nodes of which only the launch is known: neither a report nor EC2 tells what they were: ids. */
  readonly withoutEnd: readonly string[];
}

export interface Records {
  readonly nowMs: number;
  /** As EC2 shows them. */
  readonly nodes: readonly OpsNode[];
  /** One a node. */
  readonly reports: readonly Report[];
  /** By {@link seatName}; of twins the last one stands. */
  readonly launches: ReadonlyMap<string, LaunchRecord>;
}

/** EC2's codes of an end that it decided on itself. */
const TAKEN = /^Server\.SpotInstance(Termination|Shutdown)$/;

export function livesOf({ nowMs, nodes, reports, launches }: Records): History {
  const lives: Life[] = [];
  const withoutStart: string[] = [];
  const told = new Map(reports.map((report) => [report.instanceId, report]));
  const shown = new Set(nodes.map(({ instanceId }) => instanceId));
  for (const node of nodes) lives.push(lifeOfShown(node, told.get(node.instanceId) ?? null, nowMs));
  for (const report of reports) {
    const { instanceId, seat } = report;
    if (shown.has(instanceId)) continue;
    const record = launches.get(seatName(seat));
    if (record === undefined || record.instanceId !== instanceId) {
      withoutStart.push(instanceId);
      continue;
    }
    const endMs = Math.max(record.atMs, Math.min(nowMs, endOf(report)));
    const interrupted = report.lifecycle === 'spot' && report.cause === 'interruption';
    lives.push({ instanceId, seat, node: runsOf(report), startMs: record.atMs, endMs, interrupted });
  }
  const known = new Set([...shown, ...told.keys()]);
  const withoutEnd = [...launches.values()].map(({ instanceId }) => instanceId).filter((id) => !known.has(id));
  return { lives, withoutStart: withoutStart.sort(), withoutEnd: withoutEnd.sort() };
}

function lifeOfShown(node: OpsNode, report: Report | null, nowMs: number): Life {
  const { instanceId, seat, launchTimeMs: startMs } = node;
  const gone = node.state === 'terminated' || node.state === 'stopped' || node.state === 'shutting-down';
  const told = node.endedMs ?? (report === null ? null : endOf(report));
  // Billing ends when the shutdown begins; of one whose end nobody tells, now is the latest that it can be.
  const endMs = gone ? Math.max(startMs, Math.min(nowMs, told ?? nowMs)) : null;
  const byEc2 = (node.endReason ?? null) === null ? report?.cause === 'interruption' : TAKEN.test(node.endReason ?? '');
  const interrupted = gone && node.lifecycle === 'spot' && byEc2;
  return { instanceId, seat, node: runsOf(node), startMs, endMs, interrupted };
}

const runsOf = ({ instanceType, zone, lifecycle }: Runs): Runs => ({ instanceType, zone, lifecycle });

/** A node under a notice stays until EC2 takes it; any other ends itself after its last words. */
function endOf({ cause, deadlineMs, steps, detectedMs }: Report): number {
  if (cause === 'interruption' && deadlineMs !== null) return deadlineMs;
  const words = steps['last-words'];
  return words.endedMs ?? words.startedMs ?? steps.stop.endedMs ?? detectedMs;
}
