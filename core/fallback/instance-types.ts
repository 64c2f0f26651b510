/** Finds the instance types of a cluster that says only what they must have. */
import type { CloudError } from '../cloud.js';
import { after, type Context } from '../time.js';
import type { FillOptions } from './fill.js';
import { chooseTypes, type InstanceWish } from './instance-wish.js';
import { call, type Script, waitUntil } from './script.js';

export type Resolved =
  | { readonly ok: true; readonly types: readonly string[]; readonly fitting: number }
  | { readonly ok: false; readonly error: CloudError };

const LOOK_AGAIN_MS = 2_000;

/** Asks EC2 and chooses. Rights that were just made take a while to be seen, so it asks again. */
export function* resolveTypes(wish: InstanceWish, options: FillOptions, start: Context): Script<Resolved> {
  for (;;) {
    const { outcome, ctx } = yield* call({ op: 'findInstanceTypes', wish });
    if (outcome.ok) return { ok: true, types: chooseTypes(wish, outcome.value), fitting: outcome.value.length };
    const passes = outcome.error.kind !== 'configuration' || ctx.nowMs - start.nowMs < options.mendMs;
    if (!passes || ctx.nowMs >= options.untilMs) return { ok: false, error: outcome.error };
    yield* waitUntil(after(ctx.nowMs, LOOK_AGAIN_MS));
  }
}
