import type { Command } from 'commander';
import { type ActFlags, addActOptions, runAct } from './ops/acts/run-act.js';

const EXAMPLES = `
Examples:
  synkti drain 3                          the node that holds slot 3
  synkti drain i-0123456789abcdef0 --yes
  synkti drain 3 --dry-run                what it would do, and whether that is safe

Its slot isn't served until the replacement is; synkti replace brings the successor first.
Exit code: 0 when it is done, 1 when it isn't safe or didn't get done in time, 2 when there is no such node.`;

/** `synkti drain`: a node goes now. */
export function register(program: Command): void {
  const command = program
    .command('drain')
    .summary('a node hands over, leaves and is replaced')
    .description(
      'Tells the agent of a node through SSM to leave: it tells its peers, asks for its replacement, leaves its target groups, serves on until nobody sends any more, stops its workloads and gives its machine back.',
    )
    .argument('<node>', 'instance id, its beginning, or slot');
  addActOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (node: string, flags: ActFlags) => {
      const { drainPlan } = await import('./ops/acts/leave.js');
      await runAct('drain', flags, (scene) => drainPlan(node, scene));
    });
}
