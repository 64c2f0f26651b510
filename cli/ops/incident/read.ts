/** Reads incidents: the newest reports, who launched the replacements, what EC2 still shows, prices, lost work of tasks. */
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { classify } from '../../../aws/errors.js';
import { type LaunchRecord, launchRecordKey } from '../../../core/seats/launch-record.js';
import { type HeldSeat, type Seat, seatName, successorOf } from '../../../core/seats/seat.js';
import type { Spec } from '../../../core/spec/spec.js';
import type { Session } from '../../aws/session.js';
import { inParallel } from '../../parallel.js';
import { queueReader } from '../../tasks/reader.js';
import { queueStore } from '../../tasks/store.js';
import type { OpsNode, ReportHead, Unseen } from '../answers.js';
import { NO_PRICES, type PricePoint, readSpotHistory } from '../prices.js';
import { readNodes, readReports } from '../read.js';
import { type Incident, type IncidentFacts, incidentOf, type RedoneWork, silentIncident } from './incident.js';
import { parseLaunchRecord, parseReport, type Report } from './record.js';

export interface Incidents {
  /** Newest first. */
  readonly incidents: readonly Incident[];
  /** Reports there are in all. */
  readonly total: number;
  /** Keys of reports that can't be read. */
  readonly unreadable: readonly string[];
  readonly unseen: readonly Unseen[];
}

export interface Wanted {
  readonly sinceMs: number;
  /** At most so many, the newest. */
  readonly limit: number;
  /** An incident's id or a node's; null: all. */
  readonly id: string | null;
  readonly onDemand: ReadonlyMap<string, number>;
}

const MAX_BYTES = 64 * 1_024;

export async function readIncidents(session: Session, spec: Spec, wanted: Wanted): Promise<Incidents> {
  const unseen: Unseen[] = [];
  const orElse = async <T>(what: string, work: Promise<T>, none: T): Promise<T> =>
    work.catch((error: unknown) => {
      unseen.push({ what, why: session.explain(error).message });
      return none;
    });
  const [heads, nodes] = await Promise.all([
    readReports(session, spec.bucket),
    orElse<OpsNode[]>('nodes', readNodes(session, spec), []),
  ]);
  const fresh = heads.filter(({ writtenMs }) => writtenMs >= wanted.sinceMs);
  const chosen = wanted.id === null ? newestOf(fresh).slice(0, wanted.limit) : matching(heads, wanted.id);
  const unreadable: string[] = [];
  const reports = await inParallel(chosen, async ({ key }) => {
    const report = parseReport((await readText(session, spec.bucket, key)) ?? '');
    if (report === null) unreadable.push(key);
    return report;
  });
  const told = reports.filter((report): report is Report => report !== null);
  const named = new Set(heads.map(({ instanceId }) => instanceId));
  const silent = nodes.filter(
    (node) =>
      (node.state === 'terminated' || node.state === 'stopped') &&
      !named.has(node.instanceId) &&
      (wanted.id === null || wanted.id.startsWith(node.instanceId)),
  );
  const seats = [...told.map(({ seat }) => seat), ...silent.flatMap(({ seat }) => seat ?? [])];
  const launches = await orElse('who launched the replacements', readLaunches(session, spec, seats), new Map());
  const nowMs = Date.now();
  const spot = await orElse('spot prices', readPrices(session, told, silent, nodes, nowMs), new Map());
  const prices = { ...NO_PRICES, spot, onDemand: wanted.onDemand };
  const redone = await orElse('work of tasks', readRedone(session, spec, wanted.id), new Map());
  const facts: IncidentFacts = { nowMs, nodes, launches, prices, redone };
  const incidents = [
    ...told.map((report) => incidentOf(report, facts)),
    ...silent.flatMap((node) => silentIncident(node, facts) ?? []),
  ]
    .filter(({ atMs }) => wanted.id !== null || atMs >= wanted.sinceMs)
    .sort((a, b) => b.atMs - a.atMs || (a.id < b.id ? -1 : 1))
    .slice(0, wanted.limit);
  return { incidents, total: new Set(heads.map(({ instanceId }) => instanceId)).size, unreadable, unseen };
}

/** One a node: its own report rather than the fallback's. */
export function newestOf(heads: readonly ReportHead[]): ReportHead[] {
  const best = new Map<string, ReportHead>();
  for (const head of heads) {
    const known = best.get(head.instanceId);
    if (known === undefined || known.key.endsWith('-ended.json')) best.set(head.instanceId, head);
  }
  return [...best.values()];
}

/** A part of the id will do, as long as it starts one. */
const matching = (heads: readonly ReportHead[], id: string): ReportHead[] =>
  newestOf(heads.filter(({ key }) => key.startsWith(`incidents/${id}`)));

async function readLaunches(
  session: Session,
  spec: Spec,
  seats: readonly HeldSeat[],
): Promise<ReadonlyMap<string, LaunchRecord>> {
  const asked = new Map<string, Seat>();
  for (const seat of seats) for (const one of [seat, successorOf(seat)]) asked.set(seatName(one), one);
  const found = await inParallel([...asked], async ([name, seat]) => {
    const text = await readText(session, spec.bucket, launchRecordKey(seat));
    const record = text === null ? null : parseLaunchRecord(text, seat);
    return record === null ? [] : [[name, record] as const];
  });
  return new Map(found.flat());
}

async function readPrices(
  session: Session,
  reports: readonly Report[],
  silent: readonly OpsNode[],
  nodes: readonly OpsNode[],
  nowMs: number,
): Promise<Map<string, PricePoint[]>> {
  const gone = [...reports, ...silent];
  if (gone.length === 0) return new Map();
  const starts = [...reports.map(({ detectedMs }) => detectedMs), ...silent.map(({ launchTimeMs }) => launchTimeMs)];
  const known = nodes.map(({ launchTimeMs }) => launchTimeMs).filter((ms) => ms > 0);
  return readSpotHistory(session, [...gone, ...nodes], Math.min(...starts, ...known), nowMs);
}

/** Of one incident only: the whole queue is read for it. */
async function readRedone(
  session: Session,
  spec: Spec,
  id: string | null,
): Promise<ReadonlyMap<string, readonly RedoneWork[]>> {
  const tasks = spec.workloads.find((workload) => workload.kind === 'tasks');
  if (id === null || tasks === undefined) return new Map();
  const reader = queueReader(queueStore(await session.client('s3'), spec.bucket), tasks.leaseMs);
  const redone = new Map<string, RedoneWork[]>();
  for (const { lease } of (await reader.read()).tasks) {
    for (const { instanceId, redoneMs, share } of lease?.attempts ?? []) {
      if (redoneMs > 0) redone.set(instanceId, [...(redone.get(instanceId) ?? []), { redoneMs, share }]);
    }
  }
  return redone;
}

/** Null: there is no such object. */
export async function readText(session: Session, bucket: string, key: string): Promise<string | null> {
  const s3 = await session.client('s3');
  try {
    const answer = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: `bytes=0-${MAX_BYTES - 1}` }));
    return (await answer.Body?.transformToString()) ?? '';
  } catch (error) {
    if (classify(error).kind === 'not-found') return null;
    throw error;
  }
}
