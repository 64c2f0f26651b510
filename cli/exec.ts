import type { Command } from 'commander';
import { addClusterOptions, type ClusterFlags } from './aws/flags.js';
import { readDuration, readWhole } from './values.js';

const EXAMPLES = `
Examples:
  synkti exec -- uptime                              on every node
  synkti exec --node 3 -- systemctl status synkti    on the node that holds slot 3
  synkti exec --max 1 -- sh -c 'df -h / | tail -1'   one node after the other
  synkti exec -- 'free -m | head -2'                 a single word is a line for the shell
  synkti exec --json -- uname -r | jq -r '.nodes[] | [.instanceId, .stdout] | @tsv'

The command runs as root. SSM keeps the first 24,000 characters of what it prints.
Exit code: 0 when it ended with 0 on every node, 1 when it didn't, 2 when the command line is wrong.`;

const collect = (value: string, before: unknown): readonly string[] => [
  ...(Array.isArray(before) ? (before as string[]) : []),
  value,
];

export interface ExecFlags extends ClusterFlags {
  readonly node?: readonly string[];
  readonly max: string;
  readonly timeout: string;
}

/** `synkti exec`: a command on the nodes. */
export function register(program: Command): void {
  const command = program
    .command('exec')
    .summary('a command on one node or all, through SSM')
    .description(
      'Runs a command on the nodes of a cluster through SSM, without a port or a key, and shows what it prints, node by node. The nodes need SSM (the construct gives them the rights), you need ssm:SendCommand and ssm:GetCommandInvocation.',
    )
    .argument('<command...>', 'after --')
    .option('--node <node>', 'instance id, its beginning, or slot; repeatable (default: all that run)', collect)
    .option('--max <number>', 'how many nodes at once', '5')
    .option('--timeout <time>', 'how long it may take on a node', '10m');
  addClusterOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (words: readonly string[], flags: ExecFlags) => {
      const settings = {
        words,
        nodes: flags.node ?? [],
        atOnce: readWhole(flags.max, '--max', 1, 50),
        timeoutMs: readDuration(flags.timeout, '--timeout', 1_000, 172_800_000),
      };
      const { exec } = await import('./ops/acts/exec.js');
      process.exitCode = await exec(settings, flags);
    });
}
