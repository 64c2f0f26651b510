import type { Command } from 'commander';
import { type ActFlags, addActOptions, runAct } from './ops/acts/run-act.js';
import { UserError } from './user-error.js';
import { readWhole } from './values.js';

const EXAMPLES = `
Examples:
  synkti update                    to the newest version of the launch template, and watches
  synkti update --to 7             to another version: also the way back
  synkti update --again            every node anew: a copy of the template's version is made and rolled out
  synkti update --dry-run

A rolling update that is under way is watched. The agents do it: slot by slot, a node leaves when its successor serves, and
a successor that doesn't get healthy stops it.
Exit code: 0 when it is done, 1 when it isn't safe or didn't get done in time, 2 when the command line is wrong.`;

interface UpdateFlags extends ActFlags {
  readonly to?: string;
  readonly again?: boolean;
}

/** `synkti update`: a rolling update. */
export function register(program: Command): void {
  const command = program
    .command('update')
    .summary('a rolling update to another template version')
    .description(
      'Writes another version of the launch template into the spec of a cluster, and watches the agents replace the nodes slot by slot. An AMI, user data or types are changed in the launch template, best by a deployment.',
    )
    .option('--to <version>', 'this version (default: the newest)')
    .option('--again', 'rolls the same once more, as a new version that is a copy');
  addActOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (flags: UpdateFlags) => {
      const to = flags.to === undefined ? null : readWhole(flags.to, '--to', 1, 1_000_000);
      if (to !== null && flags.again === true)
        throw new UserError('--to and --again are two different wishes; give one.');
      const { updatePlan } = await import('./ops/acts/update-plan.js');
      await runAct('update', flags, (scene) => updatePlan({ to, again: flags.again === true }, scene));
    });
}
