/** Promises that only a rehearsed stack can keep or break. Pure. */
import { firstOf, type Incident, type Story } from '../incidents.js';
import { type Evidence, endOf, type Finding, seconds, who } from '../promises.js';
import type { ChangeFact, StackFacts } from './facts.js';
import { denialText } from './permissions.js';

export const STACK_PROMISE_TEXT = {
  'calls-allowed': "Every call was allowed by the template's own policies",
  'fallback-acts': 'A node whose agent is dead is replaced all the same',
  'update-rolled': 'An update replaces every node, and N-1 serve at any moment',
  'size-followed': 'The cluster follows a change of its size',
  'capacity-bridged': 'While there is no spot capacity, seats are filled on demand, and go back afterwards',
  'stack-deleted': 'Deleting the stack leaves nothing',
} as const;

export type StackPromiseId = keyof typeof STACK_PROMISE_TEXT;

export function stackFindings(evidence: Evidence, stack: StackFacts): Readonly<Record<StackPromiseId, Finding>> {
  return {
    'calls-allowed': callsAllowed(stack),
    'fallback-acts': fallbackActs(evidence, stack),
    'update-rolled': updateRolled(evidence, stack),
    'size-followed': sizeFollowed(evidence, stack),
    'capacity-bridged': capacityBridged(evidence),
    'stack-deleted': stackDeleted(stack),
  };
}

function callsAllowed({ asked, denials, roles }: StackFacts): Finding {
  if (asked === 0) return null;
  const figure = `${asked} permissions asked for by ${roles.length} roles, ${denials.length} denied`;
  return { figure, because: denials.map(denialText) };
}

function fallbackActs({ timeline, incidents }: Evidence, { fallbackMs }: StackFacts): Finding {
  const dead = incidents.filter(({ agentDead, seat }) => agentDead && seat.slot < timeline.desired);
  if (dead.length === 0) return null;
  const because = dead
    .filter((i) => i.replacementAskedMs === null || i.replacementAskedMs - i.atMs > fallbackMs)
    .map((i) =>
      i.replacementAskedMs === null
        ? `nobody asked for a replacement of ${who(i)}`
        : `the replacement of ${who(i)} was asked for after ${seconds(i.replacementAskedMs - i.atMs)}`,
    );
  const longest = Math.max(...dead.map((i) => (i.replacementAskedMs ?? i.atMs) - i.atMs));
  return { figure: `asked for after at most ${seconds(longest)} (limit ${seconds(fallbackMs)})`, because };
}

function updateRolled(evidence: Evidence, { changes }: StackFacts): Finding {
  const updates = changes.filter(({ what }) => what === 'update');
  const [first] = updates;
  const last = updates.at(-1);
  if (first === undefined || last === undefined) return null;
  const { timeline, stories, incidents } = evidence;
  const because = updates.flatMap(({ problem }) => (problem === null ? [] : [`the update failed: ${problem}`]));
  const fresh: number[] = [];
  for (let slot = 0; slot < timeline.desired; slot++) {
    const holders = [...stories.values()].filter((story) => story.node.seat?.slot === slot);
    const served = holders
      .filter(({ node }) => node.templateVersion === last.templateVersion)
      .map((story) => firstOf(story, 'target', (e) => e.state === 'healthy')?.atMs ?? Number.POSITIVE_INFINITY);
    const old = holders.find((story) => endOf(story) === null && story.node.templateVersion !== last.templateVersion);
    if (old !== undefined) because.push(`slot ${slot} still has ${old.node.instanceId}, of the former version`);
    fresh.push(Math.min(...served));
  }
  const doneMs = Math.max(first.atMs, ...fresh);
  const toMs = Number.isFinite(doneMs) ? doneMs : timeline.endedMs;
  // Others may be lost at the same time.
  const lost = incidents.filter(({ atMs }) => atMs >= first.atMs - LOSS_MS && atMs <= toMs).length;
  const least = leastServing([...stories.values()], first.atMs, toMs);
  const wanted = Math.min(...desiredWithin(timeline.desired, changes, first.atMs)) - 1 - lost;
  if (least < wanted) because.push(`only ${least} nodes served at one moment`);
  return { figure: `done after ${seconds(toMs - first.atMs)}, at least ${least} serving`, because };
}

/** A loss is felt for as long. */
const LOSS_MS = 30_000;

function desiredWithin(desired: number, changes: readonly ChangeFact[], fromMs: number): number[] {
  return [desired, ...changes.filter(({ what, atMs }) => what !== 'delete' && atMs >= fromMs).map((c) => c.desired)];
}

