import { seconds } from '../promises.js';
import type { TaskFacts } from './facts.js';
import { readRegisters } from './faults.js';
import { type TaskStory, taskStories } from './stories.js';

/** How often tasks had to be taken up again, and by which way. */
export function tasksSummary(facts: TaskFacts) {
  const registers = readRegisters(facts);
  const stories = taskStories(facts, registers);
  const sum = (of: (story: TaskStory) => number): number => stories.reduce((total, story) => total + of(story), 0);
  const { usd, onDemandUsd } = facts.cost;
  const usefulMs = sum(({ lengthMs }) => lengthMs ?? 0);
  const redoneMs = sum((story) => story.redoneMs);
  return {
    tasks: stories.length,
    done: stories.filter(({ outcome }) => outcome === 'done').length,
    failed: stories.filter(({ outcome }) => outcome === 'failed').length,
    cancelled: stories.filter(({ outcome }) => outcome === 'cancelled').length,
    lost: stories.filter(({ outcome }) => outcome === 'lost').length,
    attempts: sum(({ attempts }) => attempts),
    interrupted: stories.filter(({ interruptions }) => interruptions > 0).length,
    handedOver: registers.handOvers,
    takenOver: registers.takeovers.length,
    resumed: sum(({ resumed }) => resumed),
    usefulMs,
    redoneMs,
    redoneShare: usefulMs === 0 ? null : redoneMs / (usefulMs + redoneMs),
    tookMs: facts.allEndedMs === null ? null : facts.allEndedMs - facts.submittedMs,
    cost: { ...facts.cost, savedShare: onDemandUsd > 0 ? 1 - usd / onDemandUsd : null },
    faults: registers.faults,
    stories,
  };
}

const MAX_SHOWN = 5;

/** The tasks in a few lines, however many they are. */
export function tasksText(facts: TaskFacts): string {
  const of = tasksSummary(facts);
  const ends = [
    `${of.done} of ${of.tasks} tasks done`,
    ...(['failed', 'cancelled', 'lost'] as const).flatMap((end) => (of[end] === 0 ? [] : [`${of[end]} ${end}`])),
  ];
  const took = of.tookMs === null ? `not all of them within ${seconds(facts.limitMs)}` : `in ${seconds(of.tookMs)}`;
  const { usd, onDemandUsd, instanceSeconds, savedShare } = of.cost;
  const saved =
    savedShare === null ? '' : `, ${Math.abs(Math.round(savedShare * 100))}% ${savedShare < 0 ? 'more' : 'less'}`;
  const most = of.stories
    .filter(({ interruptions }) => interruptions > 0)
    .sort((a, b) => b.attempts - a.attempts || (a.key < b.key ? -1 : 1))
    .slice(0, MAX_SHOWN);
  // Only the rehearsal's own tasks tell it.
  const resumed = facts.executions.length === 0 ? '' : `, resumed from a checkpoint ${times(of.resumed)}`;
  const redone = of.redoneShare === null ? '' : ` (${(100 * of.redoneShare).toFixed(2)}% of all)`;
  return [
    `Tasks: ${ends.join(', ')}, ${took}`,
    `  executions: ${of.attempts}; interrupted tasks: ${of.interrupted} (handed to a peer ${times(of.handedOver)}, ` +
      `taken after a lease had run out ${times(of.takenOver)}${resumed})`,
    `  computed: ${seconds(of.usefulMs)}, redone: ${seconds(of.redoneMs)}${redone}`,
    `  cost: $${usd.toFixed(4)} for ${Math.round(instanceSeconds)} instance seconds, on demand $${onDemandUsd.toFixed(4)}${saved}`,
    ...(of.interrupted === 0
      ? []
      : [`  most often moved: ${most.map(({ key, nodes }) => `${key} (${nodes.length} nodes)`).join(', ')}`]),
    ...of.stories
      .filter(({ outcome }) => outcome === 'failed')
      .slice(0, MAX_SHOWN)
      .map(failedText),
  ].join('\n');
}

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);

const failedText = ({ key, exitCode, lastLine }: TaskStory): string =>
  `  failed: ${key}${exitCode === null ? '' : `, exit code ${exitCode}`}${lastLine === null ? '' : `: ${lastLine}`}`;

/** What `--json` says of tasks. */
export function tasksJson(facts: TaskFacts): object {
  const { stories, ...summary } = tasksSummary(facts);
  return { ...summary, pauses: facts.pauses, refusedWrites: facts.refusals.length, each: stories };
}
