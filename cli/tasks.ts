import type { Command } from 'commander';
import { findCluster } from './aws/clusters.js';
import { addClusterOptions, type ClusterFlags } from './aws/flags.js';
import { type Session, withSession } from './aws/session.js';
import { suggestion } from './nearest.js';
import { inParallel } from './parallel.js';
import { onSignals } from './signals.js';
import { remainsOf } from './tasks/clean.js';
import { costOf } from './tasks/cost.js';
import { cancelTask, readSpec } from './tasks/end.js';
import { EXAMPLES } from './tasks/examples.js';
import { follow } from './tasks/follow.js';
import { freshRuns, pick } from './tasks/ids.js';
import { jsonLines } from './tasks/json-lines.js';
import { inOrder, listJson, listText, readStates } from './tasks/list.js';
import { writeLog } from './tasks/logs.js';
import { putTasks } from './tasks/put.js';
import { type QueueReader, queueReader, type Snapshot } from './tasks/reader.js';
import { nextRun } from './tasks/retry.js';
import { tasksOf } from './tasks/room.js';
import { showJson, showText } from './tasks/show.js';
import { type QueueStore, queueStore } from './tasks/store.js';
import { count, several, showBytes } from './tasks/words.js';
import { UserError } from './user-error.js';
import { readDuration, readWhole } from './values.js';

interface Place {
  readonly session: Session;
  readonly cluster: string;
  readonly store: QueueStore;
  readonly reader: QueueReader;
}

/** `synkti tasks`: what became of the tasks of a cluster. */
export function register(program: Command): void {
  const tasks = program
    .command('tasks')
    .summary('list, show, follow, cancel and retry tasks')
    .description("Lists a cluster's tasks; its subcommands show, follow, cancel and retry them.")
    .option('--state <states>', 'only those: waiting, running, done, failed, cancelled; several with commas')
    .option('--all', 'all of them, not only the first 50');
  addClusterOptions(tasks)
    .usage('[options] [command]')
    .argument('[words...]')
    .addHelpText('after', EXAMPLES.tasks)
    .action(act(list));
  addClusterOptions(
    tasks
      .command('list')
      .description('lists them, as tasks alone does')
      .option('--state <states>', 'only those')
      .option('--all', 'all of them'),
  ).action(act(list));
  addClusterOptions(
    tasks.command('show').description('all that is known of a task, its cost and its last lines').argument('<id>'),
  ).action(act(show));
  addClusterOptions(
    tasks
      .command('follow')
      .description('watches tasks until all have ended')
      .argument('[id...]', 'tasks (default: all that are open now)')
      .option('--interval <time>', 'time between two looks', '5s'),
  ).action(act(followTasks));
  addClusterOptions(
    tasks.command('cancel').description('ends tasks; a running one is stopped').argument('<id...>'),
  ).action(act(cancel));
  addClusterOptions(
    tasks
      .command('retry')
      .description('runs ended tasks again, from their last checkpoints')
      .argument('<id...>')
      .option('--from-start', 'from nothing'),
  ).action(act(retry));
  addClusterOptions(
    tasks
      .command('logs')
      .description('what a task wrote')
      .argument('<id>')
      .option('--fence <number>', 'of that execution, as show tells them (default: the last)'),
  ).action(act(logs));
  addClusterOptions(
    tasks
      .command('clean')
      .description('removes checkpoints that failed and cancelled tasks left behind')
      .option('--older-than <time>', 'of tasks that ended so long ago', '30d')
      .option('--dry-run', 'only says what would go'),
  ).action(act(clean));
  for (const command of tasks.commands) {
    const name = command.name() as keyof typeof EXAMPLES;
    command.exitOverride().helpOption('--help', 'shows this help').addHelpText('after', EXAMPLES[name]);
  }
}

interface Flags extends ClusterFlags {
  readonly state?: string;
  readonly all?: boolean;
  readonly interval?: string;
  readonly fromStart?: boolean;
  readonly fence?: string;
  readonly olderThan?: string;
  readonly dryRun?: boolean;
}

