import type { Command } from 'commander';
import { addClusterArgument, addClusterOptions, type ClusterFlags, colorsOf, withCluster } from './aws/flags.js';
import { onSignals } from './signals.js';
import { UserError } from './user-error.js';
import { readDuration } from './values.js';

const EXAMPLES = `
Examples:
  synkti status                                  the region's only cluster
  synkti status --cluster web --watch            looks again every 5 s, until Ctrl-C
  synkti status --cluster web --json | jq '.concerns[].text'
  synkti status --endpoint http://127.0.0.1:4566 a rehearsal that runs: synkti rehearse --keep

Exit code: 0 when it could look, whatever it saw; synkti doctor judges.`;

interface StatusFlags extends ClusterFlags {
  readonly watch?: boolean;
  readonly interval: string;
  readonly all?: boolean;
}

/** `synkti status`: nodes, seats, pools, prices, health, and what is amiss. */
export function register(program: Command): void {
  const command = program
    .command('status')
    .summary('nodes, seats, pools, prices, health, and what is at risk')
    .description(
      'Shows a cluster as it is now: its seats and who holds them, pools and spot prices, the health of its workloads, what is at risk, what waits and for what. It only reads.',
    )
    .option('--watch', 'looks again and again, until Ctrl-C')
    .option('--interval <time>', 'time between two looks', '5s')
    .option('--all', 'every node and pool, however many');
  addClusterOptions(addClusterArgument(command))
    .addHelpText('after', EXAMPLES)
    .action((cluster: string | undefined, flags: StatusFlags) => run(withCluster(cluster, flags)));
}

async function run(flags: StatusFlags): Promise<void> {
  const intervalMs = readDuration(flags.interval, '--interval', 2_000, 3_600_000);
  if (flags.watch !== true) {
    const { withSession } = await import('./aws/session.js');
    process.stdout.write(await withSession(flags, async (session) => (await look(session, flags)).text));
    return;
  }
  await watch(flags, intervalMs);
}

async function look(session: import('./aws/session.js').Session, flags: StatusFlags) {
  // SDK clients take a moment to load: not for a help text or a mistake.
  const [{ findCluster }, { readAnswers }, { viewOf }] = await Promise.all([
    import('./aws/clusters.js'),
    import('./ops/read.js'),
    import('./ops/view.js'),
  ]);
  const { spec } = await findCluster(session, flags);
  const view = viewOf(spec, session.region, await readAnswers(session, spec));
  if (session.json) {
    const { statusJson } = await import('./ops/status-json.js');
    return { text: `${JSON.stringify(statusJson(view), null, flags.watch === true ? undefined : 2)}\n` };
  }
  const [{ statusText }, { terminalWidth }] = await Promise.all([
    import('./ops/status-text.js'),
    import('./ops/table.js'),
  ]);
  const { endpoint, colors } = session;
  return { text: statusText(view, { width: terminalWidth(), colors, all: flags.all === true, endpoint }) };
}

/** One look after another; a look that fails is told, and the next one is made all the same. */
async function watch(flags: StatusFlags, intervalMs: number): Promise<void> {
  const [{ openSession }, { liveScreen }] = await Promise.all([import('./aws/session.js'), import('./ops/live.js')]);
  const stopper = onSignals();
  const session = await openSession(flags);
  const live = process.stdout.isTTY && !session.json ? liveScreen(process.stdout) : null;
  let first = true;
  try {
    while (!stopper.signal.aborted) {
      let text: string;
      try {
        text = (await look(session, flags)).text;
      } catch (error) {
        const told = session.explain(error);
        // At the first look it is a mistake; later it may pass.
        if (first || told instanceof UserError) throw told;
        text = colorsOf(flags).yellow(`${told.message} The next look is in ${intervalMs / 1_000} s.\n`);
      }
      first = false;
      if (live === null) process.stdout.write(session.json ? text : `${text}\n`);
      else live.draw(text);
      await pause(intervalMs, stopper.signal);
    }
    live?.end();
    if (stopper.crash() !== null) throw stopper.crash();
    process.exitCode = 130;
  } finally {
    live?.end();
    session.close();
    stopper.release();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
  });
}
