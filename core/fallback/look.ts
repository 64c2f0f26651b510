import type { CloudError, NodeView } from '../cloud.js';
import { parseSpec } from '../spec/parse.js';
import type { Spec } from '../spec/spec.js';
import type { Context, WallMs } from '../time.js';
import { call, callAll, type Script } from './script.js';

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
