import { describeStackAct, type StackAct } from './stack/acts.js';

/** What a scenario does, and when. Slots are numbers that name the nodes: whoever holds the slot at that moment. */
export type Act =
  /** EC2 takes the nodes away; `announced`: a notice comes before. */
  | { readonly type: 'interrupt'; readonly slots: readonly number[]; readonly announced: boolean }
  /** The nodes die without a word. */
  | { readonly type: 'kill'; readonly slots: readonly number[] }
  | { readonly type: 'rebalance'; readonly slots: readonly number[] }
  /** Every spot node of a zone is taken, and for as long as the run lasts there is no spot capacity in it. */
  | { readonly type: 'reclaim-zone'; readonly zone: string; readonly announced: boolean }
  | { readonly type: 'partition'; readonly groups: readonly (readonly number[])[] }
  | { readonly type: 'heal' }
  /** The nodes stand still with all of their processes, and go on after `lastsMs`. */
  | { readonly type: 'pause'; readonly slots: readonly number[]; readonly lastsMs: number }
  /** Spot capacity of a zone from now on; what it holds beyond is interrupted. Null: as much as anybody wants. */
  | { readonly type: 'capacity'; readonly zone: string; readonly nodes: number | null; readonly announced: boolean }
  /** New launches in pools fail, and nothing is interrupted; `nodes` null: the shortage ends. */
  | { readonly type: 'shortage'; readonly pool: PoolFilter; readonly name: string; readonly nodes: number | null }
  | StackAct;

/** What is left out fits all pools. */
export interface PoolFilter {
  readonly instanceType?: string;
  readonly zone?: string;
  readonly market?: 'spot' | 'on-demand';
}

export interface PlannedAct {
  /** ms after the scenario's start. */
  readonly atMs: number;
  readonly act: Act;
}

/** In order of time; acts of one moment keep their order. */
export const inOrder = (acts: readonly PlannedAct[]): PlannedAct[] => [...acts].sort((a, b) => a.atMs - b.atMs);

const list = (slots: readonly number[]): string =>
  `slot${slots.length === 1 ? '' : 's'} ${slots.length < 3 ? slots.join(' and ') : slots.join(', ')}`;

/** One line for people. */
export function describeAct(act: Act): string {
  switch (act.type) {
    case 'interrupt':
      return `interruption of ${list(act.slots)}${act.announced ? '' : ', without a notice'}`;
    case 'kill':
      return `sudden death of ${list(act.slots)}`;
    case 'rebalance':
      return `rebalance recommendation for ${list(act.slots)}`;
    case 'reclaim-zone':
      return `all spot nodes of ${act.zone} are reclaimed${act.announced ? '' : ', without a notice'}`;
    case 'partition':
      return `network partition: ${act.groups.map((g) => g.join(',')).join(' | ')}`;
    case 'heal':
      return 'the partition heals';
    case 'pause':
      return `${list(act.slots)} ${act.slots.length === 1 ? 'stands' : 'stand'} still for ${act.lastsMs / 1_000} s`;
    case 'capacity':
      return act.nodes === null ? `spot capacity is back in ${act.zone}` : `spot capacity of ${act.zone}: ${act.nodes}`;
    case 'shortage':
      return act.nodes === null ? `capacity of ${act.name} is back` : `no capacity any more: ${act.name}`;
    default:
      return describeStackAct(act);
  }
}
