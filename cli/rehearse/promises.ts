import { seatName } from '../../core/seats/seat.js';
import { firstOf, type Incident, type Story } from './incidents.js';
import { STACK_PROMISE_TEXT, stackFindings } from './stack/promises.js';
import { TASK_PROMISE_TEXT, taskFindings } from './tasks/promises.js';
import type { FailedRequest, Timeline, Traffic } from './timeline.js';

/** A promise of Synkti, and whether this run kept it. */
export interface PromiseVerdict {
  readonly id: PromiseId;
  readonly text: string;
  /** `untested`: nothing happened that it speaks of. */
  readonly state: 'kept' | 'broken' | 'untested';
  readonly figure: string;
  /** What broke it, one line each; a few only. */
  readonly because: readonly string[];
}

export const PROMISE_TEXT = {
  'no-failed-request': 'An announced interruption costs no request',
  'outage-bounded': 'A silent death costs requests only until the load balancer sees it',
  'seats-refilled': 'Every lost seat is filled again',
  'one-replacement': 'Every lost seat gets exactly one replacement',
  'acts-at-once': 'A node acts at once on its notice',
  'deregister-first': 'A workload stops only after its target is deregistered',
  'drained-in-time': 'A drained node is done, and has written its report, before its deadline',
  'no-self-termination': 'No node ends itself after a notice',
  'silence-noticed': 'A silent death is found, and a replacement asked for',
  'nothing-left': 'Nothing is left behind',
  ...STACK_PROMISE_TEXT,
  ...TASK_PROMISE_TEXT,
} as const;

export type PromiseId = keyof typeof PROMISE_TEXT;

export interface Evidence {
  readonly timeline: Timeline;
  readonly stories: ReadonlyMap<string, Story>;
  readonly incidents: readonly Incident[];
}

/** Null: untested. */
export type Finding = { readonly figure: string; readonly because: readonly string[] } | null;

const MAX_REASONS = 5;

export function judgePromises(evidence: Evidence): PromiseVerdict[] {
  const { stack, tasks, traffic } = evidence.timeline;
  const findings: Readonly<Partial<Record<PromiseId, Finding>>> = {
    ...(tasks === undefined ? {} : taskFindings(tasks)),
    ...(traffic === null
      ? {}
      : { 'no-failed-request': noFailedRequest(evidence, traffic), 'outage-bounded': outageBounded(evidence) }),
    'seats-refilled': seatsRefilled(evidence),
    'one-replacement': oneReplacement(evidence),
    'acts-at-once': actsAtOnce(evidence),
    ...(traffic === null ? {} : { 'deregister-first': deregisterFirst(evidence) }),
    'drained-in-time': drainedInTime(evidence),
    'no-self-termination': noSelfTermination(evidence),
    'silence-noticed': silenceNoticed(evidence),
    'nothing-left': nothingLeft(evidence),
    ...(stack === undefined ? {} : stackFindings(evidence, stack)),
  };
  return (Object.keys(findings) as PromiseId[]).map((id) => {
    const finding = findings[id] ?? null;
    const text = PROMISE_TEXT[id];
    if (finding === null) return { id, text, state: 'untested', figure: '-', because: [] };
    const { because, figure } = finding;
    const more = because.length - MAX_REASONS;
    return {
      id,
      text,
      state: because.length === 0 ? 'kept' : 'broken',
      figure,
      because: more > 0 ? [...because.slice(0, MAX_REASONS), `and ${more} more`] : because,
    };
  });
}

/** Of the failed requests, those that a silent death explains, and the others. */
export function sortFailures({ timeline, incidents }: Pick<Evidence, 'timeline' | 'incidents'>): {
  readonly excused: readonly FailedRequest[];
  readonly others: readonly FailedRequest[];
} {
  // With its agent dead and the events lost, nobody hears of a notice: the end comes silently.
  const unheard = timeline.stack?.eventsLost === true;
  const windows = incidents
    .filter((incident) => incident.kind === 'silent' || (unheard && incident.agentDead))
    .map(({ atMs, deadlineMs, outOfServiceMs }) => {
      const fromMs = deadlineMs ?? atMs;
      const latest = fromMs + timeline.limits.outageMs;
      // A dead node that others deregister gets some more.
      return { fromMs, toMs: Math.min(latest, (outOfServiceMs ?? latest) + (timeline.limits.lagMs ?? 0)) };
    });
  const excused: FailedRequest[] = [];
  const others: FailedRequest[] = [];
  for (const failure of timeline.traffic?.failures ?? []) {
    // Under way when the node died, or sent before the load balancer knew.
    const inside = windows.some(({ fromMs, toMs }) => failure.endedMs >= fromMs && failure.startedMs <= toMs);
    (inside ? excused : others).push(failure);
  }
  return { excused, others };
}

function noFailedRequest(evidence: Evidence, traffic: Traffic): Finding {
  const { excused, others } = sortFailures(evidence);
  // Failures beyond the ones that were kept one by one can't be excused.
  const unexplained = Math.max(0, traffic.failed - excused.length);
  if (traffic.sent === 0) return { figure: 'no request was sent', because: ['no request was sent'] };
  const because = others.map((f) => `${at(evidence, f.startedMs)}: ${f.reason} after ${f.endedMs - f.startedMs} ms`);
  if (because.length === 0 && unexplained > 0) because.push(`${unexplained} requests failed`);
  return { figure: `${unexplained} of ${traffic.sent} requests failed`, because };
}

