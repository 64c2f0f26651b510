import type { NodePhase } from '../cloud.js';
import type { HeldSeat } from './seat.js';

/** Tag keys of everything that belongs to a cluster. IMDS serves keys with `:`, but not with `/` or a space. */
export const TAG = {
  cluster: 'synkti:cluster',
  epoch: 'synkti:epoch',
  slot: 'synkti:slot',
  generation: 'synkti:generation',
  rung: 'synkti:rung',
  /** The ClientToken of the launch, so that a node can be found by it. */
  token: 'synkti:token',
  /** The version of the launch template that was asked for. */
  template: 'synkti:template',
  /** Written by the node itself: its phase, so that a Lambda sees whether it acted. */
  state: 'synkti:state',
  /** Written by the node itself: which act of its own it holds back, and why; empty or absent: none. */
  waiting: 'synkti:waiting',
  /** Written by the node itself: how many live members its gossip hears, itself included, when those are few for long; empty or
   * absent: enough. */
  hears: 'synkti:hears',
} as const;

/** The seat that tags speak of; null when they aren't there or are nonsense. */
export function seatFromTags(tags: Readonly<Record<string, string | undefined>>): HeldSeat | null {
  const slot = wholeNumber(tags[TAG.slot]);
  const generation = wholeNumber(tags[TAG.generation]);
  const rung = wholeNumber(tags[TAG.rung]);
  if (slot === null || generation === null || generation < 1 || rung === null) return null;
  return { slot, generation, rung };
}

/** What a node last said of itself; null when it said nothing. */
export function phaseFromTags(tags: Readonly<Record<string, string | undefined>>): NodePhase | null {
  const phase = tags[TAG.state];
  return phase === 'serving' || phase === 'draining' || phase === 'drained' ? phase : null;
}

/** What a node holds back, and why; null: nothing. */
export const waitingFromTags = (tags: Readonly<Record<string, string | undefined>>): string | null =>
  tags[TAG.waiting] || null;

/** How few live members a node hears; null: enough. */
export const hearsFromTags = (tags: Readonly<Record<string, string | undefined>>): number | null =>
  wholeNumber(tags[TAG.hears]);

function wholeNumber(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
}
