/** Promises about tasks. Pure. */
import { type Finding, seconds } from '../promises.js';
import type { TaskFacts } from './facts.js';
import { readRegisters } from './faults.js';
import { type TaskStory, taskStories } from './stories.js';

export const TASK_PROMISE_TEXT = {
  'tasks-once': 'Every task is done exactly once',
  'results-right': 'Every result is right',
  'no-torn-checkpoint': 'No torn checkpoint was restored',
  'redone-bounded': 'No more work is redone than the checkpoint interval explains',
  'stale-holder': 'A stale holder changed nothing',
} as const;

export type TaskPromiseId = keyof typeof TASK_PROMISE_TEXT;

/**
 * From the moment that a checkpoint is due until a lease names it, on a busy machine: the task's own save, three uploads
 * and a write. And from the end of a stale holder's pause until its tasks are stopped.
 */
export const SAVE_MS = 2_000;

export function taskFindings(facts: TaskFacts): Readonly<Record<TaskPromiseId, Finding>> {
  const registers = readRegisters(facts);
  const stories = taskStories(facts, registers);
  return {
    'tasks-once': doneOnce(facts, stories),
    'results-right': resultsRight(stories),
    'no-torn-checkpoint': noTornCheckpoint(stories),
    'redone-bounded': redoneBounded(stories),
    'stale-holder': staleHolder(facts, registers),
  };
}

function doneOnce(facts: TaskFacts, stories: readonly TaskStory[]): Finding {
  if (stories.length === 0) return null;
  const because: string[] = [];
  const waited = seconds(facts.limitMs);
  for (const { key, outcome, completions, result, exitCode } of stories) {
    if (completions > 1) because.push(`${key} was done ${completions} times`);
    if (outcome === 'lost') {
      const there = facts.openLeft.includes(key) || facts.leasesLeft.includes(key);
      if (completions === 1) because.push(`${key} was done, but its record is lost`);
      else because.push(there ? `${key} wasn't done after ${waited}` : `${key} is lost: S3 holds nothing of it`);
    }
    // A task of the user's own may fail of itself: that isn't for Synkti to mend.
    if ((outcome === 'failed' || outcome === 'cancelled') && result !== 'unknown') {
      because.push(`${key} ${outcome}${exitCode === null ? '' : `, exit code ${exitCode}`}`);
    }
    if (outcome !== 'lost' && (facts.openLeft.includes(key) || facts.leasesLeft.includes(key))) {
      because.push(`${key} has ended, and is still in the queue`);
    }
  }
  const known = new Set(stories.map(({ key }) => key));
  const strangers = facts.records.filter(({ task }) => !known.has(task)).length;
  const count = (which: TaskStory['outcome']): number => stories.filter(({ outcome }) => outcome === which).length;
  const others = (['failed', 'cancelled'] as const).flatMap((which) =>
    count(which) === 0 ? [] : [`${count(which)} ${which}`],
  );
  const more = strangers === 0 ? [] : [`${strangers} records of other tasks`];
  return { figure: [`${count('done')} of ${stories.length}`, ...others, ...more].join(', '), because };
}

function resultsRight(stories: readonly TaskStory[]): Finding {
  const known = stories.filter(({ result, outcome }) => result !== 'unknown' && outcome === 'done');
  if (known.length === 0) return null;
  const because = known
    .filter(({ result }) => result !== 'right')
    .map(({ key, result }) => `the result of ${key} is ${result}`);
  return { figure: `${known.length - because.length} of ${known.length}`, because };
}

function noTornCheckpoint(stories: readonly TaskStory[]): Finding {
  const resumed = sum(stories, ({ resumed }) => resumed);
  const torn = stories.filter(({ torn }) => torn > 0);
  if (resumed === 0 && torn.length === 0) return null;
  return {
    figure: `${resumed} executions began from a checkpoint, ${sum(torn, (one) => one.torn)} of them torn`,
    because: torn.map(({ key }) => `${key} was given a checkpoint whose files don't fit together`),
  };
}

function redoneBounded(stories: readonly TaskStory[]): Finding {
  const cut = sum(stories, ({ cutShort }) => cutShort);
  const usefulMs = sum(stories, ({ lengthMs }) => lengthMs ?? 0);
  // Without a length or an interval nothing says what is too much.
  if (cut === 0 || usefulMs === 0 || stories.some(({ intervalMs }) => intervalMs === null)) return null;
  const redoneMs = sum(stories, (story) => story.redoneMs);
  const allowedMs = sum(stories, (story) => story.cutShort * ((story.intervalMs ?? 0) + SAVE_MS));
  const share = (ms: number): string => `${((100 * ms) / (usefulMs + redoneMs)).toFixed(2)}%`;
  const because =
    redoneMs <= allowedMs
      ? []
      : [
          `${seconds(redoneMs)} were redone after ${cut} executions that were cut short, ${seconds(allowedMs)} are explained`,
        ];
  return {
    figure: `${share(redoneMs)} of ${seconds(usefulMs + redoneMs)} (limit ${share(allowedMs)}: ${cut} executions were cut short)`,
    because,
  };
}

function staleHolder(facts: TaskFacts, registers: ReturnType<typeof readRegisters>): Finding {
  const { faults, takeovers } = registers;
  if (takeovers.length === 0 && faults.length === 0) return null;
  const back = takeovers.filter(({ atMs, from }) =>
    facts.pauses.some(
      ({ instanceId, fromMs, toMs }) =>
        instanceId === from &&
        fromMs <= atMs &&
        toMs !== null &&
        toMs <= (facts.allEndedMs ?? Number.POSITIVE_INFINITY),
    ),
  );
  const refused = facts.refusals.filter(({ by, atMs }) =>
    facts.pauses.some(({ instanceId, toMs }) => instanceId === by && toMs !== null && toMs <= atMs),
  ).length;
  const figure = `${takeovers.length} leases taken after they had run out, ${back.length} of them from nodes that came back (${refused} of their writes refused)`;
  return { figure, because: faults };
}

const sum = <T>(all: readonly T[], of: (one: T) => number): number => all.reduce((total, one) => total + of(one), 0);
