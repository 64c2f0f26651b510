import type { DeadlinePolicy, DeadlineView, Placement } from '../../core/policy/deadline/policy.js';
import { firstLine, SimInputError } from '../error.js';
import type { Trace } from '../market/trace.js';

/** A job with a deadline on recorded capacity, one node that may move between the zones given. */
export interface DeadlineJob {
  readonly workMs: number;
  readonly deadlineMs: number;
  readonly changeoverMs: number;
  /** On-demand price over spot price. */
  readonly priceRatio: number;
}

export interface DeadlineResult {
  /** In hours of spot price. */
  readonly cost: number;
  /** Share saved against running all of it on-demand, one changeover included. */
  readonly saved: number;
  readonly missed: boolean;
  readonly finishedMs: number;
  readonly spotMs: number;
  readonly onDemandMs: number;
  readonly changeovers: number;
  readonly interruptions: number;
}

export interface DeadlineSegment {
  readonly placement: Placement;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Availability by zone from a start on, one flag a tick. */
export interface Window {
  readonly tickMs: number;
  readonly zones: readonly Uint8Array[];
}

/** Ticks that a window of that job has; the last may go beyond the deadline. */
export const windowTicks = (job: DeadlineJob, tickMs: number): number => Math.ceil(job.deadlineMs / tickMs);

export function cutWindow(traces: readonly Trace[], startTick: number, ticks: number): Window {
  const zones = traces.map((trace) =>
    Uint8Array.from({ length: ticks }, (_, i) => ((trace.data[startTick + i] ?? 0) > 0 ? 1 : 0)),
  );
  return { tickMs: traces[0]?.gapMs ?? 0, zones };
}

const HOUR_MS = 3_600_000;

export const onDemandCost = (job: DeadlineJob): number => ((job.workMs + job.changeoverMs) * job.priceRatio) / HOUR_MS;

/** Looks at the policy once a tick. Work goes on past a missed deadline, on-demand, so that costs stay comparable. */
export function runJob(
  job: DeadlineJob,
  window: Window,
  policy: DeadlinePolicy,
  segments?: DeadlineSegment[],
): DeadlineResult {
  let leftMs = job.workMs;
  let changeoverLeftMs = 0;
  let running: Placement = { kind: 'idle' };
  let [spotMs, onDemandMs, changeovers, interruptions] = [0, 0, 0, 0];
  let nowMs = 0;
  let segmentFrom = 0;
  const ticks = window.zones[0]?.length ?? 0;
  for (let tick = 0; leftMs > 0 && tick < 10 * ticks; tick++) {
    const available = window.zones.map((zone) => zone[tick] === 1);
    if (running.kind === 'spot' && available[running.zone] !== true) {
      segments?.push({ placement: running, fromMs: segmentFrom, toMs: nowMs });
      segmentFrom = nowMs;
      running = { kind: 'idle' };
      interruptions++;
    }
    const view: DeadlineView = {
      elapsedMs: nowMs,
      deadlineMs: job.deadlineMs,
      workMs: job.workMs,
      leftMs,
      changeoverMs: job.changeoverMs,
      changeoverLeftMs,
      tickMs: window.tickMs,
      running,
      available,
      priceRatio: job.priceRatio,
    };
    const wanted: Placement = tick < ticks ? checked(policy, view) : { kind: 'on-demand' };
    if (!samePlacement(wanted, running)) {
      if (nowMs > segmentFrom) segments?.push({ placement: running, fromMs: segmentFrom, toMs: nowMs });
      segmentFrom = nowMs;
      running = wanted;
      changeoverLeftMs = wanted.kind === 'idle' ? 0 : job.changeoverMs;
      if (wanted.kind !== 'idle') changeovers++;
    }
    const overheadMs = Math.min(window.tickMs, changeoverLeftMs);
    const workMs = running.kind === 'idle' ? 0 : Math.min(window.tickMs - overheadMs, leftMs);
    const usedMs = running.kind === 'idle' ? window.tickMs : overheadMs + workMs;
    if (running.kind === 'spot') spotMs += usedMs;
    else if (running.kind === 'on-demand') onDemandMs += usedMs;
    changeoverLeftMs -= overheadMs;
    leftMs -= workMs;
    nowMs += leftMs === 0 ? usedMs : window.tickMs;
  }
  segments?.push({ placement: running, fromMs: segmentFrom, toMs: nowMs });
  const cost = (spotMs + onDemandMs * job.priceRatio) / HOUR_MS;
  const saved = 1 - cost / onDemandCost(job);
  const missed = leftMs > 0 || nowMs > job.deadlineMs;
  return { cost, saved, missed, finishedMs: nowMs, spotMs, onDemandMs, changeovers, interruptions };
}

export function samePlacement(a: Placement, b: Placement): boolean {
  return a.kind === b.kind && (a.kind !== 'spot' || (b.kind === 'spot' && a.zone === b.zone));
}

function checked(policy: DeadlinePolicy, view: DeadlineView): Placement {
  let placement: unknown;
  try {
    placement = policy.step(view);
  } catch (error) {
    throw new SimInputError(`policy ${policy.name} threw: ${firstLine(error)}`);
  }
  const { kind, zone } = (typeof placement === 'object' && placement !== null ? placement : {}) as Record<
    string,
    unknown
  >;
  if (kind === 'idle' || kind === 'on-demand') return placement as Placement;
  if (kind === 'spot' && typeof zone === 'number' && view.available[zone] === true) return placement as Placement;
  throw new SimInputError(
    `policy ${policy.name} returned ${JSON.stringify(placement)?.slice(0, 100)}; expected {kind: 'idle'}, ` +
      `{kind: 'on-demand'} or {kind: 'spot', zone} of a zone that has spot`,
  );
}
