import { UserError } from '../user-error.js';
import { showDuration } from '../values.js';
import type { PlannedAct } from './plan.js';

/**
 * Recorded traces of spot capacity: `{"metadata": {"gap_seconds": G}, "data": [n0, n1, ...]}`. At tick i, G seconds each,
 * n of the asked nodes could run. The file's name gives the zone: `us-east-1f_v100_1.json`.
 */
export interface Trace {
  readonly file: string;
  readonly zone: string;
  /** What the file's name says after the zone, such as `v100_1`. */
  readonly machine: string;
  readonly gapMs: number;
  readonly data: readonly number[];
  /** The most that was ever had: the number that was asked for. */
  readonly most: number;
}

const MAX_TICKS = 2_000_000;
const MAX_NODES = 10_000;

/** @throws UserError: one sentence on what is wrong with which file */
export function parseTrace(file: string, text: string): Trace {
  const wrong = (what: string): UserError =>
    new UserError(
      `${file} is no trace: ${what}; a trace is {"metadata": {"gap_seconds": 300}, "data": [4, 4, 3, ...]}.`,
    );
  const [, zone, machine] = /(?:^|[\\/])([a-z]{2}(?:-[a-z]+)+-\d+[a-z])(?:_([\w.-]*?))?\.json$/i.exec(file) ?? [];
  if (zone === undefined) {
    throw new UserError(`${file} doesn't tell its zone; name it like us-east-1f_v100_1.json.`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw wrong('it is not JSON');
  }
  const { metadata, data } = (json ?? {}) as { metadata?: unknown; data?: unknown };
  const gap = ((metadata ?? {}) as { gap_seconds?: unknown }).gap_seconds;
  if (typeof gap !== 'number' || !(gap > 0 && gap <= 86_400)) {
    throw wrong(
      `metadata.gap_seconds must be a number above 0 and up to 86400, not ${JSON.stringify(gap) ?? 'missing'}`,
    );
  }
  if (!Array.isArray(data) || data.length < 2 || data.length > MAX_TICKS) {
    throw wrong(`data must be a list of 2 to ${MAX_TICKS} numbers`);
  }
  const bad = data.findIndex((n) => !Number.isInteger(n) || n < 0 || n > MAX_NODES);
  if (bad >= 0) throw wrong(`data[${bad}] is ${JSON.stringify(data[bad]) ?? 'missing'}, not a number of nodes`);
  const numbers = data as number[];
  let most = 0;
  for (const n of numbers) most = Math.max(most, n);
  if (most === 0) throw wrong('no node could ever run in it');
  return { file, zone: zone.toLowerCase(), machine: machine ?? '', gapMs: gap * 1_000, data: numbers, most };
}

/** Zones must differ and lie in one Region, as a cluster's do. @throws UserError */
export function checkTogether(traces: readonly Trace[]): void {
  const first = traces[0];
  for (const [i, trace] of traces.entries()) {
    const twin = traces.slice(0, i).find((other) => other.zone === trace.zone);
    if (twin !== undefined) {
      throw new UserError(`${trace.file} and ${twin.file} are both of ${trace.zone}; give one trace a zone.`);
    }
    if (first !== undefined && regionOf(first.zone) !== regionOf(trace.zone)) {
      throw new UserError(
        `${trace.file} is of ${regionOf(trace.zone)} and ${first.file} of ${regionOf(first.zone)}; a cluster has one Region, so play them in two runs.`,
      );
    }
  }
}

export const regionOf = (zone: string): string => zone.slice(0, -1);

export interface TraceWindow {
  /** Where in the trace the scenario starts, ms. */
  readonly fromMs: number;
  /** How much of it is played, ms of the trace. */
  readonly forMs: number;
  /** Seconds of the trace in one second. */
  readonly speed: number;
}

/** Before the first loss the cluster should serve for a moment: seconds of the run. */
const LEAD_MS = 3_000;

/**
 * Where to start when nobody says: a moment before the first loss, in any of the traces, that comes when every traced
 * zone has capacity (or, if there is none, before the first loss at all).
 * @throws UserError when there is no loss in the traces
 */
export function defaultFromMs(traces: readonly Trace[], speed: number): number {
  const losses = traces.flatMap((trace) => losingTicks(trace).map((tick) => tick * trace.gapMs)).sort((a, b) => a - b);
  const calm = losses.find((atMs) => traces.every((t) => nodesAt(t, atMs - t.gapMs) === t.most));
  const chosen = calm ?? losses[0];
  if (chosen === undefined) {
    throw new UserError(`Nothing is ever lost in ${traces.map((t) => t.file).join(' and ')}; choose another trace.`);
  }
  return Math.max(0, chosen - LEAD_MS * speed);
}

export function nodesAt(trace: Trace, atMs: number): number {
  const tick = Math.min(trace.data.length - 1, Math.max(0, Math.floor(atMs / trace.gapMs)));
  return trace.data[tick] ?? 0;
}

function losingTicks({ data }: Trace): number[] {
  const ticks: number[] = [];
  for (let i = 1; i < data.length; i++) if ((data[i] ?? 0) < (data[i - 1] ?? 0)) ticks.push(i);
  return ticks;
}

export interface TracePlan {
  /** Spot capacity of each traced zone at the start; null: as much as anybody wants. */
  readonly atStart: readonly { readonly zone: string; readonly nodes: number | null }[];
  readonly acts: readonly PlannedAct[];
  readonly lengthMs: number;
}

/** Acts of a run are bounded: faster than this nobody could follow. */
export const MAX_TRACE_ACTS = 2_000;

/**
 * The part of the traces that is played. A trace's n of at most `most` is taken as that share of the nodes a zone holds
 * (rounded down), so that a trace of 1 or of 16 nodes makes sense for any cluster, and is exact where a zone holds
 * as many nodes as the trace. At `most` the true capacity isn't known: it was all that was asked for.
 * @throws UserError when the window lies outside of a trace or nothing happens in it
 */
export function tracePlan(
  traces: readonly Trace[],
  window: TraceWindow,
  nodesPerZone: number,
  announced: boolean,
): TracePlan {
  const acts: PlannedAct[] = [];
  const atStart: { zone: string; nodes: number | null }[] = [];
  const capacity = (trace: Trace, n: number): number | null =>
    n >= trace.most ? null : Math.floor((n * nodesPerZone) / trace.most);
  let losses = 0;
  for (const trace of traces) {
    const lengthMs = trace.data.length * trace.gapMs;
    if (window.fromMs >= lengthMs) {
      throw new UserError(
        `--from ${showDuration(window.fromMs)} is behind the end of ${trace.file}, which is ${(lengthMs / 3_600_000).toFixed(1)} hours long.`,
      );
    }
    let before = nodesAt(trace, window.fromMs);
    atStart.push({ zone: trace.zone, nodes: capacity(trace, before) });
    const firstTick = Math.floor(window.fromMs / trace.gapMs) + 1;
    const lastTick = Math.min(trace.data.length - 1, Math.floor((window.fromMs + window.forMs) / trace.gapMs));
    for (let tick = firstTick; tick <= lastTick; tick++) {
      const now = trace.data[tick] ?? 0;
      if (now === before) continue;
      if (now < before) losses++;
      before = now;
      const atMs = Math.round((tick * trace.gapMs - window.fromMs) / window.speed);
      acts.push({ atMs, act: { type: 'capacity', zone: trace.zone, nodes: capacity(trace, now), announced } });
    }
  }
  if (losses === 0) {
    throw new UserError(
      `Nothing is lost in the ${showDuration(window.forMs)} from ${showDuration(window.fromMs)} on; choose another --from or a longer --for.`,
    );
  }
  if (acts.length > MAX_TRACE_ACTS) {
    throw new UserError(
      `${acts.length} changes lie in that part of the trace, and ${MAX_TRACE_ACTS} can be played; choose a shorter --for.`,
    );
  }
  return { atStart, acts: acts.sort((a, b) => a.atMs - b.atMs), lengthMs: Math.round(window.forMs / window.speed) };
}
