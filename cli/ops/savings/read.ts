/** Reads what `savings` is made from: reports, launch records, EC2, spot prices, on-demand prices, lost work of tasks. */
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { type LaunchRecord, launchRecordKey } from '../../../core/seats/launch-record.js';
import { type Seat, seatName } from '../../../core/seats/seat.js';
import type { Spec } from '../../../core/spec/spec.js';
import type { Session } from '../../aws/session.js';
import { inParallel } from '../../parallel.js';
import { queueReader } from '../../tasks/reader.js';
import { queueStore } from '../../tasks/store.js';
import type { Unseen } from '../answers.js';
import { newestOf, readText } from '../incident/read.js';
import { parseLaunchRecord, parseReport, type Report } from '../incident/record.js';
import { type PricePoint, readSpotHistory } from '../prices.js';
import { readNodes, readReports } from '../read.js';
import { livesOf } from './lives.js';
import { readPriceList } from './price-list.js';
import { type LostWork, lostWorkOf, NO_LOSS } from './redone.js';
import { type Savings, savingsOf } from './savings.js';

export interface Saved extends Savings {
  readonly fromMs: number;
  readonly toMs: number;
  /** Nodes that are in the sums. */
  readonly nodes: number;
  readonly withoutStart: readonly string[];
  readonly withoutEnd: readonly string[];
  /** Keys of reports that can't be read. */
  readonly unreadable: readonly string[];
  /** Executions of tasks whose node went without a word: of what was done again only a part is known. */
  readonly lostSilently: number;
  /** The oldest reports beyond {@link MAX_READS}, left out. */
  readonly leftOut: number;
  readonly unseen: readonly Unseen[];
}

export interface Wanted {
  readonly fromMs: number;
  /** USD an hour by type, as the user gave them; the price list is asked for the rest. */
  readonly onDemand: ReadonlyMap<string, number>;
}

/** Reports, and as many launch records, that are read at most. */
export const MAX_READS = 5_000;
const PAGE = 1_000;
const MAX_PAGES = 20;
/** A report is written some time before its node's end. */
const SLACK_MS = 3_600_000;

export async function readSavings(session: Session, spec: Spec, { fromMs, onDemand }: Wanted): Promise<Saved> {
  const unseen: Unseen[] = [];
  const orElse = async <T>(what: string, work: Promise<T>, none: T): Promise<T> =>
    work.catch((error: unknown) => {
      unseen.push({ what, why: session.explain(error).message });
      return none;
    });
  const [nodes, heads, launched, { redone, silent }] = await Promise.all([
    readNodes(session, spec),
    orElse('incident reports', readReports(session, spec.bucket), []),
    orElse('launch records', listLaunched(session, spec.bucket), []),
    orElse('work of tasks that was done again', readRedone(session, spec), NO_LOSS),
  ]);
  const fresh = newestOf(heads).filter(({ writtenMs }) => writtenMs >= fromMs - SLACK_MS);
  const unreadable: string[] = [];
  const reports = await inParallel(fresh.slice(0, MAX_READS), async ({ key }) => {
    const report = parseReport((await readText(session, spec.bucket, key)) ?? '');
    if (report === null) unreadable.push(key);
    return report === null ? [] : [report];
  });
  const told: Report[] = reports.flat();
  // EC2 tells all of the nodes that it still shows.
  const shown = new Set(nodes.map(({ instanceId }) => instanceId));
  const seatsShown = new Set(nodes.flatMap(({ seat }) => (seat === null ? [] : seatName(seat))));
  const seatsTold = new Set(told.flatMap((one) => (shown.has(one.instanceId) ? [] : seatName(one.seat))));
  const asked = launched
    .filter(({ seat, writtenMs }) => {
      const name = seatName(seat);
      return seatsTold.has(name) || (writtenMs >= fromMs && !seatsShown.has(name));
    })
    .slice(0, MAX_READS);
  const launches = await orElse('launch records', readLaunched(session, spec.bucket, asked), new Map());
  const nowMs = Date.now();
  const { lives, withoutStart, withoutEnd } = livesOf({ nowMs, nodes, reports: told, launches });
  const counted = lives.filter(({ endMs }) => (endMs ?? nowMs) > fromMs);
  const pools = [...counted, ...redone].map(({ node }) => node);
  const spot = await orElse<Map<string, PricePoint[]>>(
    'spot prices',
    readSpotHistory(session, pools, fromMs, nowMs),
    new Map(),
  );
  const types = [...new Set(spec.launch.pools.map(({ instanceType }) => instanceType))];
  const used = pools.map(({ instanceType }) => instanceType);
  const prices = { spot, onDemand: await readOnDemand(session, [...used, ...types], onDemand, unseen) };
  const savings = savingsOf({ fromMs, nowMs, lives: counted, redone, prices, types });
  const leftOut = Math.max(0, fresh.length - MAX_READS);
  const lostSilently = silent.filter((atMs) => atMs >= fromMs).length;
  const rest = { nodes: counted.length, lostSilently, withoutStart, withoutEnd, unreadable, leftOut, unseen };
  return { fromMs, toMs: nowMs, ...savings, ...rest };
}

