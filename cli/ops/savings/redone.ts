/** Work of tasks that was lost with spot nodes, from the attempts that leases and journals hold. */
import type { Attempt } from '../../../core/tasks/task.js';
import type { Redone } from './savings.js';

export interface LostWork {
  readonly redone: readonly Redone[];
  /** When executions ended whose node went without a word: their work is known up to the last renewal of the lease only. */
  readonly silent: readonly number[];
}

export const NO_LOSS: LostWork = { redone: [], silent: [] };

/** Ends that capacity brought about: a task that failed of itself would have failed on-demand, too. */
const LOST: ReadonlySet<Attempt['end']> = new Set(['interrupted', 'handed-over', 'lost']);

export function lostWorkOf(attempts: readonly Attempt[]): LostWork {
  const lost = attempts.filter(({ lifecycle, end }) => lifecycle === 'spot' && LOST.has(end));
  const at = ({ endedMs, startedMs }: Attempt): number => endedMs ?? startedMs;
  return {
    redone: lost
      .filter(({ redoneMs }) => redoneMs > 0)
      .map((one) => {
        const { instanceType, zone, lifecycle, redoneMs: ms, share } = one;
        return { node: { instanceType, zone, lifecycle }, atMs: at(one), ms, share };
      }),
    silent: lost.filter(({ end }) => end === 'lost').map(at),
  };
}
