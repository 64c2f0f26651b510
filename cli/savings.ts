import type { Command } from 'commander';
import { addClusterOptions, type ClusterFlags } from './aws/flags.js';
import { UserError } from './user-error.js';
import { readWhole } from './values.js';

const EXAMPLES = `
Examples:
  synkti savings                             the last 30 days of the region's only cluster
  synkti savings --days 7 --json | jq .total.savedUsd
  synkti savings --on-demand-price m7g.large=0.0816 --on-demand-price m6g.large=0.077

Spot prices are EC2's own history, on-demand prices AWS's price list (the right
pricing:GetProducts) unless given. A rehearsal has no price list: give them.`;

interface Flags extends ClusterFlags {
  readonly days: string;
  readonly onDemandPrice?: readonly string[];
  readonly onDemandPrices?: string;
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
    .option('--days <number>', 'as far back, today included; EC2 keeps 90 days of prices', '30')
    .option('--on-demand-price <type=usd>', 'USD an hour of an instance type; repeatable', collect)
    .option('--on-demand-prices <file>', 'the same of many types, as JSON');
  addClusterOptions(command)
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags) => run(flags));
}

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

async function run(flags: Flags): Promise<void> {
  const days = readWhole(flags.days, '--days', 1, 90);
  const onDemand = await pricesOf(flags);
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

/** Single prices win over those of the file. @throws UserError */
async function pricesOf({ onDemandPrice, onDemandPrices }: Flags): Promise<ReadonlyMap<string, number>> {
  const prices = new Map<string, number>();
  if (onDemandPrices !== undefined) {
    const { readOnDemandPrices } = await import('./ops/prices.js');
    for (const [type, usd] of readOnDemandPrices(onDemandPrices, '--on-demand-prices')) prices.set(type, usd);
  }
  for (const text of onDemandPrice ?? []) {
    const [, type, usd] = /^([a-z][a-z0-9-]{0,19}\.[a-z0-9-]{1,19})=(\d{1,4}(?:\.\d{1,8})?)$/.exec(text) ?? [];
    if (type === undefined || !(Number(usd) > 0)) {
      throw new UserError(`--on-demand-price needs a type and USD an hour such as m7g.large=0.0816, not "${text}".`);
    }
    prices.set(type, Number(usd));
  }
  return prices;
}
