import type { Lease } from '../../../core/tasks/task.js';
import { printable } from '../../tasks/words.js';
import { resultIn } from './chain-rule.js';
import type { Execution, SubmittedTask, TaskFacts } from './facts.js';
import { type RegisterStory, readRegisters } from './faults.js';

/** What became of one task, as the facts tell it. */
export interface TaskStory {
  readonly key: string;
  readonly lengthMs: number | null;
  /** `lost`: nothing says that it ended. */
  readonly outcome: 'done' | 'failed' | 'cancelled' | 'lost';
  /** Times that it was completed: different final writes and different records of a completion. */
  readonly completions: number;
  /** `unknown`: only the task itself knows what is right. */
  readonly result: 'right' | 'wrong' | 'missing' | 'unknown';
  /** Executions that the register speaks of. */
  readonly attempts: number;
  /** Instances on which it was, in order. */
  readonly nodes: readonly string[];
  /** Executions that ended otherwise than of themselves. */
  readonly interruptions: number;
  readonly handedOver: number;
  /** Executions that began from a checkpoint. */
  readonly resumed: number;
  readonly torn: number;
  /** Computing time that was done more than once. */
  readonly redoneMs: number;
  /** Executions that didn't reach the end. */
  readonly cutShort: number;
  readonly intervalMs: number | null;
  /** Of its final record; for people. */
  readonly exitCode: number | null;
  /** The last line that it wrote, of one that didn't get done; shortened. */
  readonly lastLine: string | null;
}

export function taskStories(facts: TaskFacts, registers: RegisterStory = readRegisters(facts)): TaskStory[] {
  const executions = byTask(facts.executions);
  const records = byTask(facts.records);
  return facts.tasks.map((task) =>
    storyOf(
      task,
      (records.get(task.key) ?? []).map(({ lease }) => lease),
      executions.get(task.key) ?? [],
      registers,
    ),
  );
}

function byTask<T extends { readonly task: string }>(all: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(one.task);
    if (group === undefined) groups.set(one.task, [one]);
    else group.push(one);
  }
  return groups;
}

function storyOf(
  task: SubmittedTask,
  records: readonly Lease[],
  executions: readonly Execution[],
  registers: RegisterStory,
): TaskStory {
  const done = new Set<string>();
  for (const { fence, nonce } of registers.completions.get(task.key) ?? []) done.add(`${fence} ${nonce}`);
  for (const { state, fence, nonce } of records) if (state === 'done') done.add(`${fence} ${nonce}`);
  const last = records.find(({ state }) => state === 'done') ?? records[0] ?? null;
  const attempts = last?.attempts ?? [];
  const outcome = last === null || last.state === 'held' || last.state === 'free' ? 'lost' : last.state;
  return {
    key: task.key,
    lengthMs: task.lengthMs,
    outcome,
    completions: done.size,
    result: resultOf(task, outcome === 'done' ? (last?.tail ?? '') : ''),
    attempts: attempts.length,
    nodes: attempts.map(({ instanceId }) => instanceId),
    interruptions: attempts.filter(({ end }) => end === 'interrupted' || end === 'handed-over' || end === 'lost')
      .length,
    handedOver: attempts.filter(({ end }) => end === 'handed-over').length,
    resumed: executions.filter(({ from }) => from > 0).length,
    torn: executions.filter(({ state }) => state === 'torn').length,
    redoneMs: redoneOf(task, executions, last),
    cutShort:
      executions.length > 0
        ? executions.filter(({ state }) => state !== 'done').length
        : Math.max(0, attempts.length - 1),
    intervalMs: task.intervalMs,
    exitCode: attempts.at(-1)?.exitCode ?? null,
    lastLine: outcome === 'done' ? null : lastLine(last?.tail ?? ''),
  };
}

const LINE_LENGTH = 120;

function lastLine(tail: string): string | null {
  const line = tail.trimEnd().split('\n').at(-1)?.trim() ?? '';
  return line === '' ? null : printable(line.slice(0, LINE_LENGTH));
}

function resultOf({ result }: SubmittedTask, tail: string): TaskStory['result'] {
  if (result === null) return 'unknown';
  const found = resultIn(tail);
  if (found === null) return 'missing';
  return found === result ? 'right' : 'wrong';
}

/** By the executions' own words where there are such; else by the register's. */
function redoneOf(task: SubmittedTask, executions: readonly Execution[], last: Lease | null): number {
  if (task.steps === null || task.lengthMs === null) {
    return (last?.attempts ?? []).reduce((sum, { redoneMs }) => sum + redoneMs, 0);
  }
  const steps = executions.reduce((sum, { from, to }) => sum + Math.max(0, to - from), 0);
  return (Math.max(0, steps - task.steps) * task.lengthMs) / Math.max(1, task.steps);
}
