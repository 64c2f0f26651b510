/**
 * What a node tells by tags of its own instance, to those who can't ask its agent. Seldom, since EC2 limits such calls by
 * account.
 */
import { TAG } from '../seats/tags.js';
import { after, type Context, type MonoMs, NEVER } from '../time.js';
import { ask, isAsking } from './calls.js';
import type { Emit, NodeState, OwnTag } from './state.js';

const OWN_TAGS: readonly OwnTag[] = ['waiting', 'hears'];

/** A tag that may not be written is tried again after this. */
const DENIED_MS = 3_600_000;

export function tellTag(state: NodeState, tag: OwnTag, wanted: string, ctx: Context, emit: Emit): void {
  const { written, dueMs, failed } = state.ownTags[tag];
  // The first tag of all empties these; two calls may arrive in any order.
  if (wanted === written || state.tags.written === null) return;
  if (dueMs > ctx.nowMs && (wanted !== '' || failed)) return;
  if (isAsking(state, (p) => p.for === 'own-tag' && p.tag === tag)) return;
  const call = { op: 'tagNode', instanceId: state.identity.id, tags: { [TAG[tag]]: wanted } } as const;
  ask(state, { for: 'own-tag', tag, value: wanted }, call, ctx, emit);
}

/** Those that this life of the agent has told nothing by, to be emptied. */
export function untoldTags({ ownTags }: Pick<NodeState, 'ownTags'>): Readonly<Record<string, string>> {
  const untold = OWN_TAGS.filter((tag) => ownTags[tag].written === '');
  return Object.fromEntries(untold.map((tag) => [TAG[tag], '']));
}

export function afterOwnTag(
  state: NodeState,
  tag: OwnTag,
  value: string,
  result: 'ok' | 'denied' | 'failed',
  ctx: Context,
): void {
  const { written } = state.ownTags[tag];
  const dueMs = after(ctx.nowMs, result === 'denied' ? DENIED_MS : state.timings.tagAgainMs);
  state.ownTags[tag] = { written: result === 'ok' ? value : written, dueMs, failed: result !== 'ok' };
}

/** When a tag may be written again, if there may be something to write; `sinceMs`: when what it tells began, null: it didn't. */
export function nextOwnTagMs(
  state: NodeState,
  tag: OwnTag,
  sinceMs: MonoMs | null,
  afterMs: number,
  nowMs: MonoMs,
): MonoMs {
  const { written, dueMs } = state.ownTags[tag];
  const moments = [
    sinceMs === null && written === '' ? NEVER : dueMs,
    sinceMs === null ? NEVER : after(sinceMs, afterMs),
  ];
  return Math.min(NEVER, ...moments.filter((ms) => ms > nowMs)) as MonoMs;
}
