import { Command, CommanderError } from 'commander';
import { register as registerDoctor } from './doctor.js';
import { register as registerIncidents } from './incidents.js';
import { register as registerRehearse } from './rehearse.js';
import { register as registerSimulate } from './simulate.js';
import { register as registerStatus } from './status.js';
import { register as registerSubmit } from './submit.js';
import { register as registerSweep } from './sweep.js';
import { register as registerTasks } from './tasks.js';
import { messageOf, UserError } from './user-error.js';

declare const SYNKTI_VERSION: string | undefined;

const EXAMPLES = `
Examples:
  synkti rehearse                     interruptions on your own machine, no AWS account needed
  synkti simulate                     what a policy costs on a spot market, with intervals
  synkti help rehearse                its scenarios and options`;

/**
 * The command line. Exit codes: 0 all is well, 1 it isn't (a promise was broken, something failed), 2 the command line
 * is wrong, 130 stopped by Ctrl-C.
 */
export async function main(argv: readonly string[]): Promise<void> {
  // The SDK's advice on Node versions is for those who install it, not for users of this bundle.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  // As with `| head`: commands that run for long notice it themselves.
  process.stdout.on('error', () => {});
  const program = new Command('synkti')
    .description('Keeps services and batch tasks running on EC2 spot capacity.')
    .version(typeof SYNKTI_VERSION === 'string' ? SYNKTI_VERSION : 'source', '--version', 'shows the version')
    .helpOption('--help', 'shows this help')
    .helpCommand('help [command]', 'shows the help of a command')
    .addHelpText('after', EXAMPLES)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'synkti: ')) });
  registerStatus(program);
  registerIncidents(program);
  registerDoctor(program);
  registerRehearse(program);
  registerSimulate(program);
  registerSweep(program);
  registerSubmit(program);
  registerTasks(program);
  for (const command of program.commands) {
    command.exitOverride().copyInheritedSettings(program).helpOption('--help', 'shows this help');
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

function exitCodeOf(error: unknown): number {
  // The parser has written its message already; help and version end with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 || error.code === 'commander.help' ? 0 : 2;
  if (error instanceof UserError) {
    process.stderr.write(`synkti: ${error.message}\n`);
    return 2;
  }
  process.stderr.write(`synkti: ${messageOf(error)}\n`);
  if (process.env.SYNKTI_DEBUG !== undefined && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return 1;
}
