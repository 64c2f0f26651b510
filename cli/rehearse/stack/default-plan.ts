import { shuffled } from '../../../core/rng.js';
import type { Rng } from '../../../core/time.js';
import { inOrder, type PlannedAct } from '../plan.js';
import { HUNG_BEFORE_MS } from './script.js';

/**
 * The default scenario of a stack: one node is taken and looks after itself; another one's agent hangs first, so that the
 * stack's functions must. Short, since the deletion of the stack takes its time, too.
 */
export function stackPlan(nodes: number, announced: boolean, rng: Rng): PlannedAct[] {
  const slots = shuffled(
    rng,
    Array.from({ length: nodes }, (_, slot) => slot),
  );
  const [first, second] = slots;
  const acts: PlannedAct[] = [];
  if (first !== undefined) acts.push({ atMs: 1_000, act: { type: 'interrupt', slots: [first], announced } });
  if (second !== undefined) {
    acts.push({ atMs: 1_500, act: { type: 'kill-agent', slots: [second] } });
    acts.push({ atMs: 1_500 + HUNG_BEFORE_MS, act: { type: 'interrupt', slots: [second], announced } });
  }
  return inOrder(acts);
}
