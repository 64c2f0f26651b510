import type { Command } from 'commander';
import { type ActFlags, addActOptions, runAct } from './ops/acts/run-act.js';

const EXAMPLES = `
Examples:
  synkti replace 3                        the node that holds slot 3
  synkti replace i-0123456789abcdef0 --yes
  synkti replace 3 --dry-run

Exit code: 0 when it is done, 1 when there is no capacity, it isn't safe or didn't get done in time, 2 when there is no
such node.`;

/** `synkti replace`: a successor comes, and then the node goes. */
export function register(program: Command): void {
  const command = program
    .command('replace')
    .summary('a successor comes, and then the node goes')
    .description(
      "Launches the successor of a node, by the very request that agents and Lambdas would make for it: one attempt over all pools. The node leaves by itself when its successor serves. Your credentials need the rights of the cluster's own functions to launch.",
    )
    .argument('<node>', 'instance id, its beginning, or slot');
  addActOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (node: string, flags: ActFlags) => {
      const { replacePlan } = await import('./ops/acts/leave.js');
      await runAct('replace', flags, (scene) => replacePlan(node, scene));
    });
}
