import type { Command } from 'commander';
import { addClusterArgument, addClusterOptions, type ClusterFlags, withCluster } from './aws/flags.js';
import { poolsIn, ratePerHour } from './ops/forecast/asked.js';
import { addPriceOptions, onDemandPricesIn, type PriceFlags } from './ops/price-flags.js';
import { UserError } from './user-error.js';
import { readDuration, readWhole } from './values.js';

const EXAMPLES = `
Examples:
  synkti forecast                              the region's only cluster, 30 days
  synkti forecast --nodes 12 --days 7          what if it had twelve
  synkti forecast --interruptions 5%           by the Spot Instance Advisor's figure
  synkti forecast --nodes 4 --pools m7g.large/eu-central-1a,m7g.large/eu-central-1b
                                               before there is a cluster

Spot prices are EC2's own history, on-demand prices AWS's price list (the right
pricing:GetProducts) unless given. A rehearsal has no price list: give them.
Exit code: 0 when it could be told, 1 when AWS failed, 2 when the command line is wrong.`;

interface Flags extends ClusterFlags, PriceFlags {
  readonly days: string;
  readonly history: string;
  readonly nodes?: string;
  readonly pools?: string;
  readonly interruptions: string;
  readonly boot: string;
  readonly runs: string;
  readonly seed: string;
}

/** `synkti forecast`: what the next days would cost, by policy, on the prices of the past. */
export function register(program: Command): void {
  const command = program
    .command('forecast')
    .summary('what the next days would cost, by policy')
    .description(
      "Simulates a cluster of this size in these pools on EC2's spot price history, under several policies, and tells the cost of each with its interval. Interruptions aren't in that history: their rate is assumed. It only reads.",
    )
    .option('--days <number>', 'how long', '30')
    .option('--nodes <number>', "nodes (default: the cluster's)")
    .option('--pools <list>', "type/zone, separated by commas (default: the cluster's)")
    .option(
      '--interruptions <rate>',
      'share of nodes in a month, such as 5%, or a node and hour, such as 0.01/h',
      '20%',
    )
    .option('--boot <time>', 'from a launch to a node that serves', '2m')
    .option('--history <number>', 'days of prices; EC2 keeps 90', '90')
    .option('--runs <number>', 'runs, each from another moment of the history', '10')
    .option('--seed <number>', 'the same seed and prices, the same forecast', '1');
  addClusterOptions(addClusterArgument(addPriceOptions(command)))
    .addHelpText('after', EXAMPLES)
    .action((cluster: string | undefined, flags: Flags) => run(withCluster(cluster, flags)));
}

async function run(flags: Flags): Promise<void> {
  const asked = {
    days: readWhole(flags.days, '--days', 1, 365),
    historyDays: readWhole(flags.history, '--history', 1, 90),
    runs: readWhole(flags.runs, '--runs', 2, 1_000),
    seed: readWhole(flags.seed, '--seed', 0, Number.MAX_SAFE_INTEGER),
    interruptionsPerHour: ratePerHour(flags.interruptions),
    bootMs: readDuration(flags.boot, '--boot', 1_000, 3_600_000),
    onDemand: await onDemandPricesIn(flags),
  };
  const nodes = flags.nodes === undefined ? null : readWhole(flags.nodes, '--nodes', 1, 1_000);
  const pools = flags.pools === undefined ? null : poolsIn(flags.pools);
  const [{ withSession }, { findCluster }, { readForecast }, { forecastText }, { terminalWidth }, { progressBar }] =
    await Promise.all([
      import('./aws/session.js'),
      import('./aws/clusters.js'),
      import('./ops/forecast/read.js'),
      import('./ops/forecast/text.js'),
      import('./ops/table.js'),
      import('./simulate/progress.js'),
    ]);
  await withSession(flags, async (session) => {
    // Size and pools both given: there need be no cluster.
    const free = nodes !== null && pools !== null && flags.cluster === undefined;
    const found = free ? null : (await findCluster(session, flags)).spec;
    const size = nodes ?? found?.desired ?? 0;
    if (size === 0) throw new UserError(`Cluster "${found?.cluster}" wants no nodes; give --nodes.`);
    const where = pools ?? found?.launch.pools ?? [];
    const onDemandBase = Math.min(size, found?.launch.onDemandBase ?? 0);
    const bar = progressBar('simulating');
    const made = await readForecast(session, { ...asked, nodes: size, onDemandBase, pools: where }, bar.update).finally(
      bar.end,
    );
    const json = { format: 1, cluster: found?.cluster ?? null, region: session.region, ...made };
    const title = found?.cluster ?? session.region;
    process.stdout.write(
      session.json ? `${JSON.stringify(json, null, 2)}\n` : forecastText(made, title, terminalWidth(), session.colors),
    );
  });
}