function outageBounded(evidence: Evidence): Finding {
  const silent = evidence.incidents.filter(({ kind, served }) => kind === 'silent' && served);
  if (silent.length === 0) return null;
  const { outageMs } = evidence.timeline.limits;
  const lengths = silent.map((i) => (i.outOfServiceMs ?? evidence.timeline.endedMs) - i.atMs);
  const because = silent
    .filter((_, n) => (lengths[n] ?? 0) > outageMs)
    .map((i) => `${who(i)} still got requests ${seconds(outageMs)} after its death`);
  const { excused } = sortFailures(evidence);
  return { figure: `${excused.length} requests failed within ${seconds(Math.max(...lengths))}`, because };
}

function seatsRefilled({ timeline, stories, incidents }: Evidence): Finding {
  if (timeline.cutShort === true) return null;
  const because = incidents
    .filter((i) => i.seat.slot < timeline.desired && i.replacementServingMs === null)
    .map((i) => `nobody served in the place of ${who(i)}`);
  let serving = 0;
  for (let slot = 0; slot < timeline.desired; slot++) {
    if ([...stories.values()].some((story) => story.node.seat?.slot === slot && servesAtEnd(story))) serving++;
    else because.push(`slot ${slot} is empty at the end`);
  }
  return { figure: `${serving} of ${timeline.desired} seats serve at the end`, because };
}

function servesAtEnd(story: Story): boolean {
  if (endOf(story) !== null || firstOf(story, 'notice') !== undefined) return false;
  return story.events.findLast((event) => event.type === 'target')?.state === 'healthy';
}

/** When an instance stopped to be; null: it still is. */
export function endOf(story: Story): number | null {
  const times = (['ending', 'ended', 'died'] as const).map(
    (type) => firstOf(story, type)?.atMs ?? Number.POSITIVE_INFINITY,
  );
  const least = Math.min(...times);
  return Number.isFinite(least) ? least : null;
}

function oneReplacement({ timeline, stories }: Evidence): Finding {
  const because: string[] = [];
  const seated = [...stories.values()].filter((story) => story.node.seat !== null);
  const overlaps: number[] = [0];
  let replacements = 0;
  for (const [n, story] of seated.entries()) {
    const { seat } = story.node;
    if (seat === null) continue;
    const earlier = seated.slice(0, n).filter((other) => other.node.seat?.slot === seat.slot);
    for (const twin of earlier.filter((other) => other.node.seat?.generation === seat.generation)) {
      const end = Math.min(endOf(twin) ?? timeline.endedMs, endOf(story) ?? timeline.endedMs);
      const overlap = end - story.launchedMs;
      overlaps.push(overlap);
      if (overlap > timeline.limits.surplusMs) {
        because.push(
          `${twin.node.instanceId} and ${story.node.instanceId} both held seat ${seatName(seat)} for ${seconds(overlap)}`,
        );
      }
    }
    if (seat.generation > 1) {
      replacements++;
      const last = earlier
        .filter((other) => (other.node.seat?.generation ?? 0) < seat.generation)
        .sort((a, b) => (b.node.seat?.generation ?? 0) - (a.node.seat?.generation ?? 0))[0];
      if (last !== undefined && !hadReason(last, story.launchedMs) && !wasWished(timeline, last, story)) {
        because.push(
          `${story.node.instanceId} was launched for seat ${seatName(seat)} while ${last.node.instanceId} was well`,
        );
      }
    }
  }
  const longest = Math.max(...overlaps);
  return { figure: `${replacements} launched, ${longest > 0 ? `twins for ${seconds(longest)}` : 'no twins'}`, because };
}

/** It was told of its end, had served before, and its agent could do something about it. */
const couldAct = ({ kind, served, agentDead }: Incident): boolean => kind === 'announced' && served && !agentDead;

/** Something had happened to the holder before its successor was launched. */
function hadReason(story: Story, beforeMs: number): boolean {
  return story.events.some(
    (event) =>
      event.atMs <= beforeMs &&
      (event.type === 'notice' ||
        event.type === 'agent-dead' ||
        event.type === 'died' ||
        event.type === 'rebalance' ||
        event.type === 'ending' ||
        event.type === 'ended'),
  );
}

/** A rolling update replaces nodes that are well; so does the return from on-demand to spot. */
const wasWished = ({ events }: Timeline, last: Story, next: Story): boolean =>
  (last.node.market === 'on-demand' && next.node.market === 'spot') ||
  (last.node.templateVersion !== next.node.templateVersion &&
    events.some((event) => event.type === 'change' && event.what === 'update' && event.atMs <= next.launchedMs));

