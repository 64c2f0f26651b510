/**
 * What users write to submit a task, made into a TaskSpec: one line of a JSONL file, or the flags of a command line as an
 * object of the same keys. Whatever is wrong is one sentence that names the line and the field; of a file with one bad
 * line nothing is submitted.
 *
 *     {"id": "train-7", "command": ["python", "train.py"], "memory": "4GiB", "gpuMemory": "16GiB", "expected": "2h",
 *      "deadline": "12h", "checkpoint": {"folder": "state", "interval": "5m", "notify": "signal"}, "retries": 2,
 *      "priority": 7, "data": ["s3://bucket/set"], "env": {"SEED": "7"}}
 *     {"image": "trainer:3", "args": ["--seed", "7"], "gpus": 1, "memory": 4096}
 */
import { show } from '../show.js';
import { type Parsed, Problem } from '../spec/field.js';
import type { WallMs } from '../time.js';
import { BOUNDS, DATA_URL, HOOK_URL, IMAGE, pathProblem, TASK_ID, VARIABLE } from './fields.js';
import { MAX_SPEC_TEXT } from './parse.js';
import type { CheckpointSpec, TaskDeadline, TaskSpec, TaskWork } from './task.js';
import { nearest, readDuration, readMiB, readMoment, type Unreadable } from './units.js';

/** What a task is when its line doesn't say. Memory in MiB, times in ms. */
export const TASK_DEFAULTS = {
  memoryMiB: 512,
  retries: 2,
  priority: 5,
  stopGraceMs: 30_000,
  checkpointIntervalMs: 600_000,
  deadlinePolicy: 'uniform-progress',
} as const;

/** Lines of a file at most. */
export const MAX_SUBMISSIONS = 100_000;

export interface SubmissionContext {
  readonly wallMs: WallMs;
  /** An id for a task that has none; a different one at each call. */
  newId(): string;
}

const KEYS = [
  ...['id', 'command', 'image', 'args', 'gpus', 'env', 'memory', 'gpuMemory', 'expected', 'deadline', 'checkpoint'],
  ...['retries', 'priority', 'data', 'stopGrace'],
] as const;
type Key = (typeof KEYS)[number];
const DEADLINE_KEYS = ['at', 'policy'];
const CHECKPOINT_KEYS = ['folder', 'interval', 'notify'];

type Fields = Readonly<Partial<Record<Key, unknown>>>;

/** All lines of a file, empty ones left out; ids must differ. `name` is the file's, for the sentence. */
export function parseSubmissions(text: string, name: string, ctx: SubmissionContext): Parsed<readonly TaskSpec[]> {
  const tasks: TaskSpec[] = [];
  const lineOf = new Map<string, number>();
  // An editor's byte order mark isn't part of the first line.
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const parsed = parseSubmission(line, `${name}, line ${i + 1}`, ctx);
    if (!parsed.ok) return parsed;
    const other = lineOf.get(parsed.value.id);
    if (other !== undefined) {
      return problem(
        `${name}, line ${i + 1}: the id ${show(parsed.value.id)} is that of line ${other} too; ids must differ.`,
      );
    }
    lineOf.set(parsed.value.id, i + 1);
    tasks.push(parsed.value);
    if (tasks.length > MAX_SUBMISSIONS) return problem(`${name} has more than ${MAX_SUBMISSIONS} tasks; split it.`);
  }
  return tasks.length === 0 ? problem(`${name} has no task in it.`) : { ok: true, value: tasks };
}

/** One line of JSON. `place` begins each complaint, such as `tasks.jsonl, line 3`. */
export function parseSubmission(line: string, place: string, ctx: SubmissionContext): Parsed<TaskSpec> {
  if (line.length > MAX_SPEC_TEXT) return problem(`${place} is longer than ${MAX_SPEC_TEXT} characters.`);
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').slice(0, 200);
    return problem(`${place} isn't JSON: ${why}.`);
  }
  return taskFrom(json, place, ctx);
}

/** A task of an object that has a line's keys; those that are absent or null take their defaults. */
export function taskFrom(value: unknown, place: string, ctx: SubmissionContext): Parsed<TaskSpec> {
  try {
    const task = build(record(value, null, KEYS), ctx);
    if (JSON.stringify(task).length > MAX_SPEC_TEXT) return problem(`${place}: the task is too long.`);
    return { ok: true, value: task };
  } catch (error) {
    if (error instanceof Problem) return problem(`${place}: ${error.message}.`);
    throw error;
  }
}

