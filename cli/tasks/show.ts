/** All that is known of one task. */
import type { Attempt, TaskSpec, TaskWork } from '../../core/tasks/task.js';
import type { Colors } from '../aws/flags.js';
import type { Cost } from './cost.js';
import { endedMs, isFinal, type TaskView } from './view.js';
import { columns, count, printable, showBytes, showMiB, showMoment, showPercent, showSpan } from './words.js';

/** @param spec null: it went while it was looked at */
export function showText(task: TaskView, spec: TaskSpec | null, cost: Cost, nowMs: number, c: Colors): string {
  const { lease } = task;
  const until = endedMs(task);
  const facts: [string, string][] = [
    ['State', `${task.overdue ? 'waiting: its node is lost, another one takes it over' : task.state}${endOf(task)}`],
    ['Submitted', `${showMoment(task.submittedMs)} UTC, ${showSpan(nowMs - task.submittedMs)} ago`],
  ];
  if (until !== null) facts.push(['Ended', `${showMoment(until)} UTC, ${showSpan(until - task.submittedMs)} after`]);
  if (spec !== null) facts.push(...specFacts(spec, nowMs));
  const progress = lease?.progress ?? lease?.checkpoint?.progress ?? null;
  if (progress !== null && task.state !== 'done') facts.push(['Progress', showPercent(progress)]);
  const checkpoint = lease?.checkpoint ?? spec?.resume ?? null;
  if (checkpoint !== null && task.state !== 'done') {
    const share = checkpoint.progress === null ? '' : ` at ${showPercent(checkpoint.progress)}`;
    facts.push([
      'Checkpoint',
      `${showBytes(checkpoint.bytes)}${share}, ${showSpan(checkpoint.doneMs)} of computing in it`,
    ]);
  }
  const unsaved = lease?.saveProblem ?? null;
  if (unsaved !== null && !isFinal(task.state)) facts.push(['Not saved', printable(unsaved.replace(/\s+/g, ' '))]);
  const attempts = lease?.attempts ?? [];
  const redone = attempts.reduce((sum, { redoneMs }) => sum + redoneMs, 0);
  if (attempts.length > 0) {
    facts.push(['Redone', redone === 0 ? 'nothing' : `${showSpan(redone)} of computing`], ['Cost', costText(cost)]);
  }
  const lines = [c.bold(task.run === 1 ? task.id : `${task.id}, run ${task.run}`), columns(facts)];
  if (attempts.length > 0) lines.push('', attemptTable(attempts, nowMs, c));
  if (lease !== null && lease.tail !== '') lines.push('', c.bold('Its last lines'), printable(lease.tail).trimEnd());
  return `${lines.join('\n')}\n`;
}

function endOf({ state, lease }: TaskView): string {
  const last = lease?.attempts.at(-1);
  if (state !== 'failed' || last === undefined) return '';
  const code = last.exitCode === null ? '' : ` (exit code ${last.exitCode})`;
  return `${code} after ${count(lease?.failures ?? 0, 'bad end')}`;
}

function specFacts(spec: TaskSpec, nowMs: number): [string, string][] {
  const gpu = spec.gpuMemoryMiB === 0 ? '' : `, ${showMiB(spec.gpuMemoryMiB)} of GPU memory`;
  const facts: [string, string][] = [
    ['Runs', workText(spec.work)],
    ['Needs', `${showMiB(spec.memoryMiB)} of memory${gpu}`],
    ['Priority', `${spec.priority}; ${spec.retries === 1 ? '1 retry' : `${spec.retries} retries`}`],
  ];
  if (spec.expectedMs !== null) facts.push(['Expected', `${showSpan(spec.expectedMs)} of computing`]);
  if (spec.deadline !== null) {
    const left = spec.deadline.atMs - nowMs;
    facts.push(['Deadline', `${showMoment(spec.deadline.atMs)} UTC, ${left > 0 ? `in ${showSpan(left)}` : 'past'}`]);
  }
  if (spec.checkpoint !== null) {
    const { folder, intervalMs } = spec.checkpoint;
    facts.push([
      'Saves',
      `${folder}, ${intervalMs === null ? 'when it asks' : `every ${showSpan(intervalMs)}`} and at a notice`,
    ]);
  }
  if (spec.data.length > 0) facts.push(['Data', spec.data.join(' ')]);
  return facts;
}

function workText(work: TaskWork): string {
  const words = work.kind === 'process' ? work.command : [work.image, ...work.args];
  const text = words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
  return `${work.kind === 'process' ? '' : 'container '}${printable(text.length > 150 ? `${text.slice(0, 147)}...` : text)}`;
}

function attemptTable(attempts: readonly Attempt[], nowMs: number, c: Colors): string {
  const rows = attempts.map((one) => [
    String(one.fence),
    one.instanceId,
    `${one.instanceType} ${one.lifecycle} ${one.zone}`,
    showMoment(one.startedMs),
    showSpan((one.endedMs ?? nowMs) - one.startedMs),
    one.redoneMs === 0 ? '-' : showSpan(one.redoneMs),
    `${one.end ?? (one.endedMs === null ? 'runs' : 'ended')}${one.exitCode === null || one.exitCode === 0 ? '' : `, exit code ${one.exitCode}`}`,
  ]);
  const [head = '', ...rest] = columns([['FENCE', 'NODE', 'POOL', 'STARTED', 'FOR', 'REDONE', 'END'], ...rows]).split(
    '\n',
  );
  return [c.bold(head), ...rest].join('\n');
}

export function costText({ usd, without }: Cost): string {
  const sum = usd > 0 && usd < 0.0001 ? 'less than $0.0001' : `$${usd.toFixed(usd > 0 && usd < 0.1 ? 4 : 2)}`;
  return without === null ? sum : `${sum}, without ${without}`;
}

export const showJson = (task: TaskView, spec: TaskSpec | null, cost: Cost): object => ({
  id: task.id,
  run: task.run,
  state: task.state,
  overdue: task.overdue,
  submittedMs: task.submittedMs,
  endedMs: endedMs(task),
  ended: isFinal(task.state),
  costUsd: cost.usd,
  costWithout: cost.without,
  redoneMs: (task.lease?.attempts ?? []).reduce((sum, { redoneMs }) => sum + redoneMs, 0),
  spec,
  lease: task.lease,
});
