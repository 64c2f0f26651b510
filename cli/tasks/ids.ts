/** Ids of tasks: made up ones, given ones that are taken, and those that a command names. */
import { randomBytes } from 'node:crypto';
import type { TaskSpec } from '../../core/tasks/task.js';
import { suggestion } from '../nearest.js';
import { UserError } from '../user-error.js';
import { isFinal, type TaskView } from './view.js';
import { several } from './words.js';

/** Digits and letters that can't be taken for each other. */
const LETTERS = '23456789abcdefghjkmnpqrstuvwxyz';

/** `python-4k7f2m9x`: the program's name, and 40 bits that make it another one than any before. */
export function madeUpId(word: string): string {
  const name = word
    .split('/')
    .at(-1)
    ?.split(/[.:@]/)[0]
    ?.toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 30);
  const random = [...randomBytes(8)].map((byte) => LETTERS[byte % LETTERS.length]).join('');
  return `${name === undefined || name === '' ? 'task' : name}-${random}`;
}

/** @throws UserError when a task's id is in the queue, or was and isn't forgotten yet */
export function refuseTaken(tasks: readonly TaskSpec[], known: readonly TaskView[], cluster: string): void {
  const byId = new Map<string, TaskView>();
  for (const view of known) byId.set(view.id, view);
  const taken = tasks.flatMap(({ id }) => byId.get(id) ?? []);
  const [first] = taken;
  if (first === undefined) return;
  const others = taken.length === 1 ? '' : ` (and ${taken.length - 1} more that are taken)`;
  const what = isFinal(first.state)
    ? `has ended already (${first.state}); give it another id, or run it again with: synkti tasks retry ${first.id} --cluster ${cluster}`
    : `is ${first.state} already; give another id, or cancel that one first.`;
  throw new UserError(`Task "${first.id}"${others} ${what}`);
}

/** The run after one that was taken back: its lease is still there, and cancelled. */
export const freshRuns = (tasks: readonly TaskSpec[], leftovers: ReadonlyMap<string, number>): readonly TaskSpec[] =>
  tasks.map((task) => ({ ...task, run: Math.max(task.run, (leftovers.get(task.id) ?? 0) + 1) }));

/** The latest run of each id, or the run that `id.run` names. @throws UserError when there is none such */
export function pick(words: readonly string[], known: readonly TaskView[], cluster: string): TaskView[] {
  const picked = new Map<string, TaskView>();
  const missing: string[] = [];
  for (const word of words) {
    const found = known.filter((view) => view.id === word || view.key === word).at(-1);
    if (found === undefined) missing.push(word);
    else picked.set(found.key, found);
  }
  const [first] = missing;
  if (first === undefined) return [...picked.values()];
  const ids = [...new Set(known.map(({ id }) => id))];
  const hint = ids.length === 0 ? ' It has none at all.' : suggestion(first, ids);
  const names = missing.length === 1 ? `no task "${first.slice(0, 80)}"` : `no tasks ${several(missing)}`;
  throw new UserError(`Cluster "${cluster}" has ${names}.${hint}`);
}
