import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { parseSubmissions, type SubmissionContext, taskFrom } from '../../../core/tasks/submission.js';
import type { TaskSpec } from '../../../core/tasks/task.js';
import { taskKey } from '../../../core/tasks/task.js';
import { wallMs } from '../../../core/time.js';
import { NODE_MEMORY_MIB } from '../../../local/cloudformation/rehearsal-spec.js';
import { misfit, type Room } from '../../tasks/room.js';
import { messageOf, UserError } from '../../user-error.js';
import { readDuration, readWhole, showDuration } from '../../values.js';
import type { StackSettings } from '../stack/settings.js';
import { chainDigest } from './chain-rule.js';
import type { SubmittedTask } from './facts.js';

/** Flags of a rehearsal of tasks, as they come from the command line. */
export interface TaskFlags {
  readonly tasks: string | undefined;
  readonly taskFile: string | undefined;
  readonly taskLength: string | undefined;
  readonly checkpointEvery: string | undefined;
  readonly taskState: string | undefined;
  readonly tasksPerNode: string | undefined;
  readonly taskLimit: string | undefined;
}

export const NO_TASKS: TaskFlags = {
  tasks: undefined,
  taskFile: undefined,
  taskLength: undefined,
  checkpointEvery: undefined,
  taskState: undefined,
  tasksPerNode: undefined,
  taskLimit: undefined,
};

/** A rehearsal of tasks, checked. */
export interface TaskSettings {
  /** Tasks in all. */
  readonly count: number;
  /** Of each task that the rehearsal brings; of the user's own a guess where they don't say. */
  readonly lengthMs: number;
  readonly perNode: number;
  readonly memoryMiB: number;
  readonly leaseMs: number;
  /** How long the tasks may take; null: three times what they should take, and a while. */
  readonly limitMs: number | null;
  /** Makes the tasks: the rehearsal's own, with the folder in which they bear witness, or those of the user's file. */
  readonly make: (witness: string) => MadeTasks;
}

export interface MadeTasks {
  readonly specs: readonly TaskSpec[];
  readonly facts: readonly SubmittedTask[];
}

export const TASK_FLAG_DEFAULTS = {
  tasks: '200',
  taskLength: '10s',
  checkpointEvery: '1s',
  taskState: '16KiB',
  tasksPerNode: '5',
};

const MAX_TASKS = 5_000;
const MAX_FILE_BYTES = 64 * 1024 * 1024;
const STEP_MS = 100;
/** A third of it is between two renewals. */
const LEASE_MS = 6_000;
const OWN_TASK_MIB = 256;
/** Of the rehearsal's tasks once they are told to end. */
const STOP_GRACE = '1s';

const OPTION: Readonly<Record<keyof TaskFlags, string>> = {
  tasks: '--tasks',
  taskFile: '--task-file',
  taskLength: '--task-length',
  checkpointEvery: '--checkpoint-every',
  taskState: '--task-state',
  tasksPerNode: '--tasks-per-node',
  taskLimit: '--task-limit',
};

/**
 * Null: no tasks are asked for.
 *
 * @param program the rehearsal's own task
 * @param stack the user's own; null: there is none
 * @throws UserError
 */
export function readTasks(
  flags: TaskFlags,
  seed: string,
  program: string,
  stack: Pick<StackSettings, 'queue' | 'serves' | 'cluster'> | null = null,
): TaskSettings | null {
  const { tasks, taskFile } = flags;
  if (tasks === undefined && taskFile === undefined) {
    const lonely = (Object.keys(OPTION) as (keyof TaskFlags)[]).find((name) => flags[name] !== undefined);
    if (lonely === undefined) {
      if (stack !== null && !stack.serves) {
        throw new UserError(
          `The cluster ${stack.cluster.cluster} has no workload with a port, but a queue of tasks: give --tasks 200 or --task-file FILE, so that there is something to be done.`,
        );
      }
      return null;
    }
    throw new UserError(`${OPTION[lonely]} is about tasks; give --tasks 200 or --task-file FILE with it.`);
  }
  if (tasks !== undefined && taskFile !== undefined) {
    throw new UserError('--tasks brings tasks of its own, and --task-file yours; give one of them.');
  }
  const limitMs =
    flags.taskLimit === undefined ? null : readDuration(flags.taskLimit, OPTION.taskLimit, 1_000, 24 * 3_600_000);
  const queue = stack === null ? queueOf(flags) : queueOfStack(flags, stack);
  const brought = taskFile === undefined ? ownTasks(flags, seed, program) : tasksOfFile(taskFile, flags, queue.room);
  return { ...brought, ...queue, limitMs };
}

interface Queue extends Pick<TaskSettings, 'perNode' | 'memoryMiB' | 'leaseMs'> {
  readonly room: Room;
}

function queueOf(flags: TaskFlags): Queue {
  const perNode = readWhole(flags.tasksPerNode ?? TASK_FLAG_DEFAULTS.tasksPerNode, OPTION.tasksPerNode, 1, 64);
  const memoryMiB = flags.taskFile === undefined ? perNode * OWN_TASK_MIB : NODE_MEMORY_MIB;
  const room: Room = { memoryMiB, gpuMemoryMiB: 0, gpus: null, source: 'an m7g.large' };
  return { perNode, memoryMiB, leaseMs: LEASE_MS, room };
}

