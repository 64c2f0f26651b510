/** Watches tasks until all have ended, and says what changes. */
import { setTimeout as wait } from 'node:timers/promises';
import { UserError } from '../user-error.js';
import { pick } from './ids.js';
import { countsOf, countsText } from './list.js';
import type { QueueReader } from './reader.js';
import { isFinal, nodeOf, type TaskView } from './view.js';
import { count, showPercent, showSpan } from './words.js';

export interface FollowOptions {
  readonly cluster: string;
  /** None: all that haven't ended. */
  readonly ids: readonly string[];
  readonly intervalMs: number;
  readonly signal: AbortSignal;
  readonly write: (text: string) => void;
}

/** @returns the tasks as they are at the end; null: stopped before. @throws UserError */
export async function follow(reader: QueueReader, options: FollowOptions): Promise<readonly TaskView[] | null> {
  const { cluster, ids, intervalMs, signal, write } = options;
  const first = await reader.read();
  const wanted =
    ids.length === 0 ? first.tasks.filter(({ state }) => !isFinal(state)) : pick(ids, first.tasks, cluster);
  if (wanted.length === 0) throw new UserError(`Cluster "${cluster}" has no task that hasn't ended.`);
  const keys = new Set(wanted.map(({ key }) => key));
  const seen = new Map<string, TaskView>();
  let snapshot = first;
  write(`Following ${count(keys.size, 'task')} of cluster ${cluster}: ${countsText(countsOf(wanted))}\n`);
  for (const view of wanted) seen.set(view.key, view);
  for (;;) {
    const now = snapshot.tasks.filter(({ key }) => keys.has(key));
    for (const view of now) {
      const line = change(seen.get(view.key), view, snapshot.nowMs);
      if (line !== null) write(`${clock(snapshot.nowMs)}  ${line}\n`);
      seen.set(view.key, view);
    }
    // What isn't found any more was taken back, or forgotten: nobody will end it.
    const gone = new Set(keys);
    for (const { key } of now) gone.delete(key);
    for (const key of gone) {
      write(`${clock(snapshot.nowMs)}  ${key} isn't there any more\n`);
      keys.delete(key);
      seen.delete(key);
    }
    if ([...seen.values()].every(({ state }) => isFinal(state))) return [...seen.values()];
    try {
      await wait(intervalMs, undefined, { signal });
    } catch {
      return null;
    }
    snapshot = await reader.read();
  }
}

const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 19);

/** What is new of a task, as one line; null: nothing. */
export function change(before: TaskView | undefined, now: TaskView, nowMs: number): string | null {
  const name = now.run === 1 ? now.id : now.key;
  const last = now.lease?.attempts.at(-1);
  const attempts = now.lease?.attempts.length ?? 0;
  if (isFinal(now.state)) {
    if (before !== undefined && before.state === now.state) return null;
    const runs = attempts > 1 ? ` in ${attempts} attempts` : '';
    const code =
      last?.exitCode === null || last === undefined || now.state !== 'failed' ? '' : ` with exit code ${last.exitCode}`;
    return `${name} is ${now.state}${code}${runs}, ${showSpan(nowMs - now.submittedMs)} after it was submitted`;
  }
  const was = before?.lease?.fence ?? 0;
  if (now.state === 'running' && ((now.lease?.fence ?? 0) !== was || before?.state !== 'running')) {
    const from = now.lease?.checkpoint ?? null;
    const at =
      from === null ? '' : from.progress === null ? ' from its checkpoint' : ` from ${showPercent(from.progress)}`;
    return `${name} runs on ${nodeOf(now) ?? '?'}${at}${attempts > 1 ? `, attempt ${attempts}` : ''}`;
  }
  if (now.state === 'waiting' && before?.state === 'running') {
    return `${name} waits again: its node ${now.overdue ? 'is lost' : `gave it up (${last?.end ?? 'no reason'})`}`;
  }
  const tenth = (view: TaskView | undefined): number => Math.floor((view?.lease?.progress ?? 0) * 10);
  if (now.state === 'running' && tenth(now) > tenth(before))
    return `${name} is at ${showPercent(now.lease?.progress ?? null)}`;
  return null;
}
