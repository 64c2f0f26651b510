import type { Command } from 'commander';
import { type ActFlags, addActOptions, runAct } from './ops/acts/run-act.js';
import { readWhole } from './values.js';

const EXAMPLES = `
Examples:
  synkti scale 12                  12 slots
  synkti scale 4 --dry-run         which nodes would leave, and whether that is safe
  synkti scale 0 --yes             no node at all; what the stack made stays

Exit code: 0 when it is done, 1 when it isn't safe or didn't get done in time, 2 when the command line is wrong.`;

/** `synkti scale`: another number of slots. */
export function register(program: Command): void {
  const command = program
    .command('scale')
    .summary('another number of slots')
    .description(
      'Changes the number of slots in the spec of a cluster. New slots are filled by the agents; nodes of slots that are not wanted any more drain and leave, one after the other, as soon as every wanted slot serves.',
    )
    .argument('<slots>', 'how many, from 0 to 10000');
  addActOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (text: string, flags: ActFlags) => {
      const desired = readWhole(text, 'The number of slots', 0, 10_000);
      const { scalePlan } = await import('./ops/acts/wish.js');
      await runAct('scale', flags, (scene) => scalePlan(desired, scene));
    });
}
