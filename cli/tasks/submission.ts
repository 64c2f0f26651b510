/** What a command line or a file submits, checked before anything is sent anywhere. */
import { closeSync, openSync, readSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Parsed } from '../../core/spec/field.js';
import { parseSubmissions, taskFrom } from '../../core/tasks/submission.js';
import type { TaskSpec } from '../../core/tasks/task.js';
import { wallMs } from '../../core/time.js';
import { messageOf, UserError } from '../user-error.js';
import { madeUpId } from './ids.js';

/** Options of a task on the command line, as the parser names them, and the keys of a line that they stand for. */
export const TASK_OPTIONS = {
  id: 'id',
  image: 'image',
  gpus: 'gpus',
  memory: 'memory',
  gpuMemory: 'gpuMemory',
  expected: 'expected',
  deadline: 'deadline',
  checkpoint: 'checkpoint',
  checkpointInterval: 'checkpoint.interval',
  notify: 'checkpoint.notify',
  retries: 'retries',
  priority: 'priority',
  data: 'data',
  env: 'env',
  stopGrace: 'stopGrace',
} as const;

export type TaskFlags = Partial<Record<keyof typeof TASK_OPTIONS, string | readonly string[]>>;

export interface Submission {
  readonly tasks: readonly TaskSpec[];
  /** Where a task was written, for complaints. */
  placeOf(index: number): string;
  /** Whether ids were given; made-up ones can't be taken. */
  readonly givenIds: boolean;
}

/**
 * @param words operands before `--`: at most a file's name
 * @param command what stands after `--`; null: there is no `--`
 * @throws UserError
 */
export function readSubmission(
  words: readonly string[],
  command: readonly string[] | null,
  flags: TaskFlags,
  nowMs: number = Date.now(),
): Submission {
  const [file, extra] = words;
  const given = Object.keys(TASK_OPTIONS).filter((name) => flags[name as keyof TaskFlags] !== undefined);
  if (extra !== undefined) {
    throw new UserError(
      `"${extra}" isn't understood; a command goes after --, such as: synkti submit -- ${words.join(' ')}`,
    );
  }
  if (file !== undefined && command !== null) {
    throw new UserError(`Give the file ${file} or a command after --, not both.`);
  }
  if (file !== undefined && given[0] !== undefined) {
    throw new UserError(`${optionName(given[0])} is for a command after --; in a file each line says it for itself.`);
  }
  return file === undefined ? fromCommand(command, flags, nowMs) : fromFile(file, nowMs);
}

function fromFile(file: string, nowMs: number): Submission {
  const name = file === '-' ? 'standard input' : file;
  const text = file === '-' ? readStandardInput() : readTasksFile(file);
  let madeUp = 0;
  const newId = (): string => {
    madeUp += 1;
    return madeUpId('task');
  };
  const tasks = good(parseSubmissions(text, name, { wallMs: wallMs(nowMs), newId }));
  const lines = text.split('\n').flatMap((line, i) => (line.trim() === '' ? [] : [i + 1]));
  return { tasks, placeOf: (index) => `${name}, line ${lines[index] ?? '?'}`, givenIds: madeUp < tasks.length };
}

function fromCommand(command: readonly string[] | null, flags: TaskFlags, nowMs: number): Submission {
  const { image, checkpoint, checkpointInterval: interval, notify } = flags;
  if (image === undefined && (command === null || command.length === 0)) {
    throw new UserError('Give a file of tasks, or a command after --, such as: synkti submit -- python train.py');
  }
  if (checkpoint === undefined && (interval !== undefined || notify !== undefined)) {
    throw new UserError(
      `${interval === undefined ? '--notify' : '--checkpoint-interval'} needs --checkpoint, the folder.`,
    );
  }
  const line = {
    id: flags.id,
    ...(image === undefined ? { command } : { image, args: command ?? [] }),
    gpus: numeric(flags.gpus),
    env: flags.env === undefined ? undefined : variables(listOf(flags.env)),
    memory: numeric(flags.memory),
    gpuMemory: numeric(flags.gpuMemory),
    expected: flags.expected,
    deadline: flags.deadline,
    checkpoint: checkpoint === undefined ? undefined : { folder: checkpoint, interval, notify },
    retries: numeric(flags.retries),
    priority: numeric(flags.priority),
    data: flags.data === undefined ? undefined : listOf(flags.data),
    stopGrace: flags.stopGrace,
  };
  const word = String(image ?? command?.[0] ?? '');
  const task = good(taskFrom(line, 'The task', { wallMs: wallMs(nowMs), newId: () => madeUpId(word) }));
  return { tasks: [task], placeOf: () => 'The task', givenIds: flags.id !== undefined };
}

/** `--checkpoint-interval` of `checkpointInterval`. */
const optionName = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

const listOf = (value: string | readonly string[]): readonly string[] => (typeof value === 'string' ? [value] : value);

/** A number where one stands; anything else is complained of by whoever reads the line. */
const numeric = (value: string | readonly string[] | undefined): unknown =>
  typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;

function variables(pairs: readonly string[]): Record<string, string> {
  const map: Record<string, string> = {};
  for (const pair of pairs) {
    const cut = pair.indexOf('=');
    if (cut < 1) throw new UserError(`--env needs NAME=value, not "${pair.slice(0, 60)}".`);
    map[pair.slice(0, cut)] = pair.slice(cut + 1);
  }
  return map;
}

function good<T>(parsed: Parsed<T>): T {
  if (parsed.ok) return parsed.value;
  throw new UserError(parsed.problem);
}

/** A hundred thousand tasks of some kB. */
const MAX_FILE_BYTES = 256 * 1_048_576;
const EMPTY_PIPE_MS = 20;

/** A pipe or a device tells no size, and may never end. */
function readBounded(fd: number, name: string): string {
  const pieces: Buffer[] = [];
  for (let bytes = 0; ; ) {
    const piece = Buffer.allocUnsafe(1_048_576);
    const count = readSome(fd, piece);
    if (count === 0) return Buffer.concat(pieces).toString('utf8');
    pieces.push(piece.subarray(0, count));
    bytes += count;
    if (bytes > MAX_FILE_BYTES) throw new UserError(`${name} is larger than 256 MiB; split it.`);
  }
}

/** A pipe that somebody made non-blocking has nothing yet, now and then. */
function readSome(fd: number, piece: Buffer): number {
  for (;;) {
    try {
      return readSync(fd, piece);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, EMPTY_PIPE_MS);
    }
  }
}

function readTasksFile(file: string): string {
  try {
    const fd = openSync(file, 'r');
    try {
      return readBounded(fd, file);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') {
      throw new UserError(`${file} isn't there; for a command put -- before it: synkti submit -- ${file}`);
    }
    throw new UserError(`${file} can't be read: ${code === 'EISDIR' ? 'it is a folder' : messageOf(error)}.`);
  }
}

function readStandardInput(): string {
  // Not by process.stdin, which would make a pipe non-blocking.
  if (isatty(0)) {
    throw new UserError('Standard input is a terminal: pipe tasks into it, such as: make-tasks | synkti submit -');
  }
  return readBounded(0, 'standard input');
}
