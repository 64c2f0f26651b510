import type { CloudError, NodeView } from '../cloud.js';
import { parseSpec } from '../spec/parse.js';
import type { Spec } from '../spec/spec.js';
import { after, type Context, type WallMs } from '../time.js';
import type { FillOptions } from './fill.js';
import { call, callAll, type Script, waitUntil } from './script.js';

/** Which cluster a Lambda belongs to. */
export interface Cluster {
  readonly name: string;
  /** Name of the spec's parameter. */
  readonly parameter: string;
}

export type Look =
  | {
      readonly ok: true;
      readonly spec: Spec;
      readonly wishChangedMs: WallMs;
      readonly nodes: readonly NodeView[];
      readonly ctx: Context;
    }
  | { readonly ok: false; readonly error: CloudError; readonly ctx: Context };

/** The spec and the cluster's nodes, fresh: nothing is kept between two calls. */
export function* lookAround(cluster: Cluster): Script<Look> {
  const { outcome: wish, ctx } = yield* call({ op: 'readWish', parameter: cluster.parameter });
  if (!wish.ok) return { ok: false, error: wish.error, ctx };
  const parsed = parseSpec(wish.value.text);
  if (!parsed.ok) return { ok: false, error: unreadable(parsed.problem), ctx };
  const spec = parsed.value;
  if (spec.cluster !== cluster.name) {
    return { ok: false, error: unreadable(`${cluster.parameter} is the spec of ${spec.cluster}.`), ctx };
  }
  const { outcome: found, ctx: then } = yield* call({
    op: 'findNodes',
    cluster: spec.cluster,
    epoch: spec.epoch,
    slot: null,
  });
  if (!found.ok) return { ok: false, error: found.error, ctx: then };
  return { ok: true, spec, wishChangedMs: wish.value.changedMs, nodes: found.value, ctx: then };
}

/** Between two looks that came to nothing. */
const LOOK_AGAIN_MS = 2_000;

/** Looks until there is an answer, for those who have time; rights that were just made take a while to be seen. */
export function* lookPatiently(cluster: Cluster, options: FillOptions, start: Context): Script<Look> {
  for (;;) {
    const look = yield* lookAround(cluster);
    if (look.ok || look.ctx.nowMs >= options.untilMs) return look;
    const mended = look.error.kind === 'configuration' || look.error.kind === 'not-found';
    if (mended && look.ctx.nowMs - start.nowMs >= options.mendMs) return look;
    yield* waitUntil(after(look.ctx.nowMs, LOOK_AGAIN_MS));
  }
}

const unreadable = (message: string): CloudError => ({ kind: 'configuration', code: 'UnreadableSpec', message });

/** All target groups of the spec's workloads, with the port that nodes register. */
export function targetGroups(spec: Spec): readonly { readonly targetGroupArn: string; readonly port: number }[] {
  return spec.workloads.flatMap(({ port, targetGroupArns }) =>
    targetGroupArns.map((targetGroupArn) => ({ targetGroupArn, port: port ?? 0 })),
  );
}

/** What is registered in the spec's target groups; null when one of them didn't tell. */
export function* lookAtTargets(spec: Spec, ctx: Context) {
  const groups = [...new Set(targetGroups(spec).map(({ targetGroupArn }) => targetGroupArn))];
  const { answers, ctx: then } = yield* callAll(
    groups.map((targetGroupArn) => ({ op: 'findTargets', targetGroupArn }) as const),
    ctx,
  );
  const lists = answers.map(({ outcome }) => (outcome.ok ? outcome.value : null));
  const targets = lists.every((list) => list !== null) ? lists.flat() : null;
  return { targets, ctx: then };
}
