/** The two ends of a cluster's life: its first nodes, and its last. */
import type { CloudError, NodeView } from '../cloud.js';
import { NODE_TIMINGS } from '../node/timings.js';
import type { Spec } from '../spec/spec.js';
import { after, type Context, type MonoMs } from '../time.js';
import type { FillAct, Filled, FillOptions } from './fill.js';
import { fillSeats } from './fill.js';
import { bySlot, isHolder, nextPosition } from './holders.js';
import type { Cluster } from './look.js';
import { call, callAll, type Script, waitUntil } from './script.js';

/** A stack's update that adds slots fills them, too: when no agent lives, nobody else would. */
export function* seed(
  seen: { readonly spec: Spec; readonly nodes: readonly NodeView[] },
  options: FillOptions,
  start: Context,
): Script<{ readonly filled: readonly Filled[]; readonly ctx: Context }> {
  const acts: FillAct[] = [];
  const mates = bySlot(seen.nodes);
  for (let slot = 0; slot < seen.spec.desired; slot++) {
    if (mates(slot).some(isHolder)) continue;
    acts.push({ type: 'fill', position: nextPosition(slot, mates(slot)), kind: 'need' });
  }
  return yield* fillSeats(acts, seen.spec, options, start);
}

/** Between two looks at what is left. */
const LOOK_AGAIN_MS = 5_000;
/** A launch that is on its way may not be visible yet: nothing must be seen for this long. */
const QUIET_MS = 15_000;
/** What agents take to leave the target groups, once they know. */
const LEAVE_MS = 15_000;

export interface Removed {
  /** Instances that are still there; null: EC2 never told. */
  readonly left: readonly string[] | null;
  readonly error: CloudError | null;
}

/**
 * Ends every node of a cluster, over and over until none is left. Agents replace what is ended, so the wish is taken back
 * first: at zero they leave by themselves, and fill nothing.
 *
 * @param spec null: there is none any more, so nothing can be taken back
 */
export function* removeAll(
  cluster: Cluster & { readonly epoch: string },
  spec: Spec | null,
  untilMs: MonoMs,
  start: Context,
): Script<Removed> {
  let ctx = yield* takeBack(cluster.parameter);
  const graceMs = spec === null || spec.desired === 0 ? 0 : NODE_TIMINGS[spec.gossip.preset].specPollMs + LEAVE_MS;
  const endFromMs = after(start.nowMs, graceMs);
  let quietSinceMs: MonoMs | null = null;
  let left: readonly string[] | null = null;
  let error: CloudError | null = null;
  while (ctx.nowMs < untilMs) {
    const look = yield* call({ op: 'findNodes', cluster: cluster.name, epoch: cluster.epoch, slot: null });
    ctx = look.ctx;
    if (look.outcome.ok) {
      const there = look.outcome.value.filter(({ state }) => state !== 'terminated');
      left = there.map(({ instanceId }) => instanceId);
      error = null;
      if (there.length > 0) quietSinceMs = null;
      else quietSinceMs ??= ctx.nowMs;
      if (quietSinceMs !== null && ctx.nowMs - quietSinceMs >= QUIET_MS) return { left, error: null };
      const toEnd = there.filter(({ state }) => state !== 'shutting-down');
      if (ctx.nowMs >= endFromMs) {
        const ended = yield* callAll(
          toEnd.map(({ instanceId }) => ({ op: 'terminate', instanceId }) as const),
          ctx,
        );
        ctx = ended.ctx;
        for (const { outcome } of ended.answers) if (!outcome.ok) error = outcome.error;
      }
    } else {
      error = look.outcome.error;
      // Repeating won't help until somebody mends it.
      if (error.kind === 'configuration') return { left, error };
    }
    ctx = yield* waitUntil(after(ctx.nowMs, LOOK_AGAIN_MS));
  }
  return { left, error };
}

/** Writes a wish of zero, if there is one that can be read. */
function* takeBack(parameter: string): Script<Context> {
  const { outcome, ctx } = yield* call({ op: 'readWish', parameter });
  if (!outcome.ok) return ctx;
  const text = wishOfNone(outcome.value.text, outcome.value.version);
  if (text === null) return ctx;
  return (yield* call({ op: 'writeWish', parameter, text })).ctx;
}

/** The spec with no slot and a newer version; null when there is nothing to take back. */
export function wishOfNone(text: string, parameterVersion: number): string | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return null;
  const { desired, version } = json as Record<string, unknown>;
  if (desired === 0) return null;
  const newer = Math.max(Number.isSafeInteger(version) ? (version as number) : 0, parameterVersion) + 1;
  return JSON.stringify({ ...json, desired: 0, version: newer });
}
