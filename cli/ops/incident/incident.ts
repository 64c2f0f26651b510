/** One node's end, from its report, the launch records and what EC2 still shows: a pure function of them. */
import { DRAIN_STEPS, type DrainStep, type LedgerEntry } from '../../../core/drain/ledger.js';
import type { LeaveCause } from '../../../core/gossip/member.js';
import type { Launcher, LaunchRecord } from '../../../core/seats/launch-record.js';
import { type HeldSeat, seatName } from '../../../core/seats/seat.js';
import type { OpsNode } from '../answers.js';
import { costOf, onDemandCost, type PriceBook, type Runs } from '../prices.js';
import type { Report } from './record.js';

export interface Incident {
  readonly id: string;
  readonly instanceId: string;
  readonly seat: HeldSeat;
  /** `silent`: nothing announced it, and the node wrote nothing. */
  readonly cause: LeaveCause | 'silent';
  /** When it was known; of a silent death when EC2 said so, or 0. */
  readonly atMs: number;
  readonly deadlineMs: number | null;
  /** `nobody`: what is known of it is what EC2 still shows. */
  readonly writtenBy: 'node' | 'fallback' | 'nobody';
  readonly node: Runs;
  readonly launchedMs: number | null;
  /** In the order of a drain; those that never began are left out. */
  readonly steps: readonly Step[];
  /** Until the workload was stopped; null: not known. */
  readonly drainedMs: number | null;
  /** In flight when the workloads ended, as last counted; null: not known. */
  readonly requestsLost: number | null;
  readonly replacement: Replacement | null;
  readonly money: Money;
}

export interface Step extends LedgerEntry {
  readonly step: DrainStep;
  readonly tookMs: number | null;
}

export interface Replacement {
  readonly instanceId: string;
  /** Null: nobody wrote it down. */
  readonly by: Launcher | null;
  /** The agent that launched it. */
  readonly launcher: string | null;
  /** Null: EC2 doesn't show it any more. */
  readonly node: Runs | null;
  readonly seat: HeldSeat | null;
  readonly launchedMs: number | null;
}

/** In USD; null: no price is known, or it doesn't apply. */
export interface Money {
  /** Both ran: the newcomer, from its launch to the end of the one that went. */
  readonly overlapMs: number | null;
  readonly overlapUsd: number | null;
  /** On-demand instead of spot: what the newcomer costs more, so far. */
  readonly onDemandUsd: number | null;
  /** Work of tasks that was done again. */
  readonly redoneMs: number;
  readonly redoneUsd: number | null;
  /** The node on spot instead of on-demand, over its life. */
  readonly savedUsd: number | null;
}

/** Executions of tasks that the node lost. */
export interface RedoneWork {
  readonly redoneMs: number;
  /** Part of the node. */
  readonly share: number;
}

export interface IncidentFacts {
  readonly nowMs: number;
  /** Of the cluster, as far as EC2 still shows them. */
  readonly nodes: readonly OpsNode[];
  /** By {@link seatName}. */
  readonly launches: ReadonlyMap<string, LaunchRecord>;
  readonly prices: PriceBook;
  /** By the node that lost it. */
  readonly redone: ReadonlyMap<string, readonly RedoneWork[]>;
}

export function incidentOf(report: Report, facts: IncidentFacts): Incident {
  const { id, instanceId, seat, deadlineMs } = report;
  const node: Runs = { instanceType: report.instanceType, zone: report.zone, lifecycle: report.lifecycle };
  const steps = DRAIN_STEPS.flatMap((step): Step[] => {
    const entry = report.steps[step];
    if (entry.startedMs === null && entry.endedMs === null) return [];
    const tookMs = entry.startedMs === null || entry.endedMs === null ? null : entry.endedMs - entry.startedMs;
    return [{ step, ...entry, tookMs }];
  });
  const own = facts.nodes.find((one) => one.instanceId === instanceId);
  // Of two that were launched for the seat, the record tells of one.
  const launch = facts.launches.get(seatName(seat));
  const launchedMs = (launch?.instanceId === instanceId ? launch.atMs : null) ?? own?.launchTimeMs ?? null;
  const drainedMs = report.steps.stop.endedMs;
  const replacement = replacementOf(seat, report.replacement, facts);
  // Without an end of its own, EC2 takes it at its deadline.
  const endMs = own?.endedMs ?? deadlineMs ?? report.steps['last-words'].endedMs ?? drainedMs ?? report.detectedMs;
  return {
    id,
    instanceId,
    seat,
    cause: report.cause,
    atMs: report.detectedMs,
    deadlineMs,
    writtenBy: report.writtenBy,
    node,
    launchedMs,
    steps,
    drainedMs,
    requestsLost: report.requestsLost,
    replacement,
    money: moneyOf(node, instanceId, launchedMs, endMs, replacement, facts),
  };
}

