import type { Command } from 'commander';
import { addClusterOptions, type ClusterFlags } from './aws/flags.js';
import { UserError } from './user-error.js';
import { readDuration, readWhole } from './values.js';

const EXAMPLES = `
Examples:
  synkti logs                        the last lines of every node's agent
  synkti logs 3 --lines 500          of the node that holds slot 3
  synkti logs 3 --follow             and what comes, until Ctrl-C
  synkti logs i-0123456789abcdef0    a node that is gone: its last words, from the cluster's bucket
  synkti logs --since 10m --json | jq -r 'select(.level == "error")'

Nodes are asked through SSM for the journal of synkti.service: no log shipper is needed.
Exit code: 0 when every node answered, 1 when one didn't, 2 when the command line is wrong, 130 Ctrl-C.`;

export interface LogsFlags extends ClusterFlags {
  readonly follow?: boolean;
  readonly since?: string;
  readonly lines: string;
  readonly max: string;
  readonly interval: string;
}

/** `synkti logs`: what the agents say. */
export function register(program: Command): void {
  const command = program
    .command('logs')
    .summary('what agents say, and the last words of nodes that are gone')
    .description(
      'Shows the logs of the agents of a cluster: of nodes that run through SSM, of a node that is gone from its last words in S3.',
    )
    .argument('[nodes...]', 'instance ids, their beginnings, or slots (default: all that run)')
    .option('--follow', 'asks again and again, until Ctrl-C; at most 10 nodes')
    .option('--since <time>', 'only lines of the last so much time, such as 10m')
    .option('--lines <number>', 'the last so many lines of each node', '100')
    .option('--max <number>', 'how many nodes are asked at once', '5')
    .option('--interval <time>', 'with --follow: time between two questions', '5s');
  addClusterOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (nodes: readonly string[], flags: LogsFlags) => {
      if (flags.follow !== true && command.getOptionValueSource('interval') === 'cli') {
        throw new UserError('--interval is for --follow.');
      }
      const settings = {
        nodes,
        follow: flags.follow === true,
        sinceMs: flags.since === undefined ? null : readDuration(flags.since, '--since', 1_000, 30 * 86_400_000),
        lines: readWhole(flags.lines, '--lines', 1, 10_000),
        atOnce: readWhole(flags.max, '--max', 1, 50),
        intervalMs: readDuration(flags.interval, '--interval', 2_000, 3_600_000),
      };
      const { logs } = await import('./ops/acts/logs.js');
      process.exitCode = await logs(settings, flags);
    });
}