/** Options that stand before the subcommand count, too: `synkti tasks --cluster x show y`. */
const act =
  (work: (place: Place, ids: readonly string[], flags: Flags) => Promise<number>) =>
  async (...parsed: unknown[]): Promise<void> => {
    const command = parsed.at(-1) as Command;
    const flags = command.optsWithGlobals() as Flags;
    checkFlags(flags);
    if (command.name() === 'tasks') refuseWords(command);
    process.exitCode = await withSession(flags, async (session) => {
      const { name, spec } = await findCluster(session, flags);
      const { leaseMs } = tasksOf(spec);
      const store = queueStore(await session.client('s3'), spec.bucket);
      return await work({ session, cluster: name, store, reader: queueReader(store, leaseMs) }, command.args, flags);
    });
  };

/** A listing takes no words: a mistyped subcommand, or a task's id without one. @throws UserError */
function refuseWords(command: Command): void {
  const [word] = command.args;
  if (word === undefined) return;
  const names = command.commands.map((one) => one.name());
  const hint = suggestion(word, names) || ` To see a task: synkti tasks show ${word.slice(0, 70)}`;
  throw new UserError(`tasks has no subcommand "${word.slice(0, 70)}".${hint}`);
}

/** Before anything is asked of AWS. @throws UserError */
function checkFlags({ state, interval, fence, olderThan }: Flags): void {
  readStates(state);
  if (interval !== undefined) readDuration(interval, '--interval', 1_000, 3_600_000);
  if (fence !== undefined) readWhole(fence, '--fence', 1, 1_000_000_000);
  if (olderThan !== undefined) readDuration(olderThan, '--older-than', 0, 10 * YEAR_MS);
}

const YEAR_MS = 365 * 86_400_000;

const write = (text: string): void => void process.stdout.write(text);
const writeJson = (value: object): void => write(`${JSON.stringify({ format: 1, ...value }, null, 2)}\n`);

async function look(reader: QueueReader): Promise<Snapshot> {
  const snapshot = await reader.read();
  for (const problem of snapshot.problems) process.stderr.write(`synkti: ${problem}\n`);
  return snapshot;
}

async function list({ session, cluster, reader }: Place, _: readonly string[], flags: Flags): Promise<number> {
  const snapshot = await look(reader);
  const states = readStates(flags.state);
  const shown = inOrder(snapshot.tasks).filter(({ state }) => states === null || states.has(state));
  if (session.json) writeJson({ cluster, nowMs: snapshot.nowMs, tasks: shown.map(listJson) });
  else write(listText(cluster, snapshot, shown, flags.all === true, session.colors));
  return 0;
}

async function show({ session, cluster, store, reader }: Place, ids: readonly string[]): Promise<number> {
  const { tasks, nowMs } = await look(reader);
  const [task] = pick(ids, tasks, cluster);
  if (task === undefined) return 1;
  const spec = task.spec ?? (task.openKey === null ? null : await readSpec(store, task.openKey));
  const cost = await costOf(session, task.lease?.attempts ?? [], nowMs);
  if (session.json) writeJson(showJson(task, spec, cost));
  else write(showText(task, spec, cost, nowMs, session.colors));
  return 0;
}

async function followTasks({ session, cluster, reader }: Place, ids: readonly string[], flags: Flags): Promise<number> {
  const stop = onSignals();
  try {
    const tasks = await follow(reader, {
      cluster,
      ids,
      intervalMs: readDuration(flags.interval ?? '5s', '--interval', 1_000, 3_600_000),
      signal: stop.signal,
      write: session.json ? () => {} : write,
    });
    if (stop.crash() !== null) throw stop.crash();
    if (tasks === null) return 130;
    if (session.json) writeJson({ cluster, tasks: tasks.map(listJson) });
    const bad = tasks.filter(({ state }) => state !== 'done');
    if (bad.length === 0) return 0;
    const names = several(bad.map(({ id, state }) => `${id} (${state})`));
    process.stderr.write(`synkti: ${bad.length} of ${tasks.length} not done: ${names}\n`);
    return 1;
  } finally {
    stop.release();
  }
}

