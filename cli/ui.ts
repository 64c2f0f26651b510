import type { Command } from 'commander';
import { addClusterArgument, addClusterOptions, type ClusterFlags, withCluster } from './aws/flags.js';
import { onSignals } from './signals.js';
import { readDuration, readWhole } from './values.js';

const EXAMPLES = `
Examples:
  synkti ui                                      the region's only cluster
  synkti ui web --profile prod --region eu-central-1
  synkti ui web --port 8080 --every 30s          the same address each time, but for its token
  synkti ui --endpoint http://127.0.0.1:4566     a rehearsal that runs: synkti rehearse --keep

It prints an address of 127.0.0.1 with a token; only who has both sees anything. The
page acts on nothing: on a node it shows the commands to copy.

AWS is asked while a page is open, and only then. A look takes a call each for the
spec, for 1,000 nodes and for every target group; prices are read every 5 minutes,
incident reports every minute and after a loss. With one target group that is about
20 calls a minute at --every 10s, and 25 while nodes go. Where the cluster runs tasks,
they are counted every 30 s: by a call for 1,000 that are open, held or journals of
ended ones, at most 5 of each, and one for each new journal, at most 100. Where that
isn't all, numbers have a + behind them. Where AWS asks for fewer calls, it looks half
as often, down to once in 5 minutes.

Requests, failed ones and p99 are CloudWatch's figures of application load balancers, by
minute, of the last hour, and some minutes late; without such a balancer it isn't asked.
It is asked once a minute for 3 metrics of each target group and 1 of each balancer, at
$0.01 per 1,000 metrics: with one of each 240 an hour, $0.0024. Of the other calls AWS
bills only those to S3.

Exit code: 0 after Ctrl-C; 2 when the first look isn't possible.`;

interface UiFlags extends ClusterFlags {
  readonly port?: string;
  readonly every: string;
}

/** `synkti ui`: the live page of a cluster in AWS. */
export function register(program: Command): void {
  const command = program
    .command('ui')
    .summary('the same as a live page in the browser')
    .description(
      'Shows a cluster as it lives, as a page on this machine: nodes in their zones and pools, what their gossip hears, workloads, traffic, tasks, what is amiss, and each incident as it unfolds, with its ledger once the node has written it. With your credentials; it only reads.',
    )
    .option('--every <time>', 'time between two looks, while a page is open', '10s')
    .option('--port <number>', 'port of 127.0.0.1 (default: any free one)');
  addClusterOptions(addClusterArgument(command))
    .addHelpText('after', EXAMPLES)
    .action((cluster: string | undefined, flags: UiFlags) => run(withCluster(cluster, flags)));
}

async function run(flags: UiFlags): Promise<void> {
  const everyMs = readDuration(flags.every, '--every', 2_000, 3_600_000);
  const port = flags.port === undefined ? undefined : readWhole(flags.port, '--port', 1, 65_535);
  const { openClusterPage } = await import('./ops/ui/page.js');
  const stopper = onSignals();
  try {
    await openClusterPage({ flags, everyMs, port, signal: stopper.signal });
    if (stopper.crash() !== null) throw stopper.crash();
    process.exitCode = 0;
  } finally {
    stopper.release();
  }
}