function queueOfStack(flags: TaskFlags, { queue, cluster }: Pick<StackSettings, 'queue' | 'cluster'>): Queue {
  if (queue === null) {
    throw new UserError(`The cluster ${cluster.cluster} runs no tasks: add Workload.tasks() to it.`);
  }
  if (flags.tasksPerNode !== undefined) {
    throw new UserError(`${OPTION.tasksPerNode} can't be given with a stack: it stands in its template.`);
  }
  const memoryMiB = queue.memoryMiB ?? NODE_MEMORY_MIB;
  const room: Room = { memoryMiB, gpuMemoryMiB: queue.gpuMemoryMiB, gpus: null, source: 'Workload.tasks' };
  // As the times of a stack's policy are, a tenth of the template's.
  return { perNode: queue.maxTasks, memoryMiB, leaseMs: Math.max(LEASE_MS, queue.leaseMs / 10), room };
}

type Brought = Pick<TaskSettings, 'count' | 'lengthMs' | 'make'>;

function ownTasks(flags: TaskFlags, seed: string, program: string): Brought {
  const count = readWhole(flags.tasks ?? TASK_FLAG_DEFAULTS.tasks, OPTION.tasks, 1, MAX_TASKS);
  const lengthMs = readDuration(flags.taskLength ?? TASK_FLAG_DEFAULTS.taskLength, OPTION.taskLength, 1_000, 3_600_000);
  const every = flags.checkpointEvery ?? TASK_FLAG_DEFAULTS.checkpointEvery;
  const intervalMs = readDuration(every, OPTION.checkpointEvery, 1_000, 3_600_000);
  const stateKiB = readState(flags.taskState ?? TASK_FLAG_DEFAULTS.taskState);
  const steps = Math.ceil(lengthMs / STEP_MS);
  const digits = String(count).length;
  const make = (witness: string): MadeTasks => {
    const ctx = contextAt(Date.now());
    const specs: TaskSpec[] = [];
    const facts: SubmittedTask[] = [];
    for (let n = 1; n <= count; n++) {
      const id = `chain-${String(n).padStart(digits, '0')}`;
      const taskSeed = `${seed}-${n}`;
      const line = {
        id,
        command: [process.execPath, program, taskSeed, String(steps), ...[STEP_MS, stateKiB, intervalMs].map(String)],
        memory: OWN_TASK_MIB,
        expected: showDuration(lengthMs),
        checkpoint: { folder: 'state', interval: showDuration(intervalMs) },
        stopGrace: STOP_GRACE,
        env: { REHEARSAL_WITNESS: witness },
      };
      const parsed = taskFrom(line, 'the task of the rehearsal', ctx);
      if (!parsed.ok) throw new Error(parsed.problem);
      specs.push(parsed.value);
      const result = chainDigest(taskSeed, steps);
      facts.push({ key: taskKey(parsed.value), lengthMs: steps * STEP_MS, steps, result, intervalMs });
    }
    return { specs, facts };
  };
  return { count, lengthMs, make };
}

/** What a task of the user's own is taken to need where it doesn't say. */
const GUESSED_MS = 10_000;

function tasksOfFile(path: string, flags: TaskFlags, room: Room): Brought {
  const ours = (['taskLength', 'checkpointEvery', 'taskState'] as const).find((name) => flags[name] !== undefined);
  if (ours !== undefined) {
    throw new UserError(`${OPTION[ours]} is about the tasks of --tasks; what those of --task-file are stands in it.`);
  }
  const text = readText(path);
  const read = (): readonly TaskSpec[] => {
    const parsed = parseSubmissions(text, basename(path), contextAt(Date.now()));
    if (!parsed.ok) throw new UserError(parsed.problem);
    return parsed.value;
  };
  const specs = read();
  if (specs.length > MAX_TASKS) {
    throw new UserError(`${basename(path)} has ${specs.length} tasks; a rehearsal takes ${MAX_TASKS} at most.`);
  }
  for (const spec of specs) {
    const why = misfit(spec, room, 'the rehearsal');
    if (why !== null) throw new UserError(`${basename(path)}: the task ${spec.id} ${why}`);
  }
  const times = specs.map(({ expectedMs }) => expectedMs ?? GUESSED_MS);
  const lengthMs = Math.round(times.reduce((sum, ms) => sum + ms, 0) / times.length);
  // Read again at the submission: deadlines count from then.
  const make = (): MadeTasks => {
    const made = read();
    const facts = made.map((spec) => ({
      key: taskKey(spec),
      lengthMs: spec.expectedMs,
      steps: null,
      result: null,
      intervalMs: spec.checkpoint?.intervalMs ?? null,
    }));
    return { specs: made, facts };
  };
  return { count: specs.length, lengthMs, make };
}

function readText(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > MAX_FILE_BYTES) throw new UserError(`--task-file ${path} has ${size} bytes; 64 MiB are allowed.`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : messageOf(error);
    throw new UserError(`--task-file ${path} can't be read: ${why}.`);
  }
}

function readState(text: string): number {
  const found = /^(\d{1,5})(KiB|MiB)$/.exec(text);
  const kib = Number(found?.[1] ?? Number.NaN) * (found?.[2] === 'MiB' ? 1_024 : 1);
  if (kib >= 1 && kib <= 64 * 1_024) return kib;
  throw new UserError(`${OPTION.taskState} must be from 1KiB to 64MiB, such as 256KiB, not "${text}".`);
}

function contextAt(nowMs: number): SubmissionContext {
  let n = 0;
  return { wallMs: wallMs(nowMs), newId: () => `task-${++n}` };
}