async function cancel({ session, cluster, store, reader }: Place, ids: readonly string[]): Promise<number> {
  const { tasks, nowMs } = await look(reader);
  const ends = await inParallel(pick(ids, tasks, cluster), async (task) => ({
    task,
    end: await cancelTask(store, task, nowMs),
  }));
  let code = 0;
  const results: object[] = [];
  for (const one of ends) {
    const { task, end } = one;
    results.push({ id: task.id, run: task.run, ...end });
    if (end.type !== 'cancelled') code = 1;
    if (session.json) continue;
    switch (end.type) {
      case 'cancelled':
        write(`${task.id} is cancelled${end.wasRunning ? '; its node stops it within a few seconds' : ''}.\n`);
        break;
      case 'ended':
        write(`${task.id} has ended already: ${end.state}.\n`);
        break;
      case 'gone':
        write(`${task.id} has just ended or was taken back; look with: synkti tasks show ${task.id}\n`);
        break;
    }
  }
  if (session.json) writeJson({ cluster, tasks: results });
  return code;
}

async function retry(place: Place, ids: readonly string[], flags: Flags): Promise<number> {
  const { session, cluster, store, reader } = place;
  const { tasks, leftovers } = await look(reader);
  const picked = pick(ids, tasks, cluster);
  for (const task of picked) {
    const newest = tasks.findLast(({ id }) => id === task.id);
    if (newest !== undefined && newest.run > task.run) {
      throw new UserError(`${task.key} isn't the last run of "${task.id}", which is ${newest.run} (${newest.state}).`);
    }
  }
  const options = { fromStart: flags.fromStart === true, nowMs: Date.now() };
  const next = await inParallel(picked, (task) => nextRun(store, task, options));
  const runs = freshRuns(
    next.flatMap((spec) => spec ?? []),
    leftovers,
  );
  const { signal } = new AbortController();
  const end = await putTasks(store, runs, { signal, checkIds: true, now: Date.now });
  if (end.type === 'not-put') {
    if (end.why === 'failed') throw end.error;
    throw new UserError(`Somebody retries ${several(end.duplicates)} at the same moment; look with: synkti tasks`);
  }
  if (session.json) writeJson({ cluster, tasks: runs.map(({ id, run, resume }) => ({ id, run, resume })) });
  else {
    for (const { id, run, resume } of runs) {
      write(
        `${id} is in the queue again as run ${run}, ${resume === null ? 'from nothing' : 'from its last checkpoint'}.\n`,
      );
    }
  }
  return 0;
}

async function logs({ session, cluster, store, reader }: Place, ids: readonly string[], flags: Flags): Promise<number> {
  const { tasks } = await look(reader);
  const [task] = pick(ids, tasks, cluster);
  if (task === undefined) return 1;
  const out = async (chunk: string | Uint8Array): Promise<void> => {
    if (!process.stdout.write(chunk)) await new Promise((resolve) => process.stdout.once('drain', resolve));
  };
  const lines = session.json ? jsonLines({ id: task.id, run: task.run }, out) : null;
  await writeLog(store, task, {
    fence: flags.fence === undefined ? null : readWhole(flags.fence, '--fence', 1, 1_000_000_000),
    terminal: process.stdout.isTTY === true && !session.json,
    write: lines?.take ?? out,
    say: (text) => void process.stderr.write(text),
  });
  await lines?.end();
  return 0;
}

async function clean({ session, cluster, store, reader }: Place, _: readonly string[], flags: Flags): Promise<number> {
  const ageMs = readDuration(flags.olderThan ?? '30d', '--older-than', 0, 10 * YEAR_MS);
  const { tasks, nowMs } = await look(reader);
  const remains = await remainsOf(store, tasks, nowMs - ageMs);
  if (flags.dryRun !== true) await store.remove(remains.keys);
  if (session.json) writeJson({ cluster, removed: flags.dryRun !== true, ids: remains.ids, bytes: remains.bytes });
  else if (remains.keys.length === 0) write('There is nothing to remove.\n');
  else {
    const what = `${showBytes(remains.bytes)} of checkpoints of ${count(remains.ids.length, 'task')}: ${several(remains.ids)}`;
    write(`${flags.dryRun === true ? 'Would remove' : 'Removed'} ${what}.\n`);
  }
  return 0;
}
