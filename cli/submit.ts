import type { Command } from 'commander';
import type { TaskSpec } from '../core/tasks/task.js';
import { findCluster } from './aws/clusters.js';
import { AwsFailure } from './aws/explain.js';
import { addClusterOptions, type ClusterFlags } from './aws/flags.js';
import { type Session, withSession } from './aws/session.js';
import { onSignals } from './signals.js';
import { freshRuns, refuseTaken } from './tasks/ids.js';
import { type PutEnd, putTasks } from './tasks/put.js';
import { queueReader } from './tasks/reader.js';
import { misfit, roomOf, tasksOf } from './tasks/room.js';
import { queueStore } from './tasks/store.js';
import { readSubmission, type Submission, type TaskFlags } from './tasks/submission.js';
import { count, several } from './tasks/words.js';
import { UserError } from './user-error.js';

const EXAMPLES = `
A line of a file is a task:
  {"id": "train-7", "command": ["python", "train.py"], "memory": "4GiB", "expected": "2h", "checkpoint": "ckpt"}
  {"image": "trainer:3", "args": ["--seed", "7"], "gpus": 1, "gpuMemory": "16GiB", "priority": 7}

Examples:
  synkti submit tasks.jsonl --cluster training
  make-tasks | synkti submit - --cluster training
  synkti submit --cluster training --memory 4GiB --checkpoint ckpt --expected 2h -- python train.py

All tasks are checked first; when one can't be, or when not all can be submitted, none is.
Exit code: 0 when all are in the queue, 1 when AWS failed, 2 when a task or the command line is wrong.`;

const collect = (value: string, before: unknown): readonly string[] => [
  ...(Array.isArray(before) ? (before as string[]) : []),
  value,
];

/** `synkti submit`: puts tasks into a cluster's queue. */
export function register(program: Command): void {
  const command = program
    .command('submit')
    .summary('submit batch tasks to a cluster')
    .description("Puts tasks into a cluster's queue: from a file of JSON lines, or one command after --.")
    .usage('[options] <file> | - | -- <command...>')
    .argument('[file]', 'JSON lines, one task each; - is standard input')
    .argument('[command...]', 'after --: program and arguments; no shell sees them')
    .optionsGroup('Of a command after --:')
    .option('--id <id>', 'lower case letters, digits and hyphens (default: made up)')
    .option('--image <image>', 'a container; what stands after -- are its arguments')
    .option('--gpus <number>', 'GPUs of the container (default: 0)')
    .option('--memory <size>', 'memory that it takes on a node, such as 4GiB (default: 512MiB)')
    .option('--gpu-memory <size>', 'GPU memory that it takes on a node (default: none)')
    .option('--expected <time>', 'computing time that you expect, such as 2h')
    .option('--deadline <time>', 'when it should be done: 12h from now, or 2026-11-24T10:00Z; needs --expected')
    .option('--checkpoint <folder>', 'folder in its working folder that is saved')
    .option('--checkpoint-interval <time>', 'longest time between two checkpoints, or none (default: 10m)')
    .option('--notify <how>', 'how it hears of an interruption: signal, none, or a URL of its own (default: signal)')
    .option('--retries <number>', 'further runs after it ended badly by itself (default: 2)')
    .option('--priority <number>', '0 to 9, 9 first (default: 5)')
    .option('--data <place>', 's3://bucket/prefix that a node fetches before and keeps; repeatable', collect)
    .option('--env <name=value>', 'a variable; repeatable', collect)
    .option('--stop-grace <time>', 'from SIGTERM to SIGKILL at most (default: 30s)')
    .optionsGroup('Cluster:');
  addClusterOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (_file: unknown, _rest: unknown, flags: ClusterFlags & TaskFlags, ran: Command) => {
      process.exitCode = await submit(ran.args, process.argv, flags);
    });
}

/** The parser drops the `--`, and with it what was meant: a file's name or a command. */
export function splitOperands(
  operands: readonly string[],
  argv: readonly string[],
): { readonly words: readonly string[]; readonly command: readonly string[] | null } {
  const cut = argv.indexOf('--');
  if (cut < 0) return { words: operands, command: null };
  const after = argv.length - cut - 1;
  return { words: operands.slice(0, operands.length - after), command: argv.slice(cut + 1) };
}

/** @returns the exit code. @throws UserError, AwsFailure */
async function submit(
  operands: readonly string[],
  argv: readonly string[],
  flags: ClusterFlags & TaskFlags,
): Promise<number> {
  const { words, command } = splitOperands(operands, argv);
  const submission = readSubmission(words, command, flags);
  return await withSession(flags, (session) => send(session, submission, flags));
}

