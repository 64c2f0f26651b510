import type { Command } from 'commander';
import { type ActFlags, addActOptions, runAct } from './ops/acts/run-act.js';
import { readDuration } from './values.js';

const PAUSE_EXAMPLES = `
Examples:
  synkti pause                     before you look into something
  synkti pause --for 2h            ends by itself, should you forget it
  synkti pause --dry-run
  synkti resume                    undoes it

Exit code: 0 when it is done, 1 when it failed, 2 when the command line is wrong.`;

const RESUME_EXAMPLES = `
Examples:
  synkti resume
  synkti resume --dry-run

Exit code: 0 when it is done, 1 when it failed, 2 when the command line is wrong.`;

/** `synkti pause` and `synkti resume`: whether agents and functions act of their own will. */
export function register(program: Command): void {
  one(program, true, PAUSE_EXAMPLES)
    .option('--for <time>', 'ends by itself after this long, 1m to 30d (default: never)')
    .summary('nothing is replaced of the own will of the cluster')
    .description(
      'Pauses what a cluster does of its own will: rolling updates, scale-in, early replacements, the return to spot. What fails or is interrupted is replaced all the same. It stays so until synkti resume, or for the time that is given.',
    );
  one(program, false, RESUME_EXAMPLES)
    .summary('ends a pause')
    .description('Ends a pause: what waits begins again, one act after the other, each when it is safe.');
}

function one(program: Command, paused: boolean, examples: string): Command {
  const name = paused ? 'pause' : 'resume';
  return addActOptions(program.command(name), { waits: false })
    .addHelpText('after', examples)
    .action(async (flags: ActFlags & { readonly for?: string }) => {
      const forMs = flags.for === undefined ? null : readDuration(flags.for, '--for', 60_000, 30 * 86_400_000);
      const { pausePlan } = await import('./ops/acts/wish.js');
      await runAct(name, flags, (scene) => pausePlan(paused, scene, forMs));
    });
}