function build(fields: Fields, ctx: SubmissionContext): TaskSpec {
  const expectedMs = maybe(fields.expected, (v) => positive('expected', 'time', duration('expected', v)));
  return {
    format: 1,
    id: fields.id === undefined || fields.id === null ? ctx.newId() : id(fields.id),
    run: 1,
    submittedMs: ctx.wallMs,
    work: work(fields),
    environment: environment(fields.env),
    memoryMiB: maybe(fields.memory, (v) => positive('memory', 'size', size('memory', v))) ?? TASK_DEFAULTS.memoryMiB,
    gpuMemoryMiB: maybe(fields.gpuMemory, (v) => size('gpuMemory', v)) ?? 0,
    expectedMs,
    deadline: maybe(fields.deadline, (v) => deadline(v, expectedMs, ctx.wallMs)),
    checkpoint: maybe(fields.checkpoint, checkpoint),
    retries: maybe(fields.retries, (v) => integer('retries', v, 0, BOUNDS.retries)) ?? TASK_DEFAULTS.retries,
    priority: maybe(fields.priority, (v) => integer('priority', v, 0, BOUNDS.priority)) ?? TASK_DEFAULTS.priority,
    data: maybe(fields.data, data) ?? [],
    stopGraceMs: maybe(fields.stopGrace, stopGrace) ?? TASK_DEFAULTS.stopGraceMs,
    resume: null,
  };
}

function work(fields: Fields): TaskWork {
  const { command, image, args, gpus } = fields;
  if ((command ?? null) !== null && (image ?? null) !== null) {
    throw new Problem('has a command and also an image; a container takes its command as "args"');
  }
  if ((image ?? null) !== null) {
    if (typeof image !== 'string' || !IMAGE.test(image))
      throw wrong('image', 'an image such as "repo/name:tag"', image);
    return {
      kind: 'container',
      image,
      args: maybe(args, (v) => texts('args', v)) ?? [],
      gpus: maybe(gpus, (v) => integer('gpus', v, 0, BOUNDS.gpus)) ?? 0,
    };
  }
  for (const [key, value] of [
    ['args', args],
    ['gpus', gpus],
  ] as const) {
    if ((value ?? null) !== null) throw new Problem(`"${key}" goes with an "image"; a command holds its own arguments`);
  }
  if ((command ?? null) === null) throw new Problem('has neither a "command" nor an "image"');
  if (typeof command === 'string') {
    throw new Problem('"command" must be a list such as ["python", "train.py"]; for a shell write ["sh", "-c", "..."]');
  }
  const list = texts('command', command);
  if (list.length === 0 || list[0] === '') throw new Problem('"command" names no program');
  return { kind: 'process', command: list };
}

function id(value: unknown): string {
  if (typeof value === 'string' && TASK_ID.test(value)) return value;
  throw wrong('id', 'lower case letters, digits and hyphens, at most 63, a letter or digit first', value);
}

function environment(value: unknown): Readonly<Record<string, string>> {
  if ((value ?? null) === null) return {};
  const map = record(value, 'env', null);
  const names = Object.keys(map);
  if (names.length > BOUNDS.variables) throw new Problem(`"env" has more than ${BOUNDS.variables} variables`);
  for (const name of names) {
    if (!VARIABLE.test(name)) throw new Problem(`"env": ${show(name)} can't be a variable's name`);
    if (name.startsWith('SYNKTI_')) throw new Problem(`"env": ${show(name)} is set by the agent; choose another name`);
    text(`env.${name}`, map[name]);
  }
  return map as Readonly<Record<string, string>>;
}

function deadline(value: unknown, expectedMs: number | null, nowMs: WallMs): TaskDeadline {
  const given = typeof value === 'object' ? record(value, 'deadline', DEADLINE_KEYS) : { at: value };
  const atMs = good('deadline', readMoment(given.at, nowMs));
  if (atMs <= nowMs) throw new Problem(`"deadline" ${show(given.at)} is past already`);
  if (expectedMs === null) {
    throw new Problem('has a "deadline" but no "expected" time; without it nobody can tell whether it falls behind');
  }
  if (nowMs + expectedMs > atMs) throw new Problem('can\'t meet its "deadline": its "expected" time alone is longer');
  const policy = given.policy ?? TASK_DEFAULTS.deadlinePolicy;
  if (policy !== 'uniform-progress' && policy !== 'adaptive') {
    throw wrong('deadline.policy', '"uniform-progress" or "adaptive"', policy);
  }
  return { atMs, policy };
}