function actsAtOnce({ timeline, incidents }: Evidence): Finding {
  const noticed = incidents.filter(couldAct);
  if (noticed.length === 0) return null;
  const { firstActMs } = timeline.limits;
  const because = noticed
    .filter((i) => i.firstActMs === null || i.firstActMs - i.atMs > firstActMs)
    .map((i) => `${who(i)} ${i.firstActMs === null ? 'never acted' : `acted after ${seconds(i.firstActMs - i.atMs)}`}`);
  const longest = Math.max(0, ...noticed.map((i) => (i.firstActMs ?? i.atMs) - i.atMs));
  return { figure: `at most ${seconds(longest)} (limit ${seconds(firstActMs)})`, because };
}

function deregisterFirst({ incidents }: Evidence): Finding {
  const stopped = incidents.filter((incident) => couldAct(incident) && incident.stopBeganMs !== null);
  if (stopped.length === 0) return null;
  const margins: number[] = [];
  const because: string[] = [];
  for (const i of stopped) {
    if (i.deregisteredMs === null) because.push(`${who(i)} stopped and was never deregistered`);
    else if ((i.stopBeganMs ?? 0) < i.deregisteredMs) because.push(`${who(i)} stopped before it was deregistered`);
    else margins.push((i.stopBeganMs ?? 0) - i.deregisteredMs);
  }
  const least = margins.length === 0 ? '-' : seconds(Math.min(...margins));
  return { figure: `served on for at least ${least}`, because };
}

function drainedInTime({ incidents }: Evidence): Finding {
  const noticed = incidents.filter(couldAct);
  if (noticed.length === 0) return null;
  const because: string[] = [];
  const left: number[] = [];
  for (const i of noticed) {
    const deadlineMs = i.deadlineMs ?? i.atMs;
    if (i.ledger === null) because.push(`${who(i)} left no report`);
    else if (i.drainedMs === null) because.push(`${who(i)} reported no end of its workload`);
    else if (i.drainedMs > deadlineMs) because.push(`${who(i)} was done ${seconds(i.drainedMs - deadlineMs)} too late`);
    else left.push(deadlineMs - i.drainedMs);
  }
  return { figure: left.length === 0 ? '-' : `at least ${seconds(Math.min(...left))} to spare`, because };
}

function noSelfTermination({ incidents, stories }: Evidence): Finding {
  const noticed = incidents.filter(({ kind }) => kind === 'announced');
  if (noticed.length === 0) return null;
  const because: string[] = [];
  for (const i of noticed) {
    const story = stories.get(i.instanceId);
    const ended = story && firstOf(story, 'call', (e) => e.action === 'TerminateInstances' && e.ok && e.atMs >= i.atMs);
    if (ended !== undefined) because.push(`${who(i)} ended itself ${seconds(ended.atMs - i.atMs)} after its notice`);
  }
  return { figure: `${because.length} of ${noticed.length}`, because };
}

function silenceNoticed({ timeline, incidents }: Evidence): Finding {
  const silent = incidents.filter(({ kind, seat }) => kind === 'silent' && seat.slot < timeline.desired);
  if (silent.length === 0) return null;
  const { silentMs } = timeline.limits;
  const because = silent
    .filter((i) => i.replacementAskedMs === null || i.replacementAskedMs - i.atMs > silentMs)
    .map((i) =>
      i.replacementAskedMs === null
        ? `nobody asked for a replacement of ${who(i)}`
        : `the replacement of ${who(i)} was asked for after ${seconds(i.replacementAskedMs - i.atMs)}`,
    );
  const longest = Math.max(0, ...silent.map((i) => (i.replacementAskedMs ?? i.atMs) - i.atMs));
  return { figure: `at most ${seconds(longest)} (limit ${seconds(silentMs)})`, because };
}

function nothingLeft({ timeline, stories }: Evidence): Finding {
  const orphans = orphansOf(timeline, stories);
  const because = orphans.map((id) => `${id} runs at the end and holds no seat`);
  const { leftovers } = timeline;
  for (const what of ['processes', 'files', 'ports'] as const) {
    const count = leftovers?.[what] ?? 0;
    if (count > 0) because.push(`${count} ${what} were left after everything was stopped`);
  }
  return {
    figure: `${orphans.length} orphans${leftovers === null ? '' : `, ${leftovers.processes} processes, ${leftovers.files} files`}`,
    because,
  };
}

/** Instances that live at the end and aren't the newest holder of a slot. */
export function orphansOf(timeline: Timeline, stories: ReadonlyMap<string, Story>): string[] {
  if (timeline.cutShort === true) return [];
  const live = [...stories.values()].filter((story) => endOf(story) === null);
  return live
    .filter(({ node: { seat }, events }) => {
      // The sweep ends it, after a patience that no rehearsal lasts for.
      if (seat !== null && events.some(({ type }) => type === 'agent-dead')) return false;
      if (seat === null || seat.slot >= timeline.desired) return true;
      return live.some((other) => other.node.seat?.slot === seat.slot && other.node.seat.generation > seat.generation);
    })
    .map((story) => story.node.instanceId);
}

export const who = (i: Incident): string => `slot ${i.seat.slot} (${i.instanceId})`;
const at = ({ timeline }: Evidence, ms: number): string => `at ${seconds(ms - timeline.startedMs)}`;

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
