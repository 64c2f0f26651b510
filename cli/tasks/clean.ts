/**
 * Checkpoints that nobody needs any more. Those of a run that is done go by themselves; those of failed and cancelled ones
 * stay for a retry, until they are cleaned up here: all of an id or none, since a later run's checkpoints may
 * name files of an earlier one's that haven't changed.
 */
import { CHECKPOINTS } from '../../core/tasks/keys.js';
import type { Entry, QueueStore } from './store.js';
import { endedMs, isFinal, type TaskView } from './view.js';

export interface Remains {
  readonly ids: readonly string[];
  readonly keys: readonly string[];
  readonly bytes: number;
}

const OBJECT = /^tasks\/checkpoints\/([a-z0-9-]{1,63})\.[1-9][0-9]{0,5}\//;

/** @param endedBeforeMs ids of which any run is open, ended later or was written to later keep theirs */
export async function remainsOf(
  store: QueueStore,
  tasks: readonly TaskView[],
  endedBeforeMs: number,
): Promise<Remains> {
  const kept = new Set<string>();
  for (const view of tasks) {
    if (!isFinal(view.state) || (endedMs(view) ?? view.submittedMs) >= endedBeforeMs) kept.add(view.id);
  }
  const found = new Map<string, Entry[]>();
  for (const entry of (await store.list(CHECKPOINTS)).entries) {
    const id = OBJECT.exec(entry.key)?.[1];
    if (id === undefined) continue;
    if (entry.modifiedMs >= endedBeforeMs) kept.add(id);
    const known = found.get(id);
    if (known === undefined) found.set(id, [entry]);
    else known.push(entry);
  }
  const ids = [...found.keys()].filter((id) => !kept.has(id)).sort();
  const entries = ids.flatMap((id) => found.get(id) ?? []);
  return {
    ids,
    keys: entries.map(({ key }) => key),
    bytes: entries.reduce((sum, entry) => sum + entry.bytes, 0),
  };
}
