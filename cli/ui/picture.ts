/** What the live page shows, as plain data: texts are made here, where they are tested, and the page only draws them. */

/**
 * - booting: launched, and not serving yet
 * - serving: its target is healthy
 * - unwell: it runs, and the load balancer doesn't find it healthy any more
 * - noticed: EC2 will take it at `deadlineMs`
 * - draining: it hands over, by its own word; why and until when it hasn't told yet
 * - dead: nothing announced it
 * - ending, ended: on its way out, and gone
 */
export type Condition = 'booting' | 'serving' | 'unwell' | 'noticed' | 'draining' | 'dead' | 'ending' | 'ended';

export interface NodeCard {
  readonly id: string;
  /** Null: it holds no seat. */
  readonly slot: number | null;
  /** `3.2`: slot and generation. */
  readonly seat: string;
  readonly zone: string;
  readonly pool: string;
  readonly market: 'spot' | 'on-demand';
  readonly condition: Condition;
  /** One sentence for people and screen readers. */
  readonly label: string;
  /** Wall clock, of a notice that still runs; null: none. */
  readonly deadlineMs: number | null;
  readonly atRisk: boolean;
  readonly cutOff: boolean;
  readonly hung: boolean;
  /** What its peers say: how many of those that were asked hold it for alive. Null: nobody was asked. */
  readonly seenBy: { readonly alive: number; readonly suspect: number; readonly asked: number } | null;
  /** Null: not to be known. */
  readonly requests: number | null;
  /** More that is known of it: name and value. */
  readonly facts?: readonly (readonly [name: string, value: string, bad?: true])[];
}

export interface ZoneCard {
  readonly name: string;
  readonly pools: readonly string[];
  /** It has no spot capacity: somebody reclaimed it. */
  readonly reclaimed: boolean;
}

/** A step of an incident. */
export interface StepLine {
  readonly name: string;
  /** ms after the incident began; null: not yet. */
  readonly afterMs: number | null;
  /** Known to within the time between two looks. */
  readonly about?: boolean;
  /** What its plan allowed; null: no limit of its own, or not known. */
  readonly budgetMs: number | null;
}

export interface IncidentCard {
  readonly id: string;
  readonly title: string;
  readonly kind: 'announced' | 'silent';
  readonly atMs: number;
  readonly deadlineMs: number | null;
  /** When its replacement served; null: the clock runs. */
  readonly healedMs: number | null;
  /** In the clock's place where it ended at a time that nobody knows. */
  readonly overText?: string;
  readonly steps: readonly StepLine[];
}

/** By second, counted from the beginning, unless it is by minute. */
export interface TrafficCard {
  /** From the beginning; by minute: in the minutes shown. */
  readonly sent: number;
  readonly failed: number;
  /** A second, in the newest second or minute. */
  readonly rate: number;
  /** Of the same; null: no answer in it. */
  readonly p99Ms: number | null;
  /** By second or minute, oldest first, at most {@link SECONDS} or an hour; null: no answer in it. */
  readonly p99: readonly (number | null)[];
  readonly failures: readonly number[];
  /** It is by minute, of the last hour, as CloudWatch has it; `at`: when the newest minute began, `10:57 UTC`. */
  readonly byMinute?: { readonly at: string };
}

interface TaskNumbers {
  readonly submitted: number;
  readonly waiting: number;
  readonly running: number;
  readonly done: number;
  /** Failed or cancelled. */
  readonly ended: number;
}

export interface TasksCard extends TaskNumbers {
  /** Those of the numbers that may be higher: not all was counted. */
  readonly atLeast?: readonly (keyof TaskNumbers)[];
}

export interface LogLine {
  readonly n: number;
  readonly stamp: string;
  readonly text: string;
  readonly act: boolean;
}

/** One more figure of the head. */
export interface FigureCard {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly bad: boolean;
}

export interface ConcernCard {
  readonly level: 'down' | 'risk' | 'waiting';
  readonly text: string;
}

/**
 * Of a rehearsal: booting, playing, waiting, and over once its end was asked for. Of a cluster in AWS: live, or trouble
 * when it can't be looked at.
 */
export type Stage = 'booting' | 'playing' | 'waiting' | 'over' | 'live' | 'trouble';

/** All but the nodes, in parts that change each at its own pace. */
export interface Parts {
  readonly head: {
    readonly title: string;
    readonly stage: Stage;
    readonly stageText: string;
    readonly desired: number;
    readonly serving: number;
    readonly spot: number;
    readonly onDemand: number;
    readonly partitioned: boolean;
    /** Nodes can be taken away here. */
    readonly acts: boolean;
    /** To be typed elsewhere about a node, `{id}` in its id's place. */
    readonly commands: readonly { readonly name: string; readonly text: string }[];
    readonly figures: readonly FigureCard[];
  };
  /** What is amiss, the worst first; null: nobody judges. */
  readonly concerns: readonly ConcernCard[] | null;
  readonly zones: readonly ZoneCard[];
  readonly traffic: TrafficCard | null;
  readonly tasks: TasksCard | null;
  readonly incidents: readonly IncidentCard[];
  readonly lines: readonly LogLine[];
}

export interface Picture {
  /** Wall clock of this machine, for the page's own clocks. */
  readonly nowMs: number;
  /** By slot, then generation. */
  readonly nodes: readonly NodeCard[];
  readonly parts: Parts;
}

/** What is different since the last one. */
export interface Change {
  readonly nowMs: number;
  readonly nodes: readonly NodeCard[];
  readonly gone: readonly string[];
  readonly parts: Partial<Parts>;
}

export const SECONDS = 90;
export const MAX_NODES = 400;
export const MAX_INCIDENTS = 24;
export const MAX_LINES = 60;

/** Null: nothing changed. */
export function changeOf(before: Picture, after: Picture): Change | null {
  const known = new Map(before.nodes.map((node) => [node.id, JSON.stringify(node)]));
  const nodes = after.nodes.filter((node) => known.get(node.id) !== JSON.stringify(node));
  const there = new Set(after.nodes.map((node) => node.id));
  const gone = before.nodes.filter((node) => !there.has(node.id)).map((node) => node.id);
  const names = Object.keys(after.parts) as (keyof Parts)[];
  const changed = names.filter((name) => JSON.stringify(before.parts[name]) !== JSON.stringify(after.parts[name]));
  if (nodes.length + gone.length + changed.length === 0) return null;
  const parts = Object.fromEntries(changed.map((name) => [name, after.parts[name]])) as Partial<Parts>;
  return { nowMs: after.nowMs, nodes, gone, parts };
}