function checkpoint(value: unknown): CheckpointSpec {
  const given = typeof value === 'object' ? record(value, 'checkpoint', CHECKPOINT_KEYS) : { folder: value };
  const { folder, interval } = given;
  if (typeof folder !== 'string') throw wrong('checkpoint.folder', "a folder in the task's working folder", folder);
  const trimmed = folder.replace(/^(\.\/)+/, '').replace(/\/+$/, '');
  const problem = pathProblem(trimmed);
  if (problem !== null) throw new Problem(`"checkpoint.folder" ${show(folder)} ${problem}`);
  return { folder: trimmed, intervalMs: intervalMs(interval), notify: notify(given.notify) };
}

function intervalMs(value: unknown): number | null {
  if (value === 'none') return null;
  const ms = maybe(value, (v) => duration('checkpoint.interval', v)) ?? TASK_DEFAULTS.checkpointIntervalMs;
  if (ms < 1_000) throw new Problem('"checkpoint.interval" must be a second at least, or "none"');
  return ms;
}

function notify(value: unknown): CheckpointSpec['notify'] {
  if ((value ?? null) === null || value === 'signal') return { by: 'signal' };
  if (value === 'none') return { by: 'none' };
  if (typeof value === 'string' && HOOK_URL.test(value)) return { by: 'http', url: value };
  throw wrong('checkpoint.notify', '"signal", "none" or a URL of the task such as "http://localhost:8080/save"', value);
}

function data(value: unknown): readonly string[] {
  const list = typeof value === 'string' ? [value] : value;
  if (!Array.isArray(list) || list.length > BOUNDS.data) throw wrong('data', `at most ${BOUNDS.data} S3 places`, value);
  for (const one of list) {
    if (typeof one !== 'string' || !DATA_URL.test(one)) throw wrong('data', 'places such as "s3://bucket/prefix"', one);
  }
  return list as string[];
}

function stopGrace(value: unknown): number {
  const ms = duration('stopGrace', value);
  if (ms > BOUNDS.graceMs) throw new Problem('"stopGrace" must be at most an hour');
  return ms;
}

/** An object's own fields; an unknown one is named, with the nearest that is known. */
function record<K extends string>(
  value: unknown,
  name: string | null,
  keys: readonly K[] | null,
): Readonly<Partial<Record<K, unknown>>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    if (name === null) throw new Problem(`must be an object such as {"command": ["true"]}, not ${show(value)}`);
    throw wrong(name, 'an object', value);
  }
  for (const key of Object.keys(value)) {
    if (keys === null || (keys as readonly string[]).includes(key)) continue;
    const near = nearest(key, keys);
    const hint = near === null ? `known are ${keys.join(', ')}` : `did you mean "${near}"?`;
    throw new Problem(`${show(name === null ? key : `${name}.${key}`)} isn't known; ${hint}`);
  }
  return value as Readonly<Partial<Record<K, unknown>>>;
}

const maybe = <T>(value: unknown, from: (value: unknown) => T): T | null =>
  value === undefined || value === null ? null : from(value);

function good<T extends number>(key: string, value: T | Unreadable): T {
  if (typeof value === 'number') return value;
  throw new Problem(`"${key}" ${value.what}`);
}

function size(key: string, value: unknown): number {
  const mib = good(key, readMiB(value));
  if (mib > BOUNDS.memoryMiB) throw new Problem(`"${key}" is more than any machine has: ${show(value)}`);
  return mib;
}

function duration(key: string, value: unknown): number {
  const ms = good(key, readDuration(value));
  if (ms > BOUNDS.durationMs) throw new Problem(`"${key}" must be at most a year, not ${show(value)}`);
  return ms;
}

function positive(key: string, what: string, value: number): number {
  if (value > 0) return value;
  throw new Problem(`"${key}" must be a ${what} above 0`);
}

function integer(key: string, value: unknown, low: number, high: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= low && value <= high) return value;
  throw wrong(key, `a whole number from ${low} to ${high}`, value);
}

function texts(key: string, value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length > BOUNDS.arguments) {
    throw wrong(key, `a list of at most ${BOUNDS.arguments} texts`, value);
  }
  value.forEach((one, i) => {
    text(`${key}[${i}]`, one);
  });
  return value as string[];
}

function text(key: string, value: unknown): void {
  if (typeof value !== 'string') throw wrong(key, 'text', value);
  if (value.includes('\0')) throw new Problem(`"${key}" has a NUL character in it`);
  if (value.length > BOUNDS.argumentLength) {
    throw new Problem(`"${key}" is longer than ${BOUNDS.argumentLength} characters`);
  }
}

const wrong = (key: string, what: string, value: unknown): Problem =>
  new Problem(`"${key}" must be ${what}, not ${show(value)}`);

const problem = (sentence: string): { readonly ok: false; readonly problem: string } => ({
  ok: false,
  problem: sentence.replace(/([?.])\.$/, '$1'),
});
