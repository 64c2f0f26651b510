/**
 * The ends of nodes as they can be followed from AWS: one look after another, until the seat is served again. What lies
 * between two looks isn't known, so what was seen is told as "about"; a node's own report, once it is there, is exact.
 */
import type { HeldSeat } from '../../../core/seats/seat.js';
import { MAX_INCIDENTS } from '../../ui/picture.js';
import type { OpsNode } from '../answers.js';
import type { Report } from '../incident/record.js';
import type { ClusterView, NodeRow } from '../view.js';

export interface Loss {
  readonly instanceId: string;
  readonly seat: HeldSeat;
  readonly zone: string;
  /** When it was first seen to go. */
  readonly seenMs: number;
  /** It was so already at the first look: when each step was isn't known. */
  readonly before: boolean;
  /** It said itself that it goes. */
  readonly announced: boolean;
  readonly report: Report | null;
  /** No target group sends to it any more. */
  readonly outMs: number | null;
  readonly drainedMs: number | null;
  /** EC2 has ended it. */
  readonly goneMs: number | null;
  readonly heir: { readonly instanceId: string; readonly launchedMs: number } | null;
  readonly servedMs: number | null;
}

type Draft = { -readonly [K in keyof Loss]: Loss[K] };

/** Reports come within seconds of the end; later nobody waits for one. */
const REPORT_PATIENCE_MS = 300_000;

export class Losses {
  readonly #drafts = new Map<string, Draft>();
  readonly #live = new Set<string>();
  #first = true;

  /** Newest first. */
  get all(): readonly Loss[] {
    return [...this.#drafts.values()].sort((a, b) => beganMs(b) - beganMs(a) || (a.instanceId < b.instanceId ? -1 : 1));
  }

  /** A report may be in the bucket by now that nobody has read. */
  awaitsReport(nowMs: number): boolean {
    return [...this.#drafts.values()].some(
      (one) => one.report === null && !one.before && nowMs - one.seenMs < REPORT_PATIENCE_MS,
    );
  }

  /** @param reports of nodes that ended lately, by instance */
  take(view: ClusterView, reports: ReadonlyMap<string, Report>): void {
    const { atMs } = view;
    for (const row of view.nodes) {
      if (row.condition === 'draining' || row.condition === 'drained' || row.condition === 'ending') {
        this.#open(row.node, atMs, row.condition !== 'ending' || isAnnounced(row.node));
      }
    }
    for (const node of view.ended) {
      // Of those that ended before anybody looked, only who went without a report is news; the others are told by theirs.
      if (this.#live.has(node.instanceId) || (this.#first && !reports.has(node.instanceId))) {
        this.#open(node, node.endedMs ?? atMs, isAnnounced(node));
      }
    }
    for (const report of reports.values()) this.#report(report);
    for (const draft of this.#drafts.values()) this.#follow(draft, view);
    this.#live.clear();
    for (const { node } of view.nodes) this.#live.add(node.instanceId);
    this.#first = false;
    for (const { instanceId } of this.all.slice(MAX_INCIDENTS)) this.#drafts.delete(instanceId);
  }

  #open(node: OpsNode, seenMs: number, announced: boolean): void {
    // One that never served is a failed launch, and no loss.
    if (node.seat === null || (node.phase ?? null) === null || this.#drafts.has(node.instanceId)) return;
    const { instanceId, seat, zone } = node;
    this.#drafts.set(instanceId, { ...NOTHING, instanceId, seat, zone, seenMs, announced, before: this.#first });
  }

  #report(report: Report): void {
    const { instanceId, seat, zone, detectedMs } = report;
    const known = this.#drafts.get(instanceId);
    if (known !== undefined) known.report = report;
    else {
      const rest = { instanceId, seat, zone, seenMs: detectedMs, announced: true, before: true, report };
      this.#drafts.set(instanceId, { ...NOTHING, ...rest });
    }
  }

  #follow(draft: Draft, { nodes, ended, atMs }: ClusterView): void {
    const row = nodes.find(({ node }) => node.instanceId === draft.instanceId);
    if (row === undefined) {
      draft.goneMs ??= ended.find(({ instanceId }) => instanceId === draft.instanceId)?.endedMs ?? atMs;
    } else {
      draft.goneMs = null;
      if (row.condition === 'drained') draft.drainedMs ??= atMs;
    }
    if (row === undefined || isOut(row)) draft.outMs ??= atMs;
    const heirs = nodes
      .filter(({ node }) => node.seat?.slot === draft.seat.slot && node.seat.generation > draft.seat.generation)
      .sort((a, b) => (a.node.seat?.generation ?? 0) - (b.node.seat?.generation ?? 0));
    const heir = heirs[0]?.node;
    if (heir !== undefined && draft.servedMs === null) {
      draft.heir = { instanceId: heir.instanceId, launchedMs: heir.launchTimeMs };
    }
    if (heirs.some(({ condition }) => condition === 'serving')) draft.servedMs ??= atMs;
  }
}

const NOTHING = { report: null, outMs: null, drainedMs: null, goneMs: null, heir: null, servedMs: null };

export const beganMs = ({ report, seenMs }: Pick<Loss, 'report' | 'seenMs'>): number => report?.detectedMs ?? seenMs;

/** By its own word, which its tags keep after its end. */
export const isAnnounced = ({ phase }: OpsNode): boolean => phase === 'draining' || phase === 'drained';

const isOut = ({ health }: NodeRow): boolean =>
  health.length > 0 && health.every(({ state }) => state === null || state === 'draining');
