import type { Command } from 'commander';
import { addClusterArgument, addClusterOptions, type ClusterFlags, withCluster } from './aws/flags.js';

const EXAMPLES = `
Examples:
  synkti doctor                                  the region's only cluster
  synkti doctor --cluster web --profile prod --region eu-central-1
  synkti doctor --json | jq -r '.findings[] | select(.level == "problem") | .mend'

Exit code: 0 when nothing is broken, 1 when there is a problem. Warnings and what couldn't be looked at don't count.`;

/** `synkti doctor`: looks at everything, then judges; never changes anything. */
export function register(program: Command): void {
  const command = program
    .command('doctor')
    .summary('looks at everything a cluster needs, and says what mends it')
    .description(
      "Looks at everything before it judges: credentials, clock, the nodes as they are, pools, spot placement scores, quotas, subnets, service-linked roles, launch template, image, files, the nodes' rights by IAM's simulation, gossip, target groups. It prints what is fine, what isn't, and the command that mends it. It never changes anything.",
    );
  addClusterOptions(addClusterArgument(command))
    .addHelpText('after', EXAMPLES)
    .action((cluster: string | undefined, flags: ClusterFlags) => run(withCluster(cluster, flags)));
}

async function run(flags: ClusterFlags): Promise<void> {
  const [{ withSession }, { findCluster }, { gather }, { examine }, { doctorText }, { terminalWidth }] =
    await Promise.all([
      import('./aws/session.js'),
      import('./aws/clusters.js'),
      import('./ops/doctor/gather.js'),
      import('./ops/doctor/checks.js'),
      import('./ops/doctor/text.js'),
      import('./ops/table.js'),
    ]);
  await withSession(flags, async (session) => {
    const { spec } = await findCluster(session, flags);
    const findings = examine(await gather(session, spec));
    const json = { format: 1, cluster: spec.cluster, region: session.region, findings };
    process.stdout.write(
      session.json ? `${JSON.stringify(json, null, 2)}\n` : doctorText(findings, terminalWidth(), session.colors),
    );
    if (findings.some(({ level }) => level === 'problem')) process.exitCode = 1;
  });
}
