/** Checks that several of the texts in the bucket share. What is written here is what `task.ts` says in words. */
import { type Field, type Parsed, Problem, read } from '../spec/field.js';
import { type WallMs, wallMs } from '../time.js';
import { CHECKPOINTS } from './keys.js';
import type { CheckpointRef, TaskWork } from './task.js';

export const TASK_ID = /^[a-z0-9][a-z0-9-]{0,62}$/;
/** `id.run`. */
export const TASK_KEY = /^[a-z0-9][a-z0-9-]{0,62}\.[1-9][0-9]{0,5}$/;
/** Names of variables; those that start with SYNKTI_ are the agent's. */
export const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;
export const DATA_URL = /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[\x21-\x7e]{0,1000})?$/;
export const HOOK_URL = /^http:\/\/(127\.0\.0\.1|localhost):[1-9][0-9]{0,4}(\/[\x21-\x7e]{0,1000})?$/;
export const IMAGE = /^[\x21-\x7e]{1,500}$/;

const MANIFEST_KEY = /^([a-z0-9][a-z0-9-]{0,62}\.[1-9][0-9]{0,5})\/([1-9][0-9]{0,9})\/([1-9][0-9]{0,9})\.json$/;

/** Bounds that hold for users' texts and for those in the bucket alike. */
export const BOUNDS = {
  run: 999_999,
  memoryMiB: 100_000_000,
  retries: 100,
  priority: 9,
  arguments: 1_000,
  argumentLength: 32_768,
  variables: 200,
  data: 20,
  gpus: 64,
  /** A year, in ms. */
  durationMs: 366 * 86_400_000,
  graceMs: 3_600_000,
  fence: 1_000_000_000,
} as const;

/** The end of the year 2199. */
const LATEST_MS = 7_258_118_400_000;

/** Like `read`, but a text that is longer than anything of its kind isn't even parsed. */
export function readBounded<T>(name: string, text: string, longest: number, from: (field: Field) => T): Parsed<T> {
  if (text.length > longest) {
    return { ok: false, problem: `The ${name} has ${text.length} characters, more than the ${longest} allowed.` };
  }
  return read(name, text, from);
}

/** What is wrong with a relative path that must not lead out of its folder; null: nothing. */
export function pathProblem(path: string): string | null {
  if (path === '') return 'is empty';
  if (path.length > 1_024) return 'is longer than 1,024 characters';
  if (/[\p{Cc}\\]/u.test(path)) return 'has a control character or a backslash';
  if (path.startsWith('/')) return "is absolute; it must lie inside the task's working folder";
  const steps = path.split('/');
  if (steps.includes('..')) return "leads out of the task's working folder";
  if (steps.some((step) => step === '' || step === '.')) return 'has an empty step or a dot in it';
  return null;
}

export function innerPath(field: Field): string {
  const path = field.text(/^[\s\S]{0,2000}$/, 'a relative path');
  const problem = pathProblem(path);
  if (problem !== null) throw new Problem(`${field.name} ${problem}.`);
  return path;
}

export const wallTime = (field: Field): WallMs => wallMs(field.integer(0, LATEST_MS));

export const duration = (field: Field): number => field.integer(0, BOUNDS.durationMs);

export const share = (field: Field): number | null => (field.absent ? null : field.number(0, 1));

export const argument = (field: Field): string =>
  field.text(/^[^\0]{0,32768}$/, 'text without NUL, at most 32,768 characters');

export function variables(field: Field): Readonly<Record<string, string>> {
  const map = field.textMap();
  const names = Object.keys(map);
  if (names.length > BOUNDS.variables) throw new Problem(`${field.name} has more than ${BOUNDS.variables} variables.`);
  for (const name of names) {
    if (!VARIABLE.test(name)) {
      throw new Problem(`${field.name}: ${JSON.stringify(name.slice(0, 60))} can't be a variable's name.`);
    }
    argument(field.at(name));
  }
  return map;
}

export function taskWork(field: Field): TaskWork {
  const kind = field.at('kind').oneOf('process', 'container');
  if (kind === 'process') {
    field.onlyKeys('kind', 'command');
    const command = field.at('command').list(1, BOUNDS.arguments).map(argument);
    if (command[0] === '') throw new Problem(`${field.name}.command names no program.`);
    return { kind, command };
  }
  field.onlyKeys('kind', 'image', 'args', 'gpus');
  return {
    kind,
    image: field.at('image').text(IMAGE, 'an image such as repo/name:tag'),
    args: field.at('args').list(0, BOUNDS.arguments).map(argument),
    gpus: field.at('gpus').integer(0, BOUNDS.gpus, 0),
  };
}

/** A checkpoint's manifest stands where its numbers say: a text can't point to anything else in the bucket. */
export function checkpointRef(field: Field): CheckpointRef {
  field.onlyKeys('fence', 'seq', 'manifest', 'bytes', 'progress', 'doneMs');
  const fence = field.at('fence').integer(1, BOUNDS.fence);
  const seq = field.at('seq').integer(1, BOUNDS.fence);
  const manifest = field.at('manifest').text(/^[\x21-\x7e]{1,1000}$/, 'the key of a manifest');
  const found = manifest.startsWith(CHECKPOINTS) ? MANIFEST_KEY.exec(manifest.slice(CHECKPOINTS.length)) : null;
  if (found === null || Number(found[2]) !== fence || Number(found[3]) !== seq) {
    throw new Problem(`${field.name}.manifest isn't the key of checkpoint ${fence}/${seq}.`);
  }
  return {
    fence,
    seq,
    manifest,
    bytes: field.at('bytes').integer(0, Number.MAX_SAFE_INTEGER),
    progress: share(field.at('progress')),
    doneMs: duration(field.at('doneMs')),
  };
}

export const optional = <T>(field: Field, from: (field: Field) => T): T | null => (field.absent ? null : from(field));
