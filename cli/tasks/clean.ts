/**
 * Checkpoints that nobody needs any more: of runs that ended a while ago and that no open run goes on from. Those of tasks
 * that are done go by themselves; those of failed and cancelled ones stay for a retry, until they are cleaned up here.
 */
import { CHECKPOINTS } from '../../core/tasks/keys.js';
import type { TaskSpec } from '../../core/tasks/task.js';
import type { Entry, QueueStore } from './store.js';
import { endedMs, isFinal, type TaskView } from './view.js';

export interface Remains {
  readonly tasks: readonly string[];
  readonly keys: readonly string[];
  readonly bytes: number;
}

const RUN_OF = /^tasks\/checkpoints\/([a-z0-9-]{1,63}\.[1-9][0-9]{0,5})\//;

/**
 * @param open specs of the tasks that haven't ended
 * @param endedBeforeMs runs that ended later keep theirs; of a run that nobody knows any more, its newest object decides
 */
export async function remainsOf(
  store: QueueStore,
  tasks: readonly TaskView[],
  open: readonly TaskSpec[],
  endedBeforeMs: number,
): Promise<Remains> {
  const needed = new Set(open.flatMap(({ resume }) => RUN_OF.exec(resume?.manifest ?? '')?.[1] ?? []));
  const views = new Map(tasks.map((task) => [task.key, task]));
  const runs = new Map<string, Entry[]>();
  for (const entry of (await store.list(CHECKPOINTS)).entries) {
    const run = RUN_OF.exec(entry.key)?.[1];
    if (run === undefined) continue;
    const known = runs.get(run);
    if (known === undefined) runs.set(run, [entry]);
    else known.push(entry);
  }
  const keys: string[] = [];
  const names: string[] = [];
  let bytes = 0;
  for (const [run, entries] of runs) {
    const view = views.get(run);
    if (needed.has(run) || (view !== undefined && !isFinal(view.state))) continue;
    const newest = entries.reduce((latest, { modifiedMs }) => Math.max(latest, modifiedMs), 0);
    const ended = view === undefined ? newest : Math.max(endedMs(view) ?? view.submittedMs, newest);
    if (ended >= endedBeforeMs) continue;
    names.push(run);
    for (const entry of entries) {
      keys.push(entry.key);
      bytes += entry.bytes;
    }
  }
  return { tasks: names, keys, bytes };
}