async function send(session: Session, submission: Submission, flags: ClusterFlags): Promise<number> {
  const { name, spec } = await findCluster(session, flags);
  const { givenIds } = submission;
  let { tasks } = submission;
  const { leaseMs } = tasksOf(spec);
  const room = await roomOf(session, spec);
  tasks.forEach((task, index) => {
    const problem = misfit(task, room, name);
    if (problem !== null) throw new UserError(`${submission.placeOf(index)}: ${task.id} ${problem}`);
  });
  const store = queueStore(await session.client('s3'), spec.bucket);
  if (givenIds) {
    const known = await queueReader(store, leaseMs).read();
    refuseTaken(tasks, known.tasks, name);
    tasks = freshRuns(tasks, known.leftovers);
  }

  const stop = onSignals({
    first: 'Stopping: what is in the queue already is taken back. Once more, and it stays there.',
    second: `Stopped at once: some of the ${count(tasks.length, 'task')} may be in the queue. See them with: synkti tasks --cluster ${name}`,
  });
  const live = process.stderr.isTTY === true && tasks.length > 100;
  try {
    const end = await putTasks(store, tasks, {
      signal: stop.signal,
      checkIds: givenIds,
      now: Date.now,
      ...(live ? { onPut: (done) => process.stderr.write(`\r${done} of ${tasks.length} tasks`) } : {}),
    });
    if (live) process.stderr.write('\r\x1b[K');
    if (stop.crash() !== null) throw stop.crash();
    if (end.type === 'not-put') return notPut(session, end, tasks.length, name);
  } finally {
    stop.release();
  }
  process.stdout.write(session.json ? jsonOf(name, tasks) : textOf(name, tasks, flags));
  return 0;
}

function jsonOf(cluster: string, tasks: readonly TaskSpec[]): string {
  return `${JSON.stringify({ format: 1, cluster, tasks: tasks.map(({ id, run }) => ({ id, run })) }, null, 2)}\n`;
}

function textOf(cluster: string, tasks: readonly TaskSpec[], flags: ClusterFlags): string {
  const ids = tasks.map(({ id }) => id);
  const same = [
    `--cluster ${cluster}`,
    ...(flags.endpoint === undefined ? [] : [`--endpoint ${flags.endpoint}`]),
    ...(flags.profile === undefined ? [] : [`--profile ${flags.profile}`]),
    ...(flags.region === undefined ? [] : [`--region ${flags.region}`]),
  ].join(' ');
  const follow = ids.length <= 3 ? ` ${ids.join(' ')}` : '';
  return [
    `${count(ids.length, 'task')} in the queue of cluster ${cluster}: ${several(ids)}.`,
    '',
    `  synkti tasks ${same}`,
    `  synkti tasks follow${follow} ${same}`,
    '',
  ].join('\n');
}

/** What stands after a submission that didn't come about. @returns the exit code of Ctrl-C */
function notPut(session: Session, end: Exclude<PutEnd, { type: 'put' }>, all: number, cluster: string): number {
  const { takenBack, standing, unsure } = end;
  const none = standing.length + unsure.length === 0;
  const stands = [
    takenBack === 0
      ? ''
      : ` ${count(takenBack, 'task')} that ${takenBack === 1 ? 'was' : 'were'} in the queue already ${takenBack === 1 ? 'was' : 'were'} taken back.`,
    standing.length === 0
      ? ''
      : ` A node has begun ${several(standing)}, so ${standing.length === 1 ? 'it stands' : 'they stand'}.`,
    unsure.length === 0
      ? ''
      : ` Whether ${several(unsure)} stand${unsure.length === 1 ? 's' : ''} isn't known; look with: synkti tasks --cluster ${cluster}`,
  ].join('');
  const what = none ? 'nothing is submitted.' : `not all of the ${count(all, 'task')} are submitted.`;
  switch (end.why) {
    case 'stopped':
      process.stderr.write(`synkti: Stopped; ${what}${stands}\n`);
      return 130;
    case 'duplicate':
      throw new UserError(
        `Somebody submitted the same ids at the same moment (${several(end.duplicates)}): ${what}${stands} Give other ids.`,
      );
    case 'failed': {
      const reason = session.explain(end.error);
      const text = `${reason.message} So ${what}${stands}`;
      if (reason instanceof UserError) throw new UserError(text, { cause: end.error });
      throw new AwsFailure(text, { cause: end.error });
    }
  }
}
