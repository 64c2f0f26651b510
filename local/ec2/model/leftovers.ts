import type { Context } from '../../../core/time.js';
import { newId } from './state.js';
import type { Ec2Model, Leftover, Tags } from './types.js';

const MAX_LEFTOVERS = 1_000;

/** Something that outlived its instance; the oldest are forgotten first. */
export function leaveBehind(model: Ec2Model, kind: Leftover['kind'], tags: Tags, ctx: Context): string {
  const id = newId(kind === 'volume' ? 'vol' : 'eni', ctx.rng);
  const zone = model.options.zones[0]?.name ?? '';
  model.leftovers.set(id, { id, kind, zone, createTimeMs: ctx.wallMs, tags });
  for (const oldest of model.leftovers.keys()) {
    if (model.leftovers.size <= MAX_LEFTOVERS) break;
    model.leftovers.delete(oldest);
  }
  return id;
}
