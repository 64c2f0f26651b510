import type { Command } from 'commander';
import { addClusterArgument, addClusterOptions, type ClusterFlags, withCluster } from './aws/flags.js';
import { addPriceOptions, onDemandPricesIn, type PriceFlags } from './ops/price-flags.js';
import { readWhole } from './values.js';

const EXAMPLES = `
Examples:
  synkti savings                             the last 30 days of the region's only cluster
  synkti savings --days 7 --json | jq .total.savedUsd
  synkti savings --on-demand-price m7g.large=0.0816 --on-demand-price m6g.large=0.077

Spot prices are EC2's own history, on-demand prices AWS's price list (the right
pricing:GetProducts) unless given. A rehearsal has no price list: give them.
Exit code: 0 when it could be told, 1 when AWS failed, 2 when the command line is wrong.`;

interface Flags extends ClusterFlags, PriceFlags {
  readonly days: string;
}

const DAY_MS = 86_400_000;

/** `synkti savings`: what a cluster paid, and what on-demand would have cost. */
export function register(program: Command): void {
  const command = program
    .command('savings')
    .summary('what was paid, and what on-demand would have cost')
    .description(
      "Tells what a cluster's nodes cost and what the same would have cost on-demand, by day and by pool, with overlap and work done again taken off: from its launch records and incident reports, EC2's spot price history and AWS's price list. It only reads.",
    )
    .option('--days <number>', 'as far back, today included; EC2 keeps 90 days of prices', '30');
  addClusterOptions(addClusterArgument(addPriceOptions(command)))
    .addHelpText('after', EXAMPLES)
    .action((cluster: string | undefined, flags: Flags) => run(withCluster(cluster, flags)));
}

async function run(flags: Flags): Promise<void> {
  const days = readWhole(flags.days, '--days', 1, 90);
  const onDemand = await onDemandPricesIn(flags);
  const [{ withSession }, { findCluster }, { readSavings }, { savingsText }, { terminalWidth }] = await Promise.all([
    import('./aws/session.js'),
    import('./aws/clusters.js'),
    import('./ops/savings/read.js'),
    import('./ops/savings/text.js'),
    import('./ops/table.js'),
  ]);
  await withSession(flags, async (session) => {
    const { spec } = await findCluster(session, flags);
    const fromMs = (Math.floor(Date.now() / DAY_MS) - days + 1) * DAY_MS;
    const saved = await readSavings(session, spec, { fromMs, onDemand });
    const options = { width: terminalWidth(), colors: session.colors, region: session.region };
    const json = { format: 1, cluster: spec.cluster, region: session.region, ...saved };
    process.stdout.write(
      session.json ? `${JSON.stringify(json, null, 2)}\n` : savingsText(saved, spec.cluster, options),
    );
  });
}
