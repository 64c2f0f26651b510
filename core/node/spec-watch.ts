/** Keeping the spec fresh: one chosen node reads SSM; the others when they hear of a newer version. */
import type { Outcome } from '../cloud.js';
import { liveMembers } from '../gossip/gossip.js';
import { randomInt } from '../rng.js';
import { rendezvousRank } from '../seats/rendezvous.js';
import { parseSpec } from '../spec/parse.js';
import { specParameterName } from '../spec/spec.js';
import { after, type Context, earliest } from '../time.js';
import { ask, isAsking } from './calls.js';
import type { Emit, NodeState } from './state.js';

/** How long a node that knows its spec to be old leaves vacancies alone: they may not be wanted any more. */
const BEHIND_MS = 10_000;
/** Nodes that hear of a newer spec together don't read it all at once. */
const SPREAD_MS = 500;

/** A peer runs by a newer spec: it is read soon. */
export function hearVersion(state: NodeState, version: number, ctx: Context): void {
  if (version <= state.heard.version) return;
  state.heard = { version, sinceMs: ctx.nowMs };
  state.specDueMs = earliest(state.specDueMs, after(ctx.nowMs, randomInt(ctx.rng, SPREAD_MS)));
}

/** Its spec is old, and it hasn't been so for so long that SSM must be out of reach. */
export function isBehind(state: NodeState, ctx: Context): boolean {
  return state.heard.version > state.spec.version && ctx.nowMs - state.heard.sinceMs < BEHIND_MS;
}

export function reconcileSpec(state: NodeState, ctx: Context, emit: Emit): void {
  if (state.specDueMs > ctx.nowMs || isAsking(state, (p) => p.for === 'spec')) return;
  const old = state.heard.version > state.spec.version;
  state.specDueMs = after(ctx.nowMs, old ? state.timings.relookMs : state.timings.specPollMs);
  const live = liveMembers(state.gossip).filter((m) => m.status === 'alive');
  const chosen =
    rendezvousRank(
      'spec',
      live.map((m) => m.id),
      state.identity.id,
    ) === 0;
  if (!chosen && !old) return;
  readSpec(state, ctx, emit);
}

export function readSpec(state: NodeState, ctx: Context, emit: Emit): void {
  ask(state, { for: 'spec' }, { op: 'readSpec', parameter: specParameterName(state.spec.cluster) }, ctx, emit);
}

export function afterSpec(state: NodeState, outcome: Outcome<'readSpec'>, emit: Emit): void {
  if (!outcome.ok) return;
  const parsed = parseSpec(outcome.value);
  if (!parsed.ok) {
    emit({ type: 'log', level: 'error', code: 'spec-unreadable', fields: { problem: parsed.problem } });
    return;
  }
  const spec = parsed.value;
  if (spec.version <= state.spec.version || spec.cluster !== state.spec.cluster || spec.epoch !== state.spec.epoch)
    return;
  state.spec = spec;
  state.membersChanged = true;
  state.copies.stale = true;
  emit({ type: 'log', level: 'info', code: 'spec-adopted', fields: { version: spec.version, desired: spec.desired } });
}
