import type { Command } from 'commander';
import { addClusterArgument, addClusterOptions, type ClusterFlags, givenFlags, withCluster } from './aws/flags.js';
import { addPriceOptions, onDemandPricesIn, type PriceFlags } from './ops/price-flags.js';
import { UserError } from './user-error.js';
import { readDuration, readWhole } from './values.js';

const LIST_EXAMPLES = `
Examples:
  synkti incidents                          the newest 20 of the region's only cluster
  synkti incidents --since 12h --limit 500  last night's
  synkti incidents --json | jq '.incidents[] | select(.cause == "interruption") | .replacement.by'

Exit code: 0 when it could look, whatever it saw, 1 when AWS failed, 2 when the command line is wrong.`;

const ONE_EXAMPLES = `
Examples:
  synkti incident i-0a42d685c9d763f65            by its node
  synkti incident i-0a42d685c9d763f65 --html incident.html
  synkti incident i-0a42 --on-demand-price m7g.large=0.0816
                                            and what was saved

Exit code: 0 when it is told, 1 when AWS failed, 2 when there is no such incident or the file can't be written.`;

interface ListFlags extends ClusterFlags, PriceFlags {
  readonly limit: string;
  readonly since: string;
}

interface OneFlags extends ClusterFlags, PriceFlags {
  readonly html?: string;
}

const DAY_MS = 86_400_000;

/** `synkti incidents` and `synkti incident ID`: what was lost, where the seconds went, who replaced it, what it cost. */
export function register(program: Command): void {
  const list = program
    .command('incidents')
    .summary('what was lost, and who replaced it')
    .description(
      "Lists the ends of nodes, newest first: from the reports in the cluster's bucket, and from EC2 of nodes that went without a word in the last hour. It only reads.",
    )
    .option('--since <time>', 'as far back', '7d')
    .option('--limit <number>', 'at most so many', '20');
  addClusterOptions(addClusterArgument(addPriceOptions(list)))
    .addHelpText('after', LIST_EXAMPLES)
    .action((cluster: string | undefined, flags: ListFlags) => runList(withCluster(cluster, flags)));
  const one = program
    .command('incident')
    .summary('one incident: its ledger, its replacement, its cost')
    .description(
      'Tells one incident whole: where the seconds of the drain went against their budgets, who launched the replacement and when, and what it cost and saved. It only reads.',
    )
    .argument('<id>', "an incident's id, or its node's; the beginning will do")
    .option('--html <file>', 'writes a page with the timeline, for every browser');
  addClusterOptions(addPriceOptions(one))
    .addHelpText('after', ONE_EXAMPLES)
    .action((id: string, flags: OneFlags) => runOne(id, flags));
}

async function load() {
  const [session, clusters, read, text, table] = await Promise.all([
    import('./aws/session.js'),
    import('./aws/clusters.js'),
    import('./ops/incident/read.js'),
    import('./ops/incident/text.js'),
    import('./ops/table.js'),
  ]);
  return { ...session, ...clusters, ...read, ...text, ...table };
}

async function runList(flags: ListFlags): Promise<void> {
  const limit = readWhole(flags.limit, '--limit', 1, 1_000);
  const sinceMs = Date.now() - readDuration(flags.since, '--since', 60_000, 3_650 * DAY_MS);
  const onDemand = await onDemandPricesIn(flags);
  const { withSession, findCluster, readIncidents, listText, terminalWidth } = await load();
  await withSession(flags, async (session) => {
    const { spec } = await findCluster(session, flags);
    const found = await readIncidents(session, spec, { sinceMs, limit, id: null, onDemand });
    const options = {
      width: terminalWidth(),
      colors: session.colors,
      region: session.region,
      nowMs: Date.now(),
      flags: givenFlags(flags),
    };
    const json = { format: 1, cluster: spec.cluster, region: session.region, ...found };
    process.stdout.write(session.json ? `${JSON.stringify(json, null, 2)}\n` : listText(found, options));
  });
}

async function runOne(id: string, flags: OneFlags): Promise<void> {
  if (!/^i-[0-9a-f]{1,17}(-[0-9a-z]{1,20})?$/.test(id)) {
    throw new UserError(`"${id.slice(0, 60)}" is no id of an incident or a node; synkti incidents lists them.`);
  }
  const onDemand = await onDemandPricesIn(flags);
  const { withSession, findCluster, readIncidents, incidentText, terminalWidth } = await load();
  await withSession(flags, async (session) => {
    const { spec } = await findCluster(session, flags);
    const { incidents, unseen } = await readIncidents(session, spec, { sinceMs: 0, limit: 10, id, onDemand });
    const [incident] = incidents;
    if (incident === undefined) {
      throw new UserError(`Cluster "${spec.cluster}" has no incident ${id}; synkti incidents lists them.`);
    }
    const nodes = new Set(incidents.map(({ instanceId }) => instanceId));
    if (nodes.size > 1) throw new UserError(`${id} begins several ids: ${[...nodes].join(', ')}.`);
    const nowMs = Date.now();
    if (flags.html !== undefined) {
      const [{ incidentHtml }, { writeWhole }] = await Promise.all([
        import('./ops/incident/html.js'),
        import('./ops/files.js'),
      ]);
      writeWhole(flags.html, incidentHtml(incident, spec.cluster, nowMs), '--html');
    }
    const options = { width: terminalWidth(), colors: session.colors, region: session.region, nowMs };
    const json = { format: 1, cluster: spec.cluster, region: session.region, ...incident, unseen };
    process.stdout.write(session.json ? `${JSON.stringify(json, null, 2)}\n` : incidentText(incident, options));
    if (flags.html !== undefined && !session.json) process.stdout.write(`\nThe page is in ${flags.html}.\n`);
  });
}
