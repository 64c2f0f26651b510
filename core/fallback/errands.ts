/** The errands of the fallback, each from its look to its acts. */
import type { NodeView } from '../cloud.js';
import type { Spec } from '../spec/spec.js';
import type { Context, WallMs } from '../time.js';
import type { Act, Verdict } from './act.js';
import { carryOut, type Done, type Means } from './carry-out.js';
import { judgeEnd } from './ended.js';
import { type Figures, figuresIn, spotCost } from './figures.js';
import { isLiveNode } from './holders.js';
import { type Announcement, judgeAnnouncement } from './interruption.js';
import { lookAtTargets } from './look.js';
import type { Orphan } from './port.js';
import { call, type Script } from './script.js';
import { planSweep, type SweepCounts } from './sweep.js';

/** A look that several errands of one call share. */
export interface Seen {
  readonly spec: Spec;
  readonly wishChangedMs: WallMs;
  readonly nodes: readonly NodeView[];
}

export interface Errand {
  readonly verdict: Verdict;
  readonly done: Done;
  /** Of a node whose end is over: how it went. Once a node, as far as events come once. */
  readonly figures?: Figures | null;
}

export function* tendAnnouncement(
  kind: Announcement,
  instanceId: string,
  seen: Seen,
  means: Means,
  ctx: Context,
): Script<Errand> {
  const scene = { ...seen, wallMs: ctx.wallMs };
  const verdict = judgeAnnouncement(kind, instanceId, scene, means.drainDocument !== null);
  return { verdict, done: yield* carryOut(verdict.acts, seen.spec, means, ctx) };
}

/** @param over the last event of this end: its figures are wanted */
export function* tendEnd(
  instanceId: string,
  atMs: WallMs,
  seen: Seen,
  means: Means,
  start: Context,
  over = false,
): Script<Errand> {
  const node = seen.nodes.find((one) => one.instanceId === instanceId);
  const { cluster, epoch, bucket } = seen.spec;
  let ctx = start;
  let reported: boolean | null = null;
  let orphans: readonly Orphan[] = [];
  if (node !== undefined && !isLiveNode(node)) {
    const report = yield* call({ op: 'findReport', bucket, instanceId });
    if (report.outcome.ok) reported = report.outcome.value;
    const left = yield* call({ op: 'findOrphans', cluster, epoch });
    if (left.outcome.ok) orphans = left.outcome.value;
    ctx = left.ctx;
  }
  const verdict = judgeEnd(instanceId, atMs, { ...seen, wallMs: ctx.wallMs, reported, orphans });
  const done = yield* carryOut(verdict.acts, seen.spec, means, ctx);
  if (!over || reported === null) return { verdict, done };
  if (!reported) {
    const written = verdict.acts.find((act) => act.type === 'report');
    return { verdict, done, figures: figuresIn(written?.body ?? '') };
  }
  const own = yield* call({ op: 'readReport', bucket, instanceId });
  return { verdict, done, figures: own.outcome.ok ? figuresIn(own.outcome.value ?? '') : null };
}

export interface Sweep {
  readonly acts: readonly Act[];
  /** Why the return to spot waits; null: it doesn't. */
  readonly waiting: string | null;
  readonly counts: SweepCounts;
  /** USD an hour of the spot nodes; null: EC2 didn't tell. */
  readonly spotUsdPerHour: number | null;
  readonly done: Done;
}

export function* sweep(seen: Seen, means: Means, start: Context): Script<Sweep> {
  const { spec, nodes } = seen;
  const running = nodes.filter(({ state }) => state === 'running').map(({ instanceId }) => instanceId);
  // What can't be looked at is left for the next sweep.
  const failing = running.length === 0 ? null : yield* call({ op: 'findImpaired', instanceIds: running });
  const impaired = failing?.outcome.ok ? failing.outcome.value : [];
  const { targets } = yield* lookAtTargets(spec, failing?.ctx ?? start);
  const left = yield* call({ op: 'findOrphans', cluster: spec.cluster, epoch: spec.epoch });
  const orphans = left.outcome.ok ? left.outcome.value : [];
  const { wallMs } = left.ctx;
  const { acts, counts, waiting } = planSweep({ ...seen, wallMs, impaired, targets, orphans });
  const done = yield* carryOut(acts, spec, means, left.ctx);
  // Last: nothing waits for a price.
  return { acts, counts, waiting, done, spotUsdPerHour: yield* lookAtCost(nodes) };
}

/** What the live spot nodes cost now. */
function* lookAtCost(nodes: readonly NodeView[]): Script<number | null> {
  const spot = nodes.filter((node) => isLiveNode(node) && node.lifecycle === 'spot');
  const pools = new Map(spot.map(({ instanceType, zone }) => [`${instanceType} ${zone}`, { instanceType, zone }]));
  if (pools.size === 0) return 0;
  const { outcome } = yield* call({ op: 'findSpotPrices', pools: [...pools.values()] });
  return outcome.ok ? spotCost(spot, outcome.value) : null;
}
