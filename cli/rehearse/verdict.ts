import { type Incident, incidentsOf, stories } from './incidents.js';
import { judgePromises, orphansOf, type PromiseVerdict, sortFailures } from './promises.js';
import type { Timeline, Traffic } from './timeline.js';

/** What a rehearsal came to. Pure: the same timeline, the same verdict. */
export interface Verdict {
  readonly kept: boolean;
  readonly promises: readonly PromiseVerdict[];
  readonly incidents: readonly Incident[];
  /** Null: none was sent. */
  readonly traffic: (Traffic & { readonly failedInOutages: number }) | null;
  /** Instances launched beyond one a seat. */
  readonly duplicates: number;
  readonly orphans: readonly string[];
}

/** A timeline that was cut short says nothing about those that were under way. */
const isOver =
  ({ cutShort, endedMs }: Timeline) =>
  ({ deadlineMs, replacementServingMs }: Incident): boolean =>
    cutShort !== true || (replacementServingMs !== null && (deadlineMs ?? 0) <= endedMs);

export function judge(timeline: Timeline): Verdict {
  const evidence = { timeline, stories: stories(timeline), incidents: incidentsOf(timeline).filter(isOver(timeline)) };
  const promises = judgePromises(evidence);
  const seats = new Set<string>();
  let seated = 0;
  for (const { node } of evidence.stories.values()) {
    if (node.seat === null) continue;
    seated++;
    seats.add(`${node.seat.slot}.${node.seat.generation}`);
  }
  return {
    kept: promises.every((promise) => promise.state !== 'broken'),
    promises,
    incidents: evidence.incidents,
    traffic:
      timeline.traffic === null
        ? null
        : { ...timeline.traffic, failedInOutages: sortFailures(evidence).excused.length },
    duplicates: seated - seats.size,
    orphans: orphansOf(timeline, evidence.stories),
  };
}