/** The user's own prices first; those of AWS's list for the rest, where there is one. */
export async function readOnDemand(
  session: Session,
  types: readonly string[],
  given: ReadonlyMap<string, number>,
  unseen: Unseen[],
): Promise<ReadonlyMap<string, number>> {
  const missing = [...new Set(types)].filter((type) => !given.has(type));
  // Another endpoint than AWS's, such as a rehearsal, has no price list.
  if (missing.length === 0 || session.endpoint !== null) return given;
  const { config } = await session.client('ec2');
  const list = await readPriceList({ region: session.region, credentials: () => config.credentials() }, missing);
  if (list.problem !== null) unseen.push({ what: 'on-demand prices', why: `${list.problem}.` });
  return new Map([...given, ...list.prices]);
}

interface LaunchedHead {
  readonly seat: Seat;
  readonly writtenMs: number;
}

async function listLaunched(session: Session, bucket: string): Promise<LaunchedHead[]> {
  const s3 = await session.client('s3');
  const heads: LaunchedHead[] = [];
  let ContinuationToken: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: 'seats/launched/', MaxKeys: PAGE, ContinuationToken }),
    );
    for (const { Key, LastModified } of answer.Contents ?? []) {
      const [, slot, generation] = /^seats\/launched\/(\d{1,6})\.(\d{1,9})\.json$/.exec(Key ?? '') ?? [];
      if (slot === undefined || generation === undefined) continue;
      const seat = { slot: Number(slot), generation: Number(generation) };
      heads.push({ seat, writtenMs: LastModified?.getTime() ?? 0 });
    }
    ContinuationToken = answer.NextContinuationToken;
    if (ContinuationToken === undefined) break;
  }
  return heads.sort((a, b) => b.writtenMs - a.writtenMs || (seatName(a.seat) < seatName(b.seat) ? -1 : 1));
}

async function readLaunched(
  session: Session,
  bucket: string,
  heads: readonly LaunchedHead[],
): Promise<ReadonlyMap<string, LaunchRecord>> {
  const found = await inParallel(heads, async ({ seat }) => {
    const text = await readText(session, bucket, launchRecordKey(seat));
    const record = text === null ? null : parseLaunchRecord(text, seat);
    return record === null ? [] : [[seatName(seat), record] as const];
  });
  return new Map(found.flat());
}

async function readRedone(session: Session, spec: Spec): Promise<LostWork> {
  const tasks = spec.workloads.find((workload) => workload.kind === 'tasks');
  if (tasks === undefined) return NO_LOSS;
  const reader = queueReader(queueStore(await session.client('s3'), spec.bucket), tasks.leaseMs);
  return lostWorkOf((await reader.read()).tasks.flatMap(({ lease }) => lease?.attempts ?? []));
}