/** The fewest healthy targets at any moment between the two. */
export function leastServing(stories: readonly Story[], fromMs: number, toMs: number): number {
  const steps = stories.flatMap((story) => {
    let healthy = false;
    return story.events.flatMap((event): { readonly atMs: number; readonly step: number }[] => {
      const ends = event.type === 'died' || event.type === 'ending' || event.type === 'ended';
      const now = event.type === 'target' ? event.state === 'healthy' : healthy && !ends;
      if (now === healthy) return [];
      healthy = now;
      return [{ atMs: event.atMs, step: now ? 1 : -1 }];
    });
  });
  let serving = 0;
  let least = Number.POSITIVE_INFINITY;
  let begun = false;
  for (const { atMs, step } of steps.sort((a, b) => a.atMs - b.atMs || b.step - a.step)) {
    if (atMs > toMs) break;
    if (atMs > fromMs && !begun) {
      begun = true;
      least = serving;
    }
    serving += step;
    if (atMs > fromMs) least = Math.min(least, serving);
  }
  return begun ? least : serving;
}

function sizeFollowed({ timeline, stories }: Evidence, { changes }: StackFacts): Finding {
  const scales = changes.filter(({ what }) => what === 'scale');
  if (scales.length === 0) return null;
  const because: string[] = [];
  const parts: string[] = [];
  for (const [n, { desired, atMs, problem }] of scales.entries()) {
    if (problem !== null) {
      because.push(`the change to ${desired} nodes failed: ${problem}`);
      continue;
    }
    const untilMs = scales[n + 1]?.atMs ?? timeline.endedMs;
    const reachedMs = sizeReached([...stories.values()], desired, atMs, untilMs);
    if (reachedMs !== null) parts.push(`${desired} after ${seconds(reachedMs - atMs)}`);
    else if (n === scales.length - 1 && timeline.cutShort !== true) because.push(`there were never ${desired} nodes`);
    else parts.push(`${desired} not before the next change`);
  }
  return { figure: parts.length === 0 ? '-' : parts.join(', '), because };
}

/** When one healthy node was in every slot, and no other node lived. */
function sizeReached(stories: readonly Story[], desired: number, fromMs: number, untilMs: number): number | null {
  const moments = stories.flatMap(({ events }) => events.map(({ atMs }) => atMs));
  for (const atMs of [fromMs, ...moments].filter((one) => one >= fromMs && one <= untilMs).sort((a, b) => a - b)) {
    const live = stories.filter((story) => story.launchedMs <= atMs && (endOf(story) ?? Infinity) > atMs);
    const surplus = live.some(({ node: { seat } }) => seat === null || seat.slot >= desired);
    if (surplus) continue;
    const served = new Set(live.filter((story) => isHealthy(story, atMs)).map(({ node: { seat } }) => seat?.slot));
    if (served.size >= desired) return atMs;
  }
  return null;
}

function isHealthy(story: Story, atMs: number): boolean {
  const event = story.events.findLast((one) => one.type === 'target' && one.atMs <= atMs);
  return event?.type === 'target' && event.state === 'healthy';
}

function capacityBridged({ timeline, stories, incidents }: Evidence): Finding {
  const begins = timeline.events.filter((e) => e.type === 'shortage' && !e.over && e.market !== 'on-demand');
  if (begins.length === 0) return null;
  const because: string[] = [];
  const waits: number[] = [];
  let back = 0;
  for (const { atMs: fromMs } of begins) {
    const over = timeline.events.find((e) => e.type === 'shortage' && e.over && e.atMs > fromMs)?.atMs;
    const toMs = over ?? timeline.endedMs;
    const lost = incidents.filter(({ atMs, seat }) => atMs >= fromMs && atMs < toMs && seat.slot < timeline.desired);
    for (const incident of lost) {
      const heir = incident.replacement === null ? undefined : stories.get(incident.replacement);
      if (heir === undefined) {
        because.push(`nobody replaced ${who(incident)} while there was no capacity`);
        continue;
      }
      if (heir.launchedMs > toMs) because.push(`${who(incident)} was replaced only when there was capacity again`);
      waits.push(heir.launchedMs - incident.atMs);
      if (over === undefined || heir.node.market !== 'on-demand') continue;
      const again = successorOn(stories, incident, heir);
      if (again === null) because.push(`${heir.node.instanceId} is still on demand at the end`);
      else back++;
    }
  }
  if (waits.length === 0) return because.length === 0 ? null : { figure: '-', because };
  return { figure: `launched after at most ${seconds(Math.max(...waits))}, ${back} went back to spot`, because };
}

/** The spot node that took over from an on-demand one; also the one that serves there now. */
function successorOn(stories: Evidence['stories'], { seat }: Incident, heir: Story): Story | null {
  const found = [...stories.values()].find(
    ({ node, launchedMs }) =>
      node.market === 'spot' && node.seat !== null && node.seat.slot === seat.slot && launchedMs > heir.launchedMs,
  );
  return found ?? null;
}

function stackDeleted({ left, kept, resources, deletedMs }: StackFacts): Finding {
  if (left === null) return null;
  const retained = kept.length === 0 ? '' : `; kept by the template's own policy: ${kept.join(', ')}`;
  return {
    figure: `${resources} resources gone in ${seconds(deletedMs ?? 0)}${retained}`,
    because: left.map((one) => `left: ${one}`),
  };
}