/** A node that went without a report, as long as EC2 shows it. Null: it never had a seat, or it never served. */
export function silentIncident(node: OpsNode, facts: IncidentFacts): Incident | null {
  if (node.seat === null || (node.phase ?? null) === null) return null;
  const replacement = replacementOf(node.seat, null, facts);
  const launchedMs = node.launchTimeMs;
  const endMs = node.endedMs ?? replacement?.launchedMs ?? null;
  return {
    id: `${node.instanceId}-silent`,
    instanceId: node.instanceId,
    seat: node.seat,
    cause: 'silent',
    atMs: endMs ?? launchedMs,
    deadlineMs: null,
    writtenBy: 'nobody',
    node: { instanceType: node.instanceType, zone: node.zone, lifecycle: node.lifecycle },
    launchedMs,
    steps: [],
    drainedMs: null,
    requestsLost: null,
    replacement,
    money: moneyOf(node, node.instanceId, launchedMs, endMs ?? launchedMs, replacement, facts),
  };
}

function replacementOf(seat: HeldSeat, told: string | null, { nodes, launches }: IncidentFacts): Replacement | null {
  const next = launches.get(seatName({ slot: seat.slot, generation: seat.generation + 1 }));
  const heirs = nodes
    .filter((node) => node.seat?.slot === seat.slot && node.seat.generation > seat.generation)
    .sort((a, b) => (a.seat?.generation ?? 0) - (b.seat?.generation ?? 0));
  const instanceId = told ?? next?.instanceId ?? heirs[0]?.instanceId ?? null;
  if (instanceId === null) return null;
  const node = nodes.find((one) => one.instanceId === instanceId) ?? null;
  const record = [next, node?.seat === null || node === null ? undefined : launches.get(seatName(node.seat))].find(
    (one) => one?.instanceId === instanceId,
  );
  return {
    instanceId,
    by: record?.by ?? null,
    launcher: record?.launcher ?? null,
    node,
    seat: node?.seat ?? record?.seat ?? null,
    launchedMs: record?.atMs ?? node?.launchTimeMs ?? null,
  };
}

function moneyOf(
  node: Runs,
  instanceId: string,
  launchedMs: number | null,
  endMs: number,
  replacement: Replacement | null,
  { nowMs, prices, nodes, redone: lost }: IncidentFacts,
): Money {
  const redone = lost.get(instanceId) ?? [];
  const heir = replacement?.node ?? null;
  const startMs = replacement?.launchedMs ?? null;
  const overlapMs = startMs === null ? null : Math.max(0, Math.min(endMs, nowMs) - startMs);
  const overlapUsd =
    heir === null || startMs === null || overlapMs === null ? null : costOf(heir, startMs, startMs + overlapMs, prices);
  const heirEndMs = nodes.find((one) => one.instanceId === replacement?.instanceId)?.endedMs ?? nowMs;
  const redoneMs = redone.reduce((sum, one) => sum + one.redoneMs, 0);
  const perMs = costOf(node, endMs - 3_600_000, endMs, prices);
  const shared = redone.reduce((sum, one) => sum + one.redoneMs * one.share, 0);
  return {
    overlapMs,
    overlapUsd,
    onDemandUsd:
      heir?.lifecycle === 'on-demand' && startMs !== null ? moreThanSpot(heir, startMs, heirEndMs, prices) : null,
    redoneMs,
    redoneUsd: perMs === null ? null : (perMs / 3_600_000) * shared,
    savedUsd: node.lifecycle === 'spot' && launchedMs !== null ? moreThanSpot(node, launchedMs, endMs, prices) : null,
  };
}

/** On-demand less spot, in the same pool over the same time. */
function moreThanSpot(node: Runs, fromMs: number, toMs: number, prices: PriceBook): number | null {
  const dear = onDemandCost(node, fromMs, toMs, prices);
  const cheap = costOf({ ...node, lifecycle: 'spot' }, fromMs, toMs, prices);
  return dear === null || cheap === null ? null : dear - cheap;
}

/** Who launched the replacement, in words. */
export function launcherText(incident: Incident): string {
  const { replacement, instanceId } = incident;
  if (replacement === null) return 'nobody yet';
  switch (replacement.by) {
    case null:
      return 'not written down';
    case 'agent':
      return replacement.launcher === instanceId || replacement.launcher === null
        ? 'its own agent'
        : `the agent of ${replacement.launcher}`;
    case 'peer':
      return replacement.launcher === null ? 'a peer' : `peer ${replacement.launcher}`;
    case 'interruption':
    case 'ended':
      return `the Lambda for ${replacement.by === 'ended' ? 'ended nodes' : 'interruptions'}`;
    case 'sweep':
      return 'the sweep';
    case 'seeder':
      return 'a deployment';
    case 'operator':
      return 'somebody, by synkti replace';
  }
}
