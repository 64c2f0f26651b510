/** The listing of a cluster's tasks. */
import type { Colors } from '../aws/flags.js';
import { UserError } from '../user-error.js';
import type { Snapshot } from './reader.js';
import { endedMs, nodeOf, STATES, type State, type TaskView } from './view.js';
import { columns, count, showPercent, showSpan } from './words.js';

/** Lines of a listing at most; `--all` shows the rest. */
const MOST = 50;

/** `--state waiting,running`. @throws UserError */
export function readStates(text: string | undefined): ReadonlySet<State> | null {
  if (text === undefined) return null;
  const states = text.split(',').map((word) => word.trim());
  for (const state of states) {
    if (!(STATES as readonly string[]).includes(state)) {
      throw new UserError(
        `--state takes ${STATES.join(', ')}, several with commas between, not "${state.slice(0, 40)}".`,
      );
    }
  }
  return new Set(states as State[]);
}

/** Running ones first, then the queue in its order, then the ended ones, the latest first. */
export function inOrder(tasks: readonly TaskView[]): TaskView[] {
  const rank = (task: TaskView): number => (task.state === 'running' ? 0 : task.state === 'waiting' ? 1 : 2);
  const within = (a: TaskView, b: TaskView): number => {
    if (rank(a) === 1) return b.priority - a.priority || a.submittedMs - b.submittedMs;
    if (rank(a) === 2) return (endedMs(b) ?? b.submittedMs) - (endedMs(a) ?? a.submittedMs);
    return a.submittedMs - b.submittedMs;
  };
  return [...tasks].sort((a, b) => rank(a) - rank(b) || within(a, b) || (a.key < b.key ? -1 : 1));
}

export function countsOf(tasks: readonly TaskView[]): Record<State, number> {
  const counts = { waiting: 0, running: 0, done: 0, failed: 0, cancelled: 0 };
  for (const { state } of tasks) counts[state] += 1;
  return counts;
}

export const countsText = (counts: Record<State, number>): string =>
  STATES.filter((state) => counts[state] > 0)
    .map((state) => `${counts[state]} ${state}`)
    .join(', ');

export function listText(
  cluster: string,
  snapshot: Snapshot,
  shown: readonly TaskView[],
  all: boolean,
  c: Colors,
): string {
  if (snapshot.tasks.length === 0)
    return `Cluster ${cluster} has no tasks. Submit some: synkti submit --cluster ${cluster} tasks.jsonl\n`;
  const lines = [`${count(snapshot.tasks.length, 'task')}: ${countsText(countsOf(snapshot.tasks))}`, ''];
  if (shown.length === 0) return `${lines[0]}\nNone of them is in a state that was asked for.\n`;
  const some = all ? shown : shown.slice(0, MOST);
  const rows = some.map((task) => row(task, snapshot.nowMs));
  const table = columns([['TASK', 'STATE', 'PROGRESS', 'ATTEMPTS', 'AGE', 'NODE'], ...rows]).split('\n');
  table.forEach((line, i) => {
    const state = some[i - 1]?.state;
    lines.push(i === 0 ? c.bold(line) : state === 'failed' ? c.red(line) : state === 'running' ? c.green(line) : line);
  });
  if (some.length < shown.length) lines.push(`... and ${shown.length - some.length} more; all of them: --all`);
  return `${lines.join('\n')}\n`;
}

function row(task: TaskView, nowMs: number): string[] {
  const { lease } = task;
  const name = task.run === 1 ? task.id : task.key;
  const attempts = lease?.attempts.length ?? 0;
  return [
    name,
    task.overdue ? 'waiting (its node is lost)' : task.state,
    task.state === 'done' ? '100%' : showPercent(lease?.progress ?? lease?.checkpoint?.progress ?? null),
    attempts === 0 ? '-' : String(attempts),
    showSpan(nowMs - task.submittedMs),
    nodeOf(task) ?? '-',
  ];
}

/** What programs get of a task in a listing. */
export const listJson = (task: TaskView): object => ({
  id: task.id,
  run: task.run,
  state: task.state,
  overdue: task.overdue,
  priority: task.priority,
  submittedMs: task.submittedMs,
  progress: task.state === 'done' ? 1 : (task.lease?.progress ?? null),
  attempts: task.lease?.attempts.length ?? 0,
  failures: task.lease?.failures ?? 0,
  node: nodeOf(task),
  endedMs: endedMs(task),
});
