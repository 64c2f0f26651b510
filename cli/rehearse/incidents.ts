import type { Ledger } from '../../core/drain/ledger.js';
import { type HeldSeat, seatName } from '../../core/seats/seat.js';
import type { NodeInfo, Timeline, TimelineEvent } from './timeline.js';

/** One node's end as the verdict tells it. Times are wall-clock ms; null: it never happened. */
export interface Incident {
  readonly instanceId: string;
  readonly seat: HeldSeat;
  readonly zone: string;
  /** `silent`: nothing announced it, or the node died before its deadline. */
  readonly kind: 'announced' | 'silent';
  /** The notice; of a silent death the death. */
  readonly atMs: number;
  readonly deadlineMs: number | null;
  /** The node had served before: only then can it keep promises about its drain. */
  readonly served: boolean;
  readonly detectedMs: number | null;
  /** The first thing of it that others could see: a call to AWS, or the report's first step. */
  readonly firstActMs: number | null;
  readonly deregisteredMs: number | null;
  readonly stopBeganMs: number | null;
  readonly drainedMs: number | null;
  readonly replacement: string | null;
  readonly replacementAskedMs: number | null;
  readonly replacementServingMs: number | null;
  /** When the load balancer stopped sending to it. */
  readonly outOfServiceMs: number | null;
  readonly ledger: Ledger | null;
  /** Its agent had stopped to act before. */
  readonly agentDead: boolean;
}

/** Everything about one instance, gathered. */
export interface Story {
  readonly node: NodeInfo;
  readonly launchedMs: number;
  readonly events: readonly TimelineEvent[];
}

/** Instances in order of launch. */
export function stories(timeline: Pick<Timeline, 'events'>): Map<string, Story> {
  const found = new Map<string, { node: NodeInfo; launchedMs: number; events: TimelineEvent[] }>();
  for (const event of timeline.events) {
    if (event.type === 'launched') {
      found.set(event.node.instanceId, { node: event.node, launchedMs: event.atMs, events: [event] });
      continue;
    }
    const id = subjectOf(event);
    if (id !== null) found.get(id)?.events.push(event);
  }
  return found;
}

function subjectOf(event: TimelineEvent): string | null {
  switch (event.type) {
    case 'launched':
      return event.node.instanceId;
    case 'call':
      return event.caller;
    case 'ledger':
      return event.ledger.instanceId;
    case 'act':
    case 'denied':
    case 'change':
    case 'shortage':
      return null;
    default:
      return event.instanceId;
  }
}

export const firstOf = <T extends TimelineEvent['type']>(
  story: Story,
  type: T,
  test: (event: Extract<TimelineEvent, { type: T }>) => boolean = () => true,
): Extract<TimelineEvent, { type: T }> | undefined =>
  story.events.find(
    (event): event is Extract<TimelineEvent, { type: T }> =>
      event.type === type && test(event as Extract<TimelineEvent, { type: T }>),
  );

export function incidentsOf(timeline: Pick<Timeline, 'events'>): Incident[] {
  const all = stories(timeline);
  const incidents: Incident[] = [];
  for (const story of all.values()) {
    const incident = incidentOf(story, [...all.values()]);
    if (incident !== null) incidents.push(incident);
  }
  return incidents.sort((a, b) => a.atMs - b.atMs || (seatName(a.seat) < seatName(b.seat) ? -1 : 1));
}

function incidentOf(story: Story, all: readonly Story[]): Incident | null {
  const { seat } = story.node;
  if (seat === null) return null;
  const notice = firstOf(story, 'notice');
  const death = firstOf(story, 'died');
  const silent = death !== undefined && (notice === undefined || death.atMs < notice.deadlineMs);
  const atMs = silent ? death.atMs : notice?.atMs;
  if (atMs === undefined) return null;

  const isAfter = (event: { readonly atMs: number }): boolean => event.atMs >= atMs;
  const leave = firstOf(story, 'target', (e) => isAfter(e) && (e.state === 'draining' || e.state === 'absent'));
  const out = firstOf(story, 'target', (e) => isAfter(e) && e.state !== 'healthy' && e.state !== 'initial');
  const act = firstOf(story, 'call', (e) => isAfter(e) && e.ok && ACTS.has(e.action));
  const ledger = lastLedger(story, atMs);
  const heirs = all.filter(
    ({ node }) => node.seat !== null && node.seat.slot === seat.slot && node.seat.generation > seat.generation,
  );
  const heir = earliest(heirs.map((h) => ({ id: h.node.instanceId, atMs: h.launchedMs })));
  const serving = earliest(
    heirs.map((h) => ({
      id: h.node.instanceId,
      atMs: firstOf(h, 'target', (e) => e.state === 'healthy')?.atMs ?? null,
    })),
  );
  const reported = ledger === null ? null : leastOf(Object.values(ledger.steps).map((step) => step.endedMs));
  return {
    instanceId: story.node.instanceId,
    seat,
    zone: story.node.zone,
    kind: silent ? 'silent' : 'announced',
    atMs,
    deadlineMs: silent ? null : (notice?.deadlineMs ?? null),
    served: firstOf(story, 'target', (e) => e.atMs < atMs && e.state === 'healthy') !== undefined,
    detectedMs: ledger?.detectedMs ?? null,
    firstActMs: leastOf([act?.atMs ?? null, reported]),
    deregisteredMs: silent ? null : (leave?.atMs ?? null),
    stopBeganMs: ledger?.steps.stop.startedMs ?? null,
    drainedMs: ledger?.steps.stop.endedMs ?? null,
    replacement: heir?.id ?? null,
    replacementAskedMs: heir?.atMs ?? null,
    replacementServingMs: serving?.atMs ?? null,
    outOfServiceMs: out?.atMs ?? null,
    ledger,
    agentDead: firstOf(story, 'agent-dead', (e) => e.atMs <= (notice?.deadlineMs ?? atMs)) !== undefined,
  };
}

/** Calls that others can see the effect of. */
const ACTS: ReadonlySet<string> = new Set(['CreateFleet', 'DeregisterTargets', 'PutObject', 'CreateTags']);

/** The report with the most to tell: the newest one. */
function lastLedger(story: Story, atMs: number): Ledger | null {
  let best: Ledger | null = null;
  for (const event of story.events) {
    // A report of an earlier spell, such as a rebalance recommendation that came to nothing, isn't about this end.
    if (event.type !== 'ledger' || event.ledger.deadlineMs === null || event.atMs < atMs) continue;
    best = event.ledger;
  }
  return best;
}

function earliest(candidates: readonly { readonly id: string; readonly atMs: number | null }[]) {
  let best: { id: string; atMs: number } | null = null;
  for (const { id, atMs } of candidates) if (atMs !== null && (best === null || atMs < best.atMs)) best = { id, atMs };
  return best;
}

function leastOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.min(...known);
}
