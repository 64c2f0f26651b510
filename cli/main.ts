import { type Argument, Command, CommanderError } from 'commander';
import { addCommands, commandNames, wantedCommand } from './commands.js';
import { suggestion } from './nearest.js';
import { messageOf, UserError } from './user-error.js';

declare const SYNKTI_VERSION: string | undefined;

const EXAMPLES = `
Examples:
  synkti rehearse                     interruptions on your own machine, no AWS account needed
  synkti status --watch               a cluster in AWS, as it lives
  synkti ui                           the same as a live page in the browser
  synkti doctor                       what is amiss, and the command that mends it
  synkti help rehearse                its scenarios and options

Exit codes: 0 all is well, 1 it isn't, 2 the command line, credentials or rights are to be mended, 130 Ctrl-C.`;

/**
 * The command line. Exit codes: 0 all is well, 1 it isn't (a promise was broken, something failed), 2 the user has
 * something to mend (the command line, credentials, rights), 130 stopped by Ctrl-C.
 */
export async function main(argv: readonly string[]): Promise<void> {
  // The SDK's advice on Node versions is for those who install it, not for users of this bundle.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  // As with `| head`: commands that run for long notice it themselves.
  process.stdout.on('error', () => {});
  try {
    checkHelp(argv);
    const program = await programFor(wantedCommand(argv));
    // Without a word it is the help that is wanted, on stdout.
    await program.parseAsync(argv.length === 0 ? ['--help'] : [...argv], { from: 'user' });
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

/** @param wanted the command that is loaded whole; 'all' for every one */
export async function programFor(wanted: string | null): Promise<Command> {
  const program = new Command('synkti')
    .description('Keeps services and batch tasks running on EC2 spot capacity.')
    .version(typeof SYNKTI_VERSION === 'string' ? SYNKTI_VERSION : 'source', '--version', 'shows the version')
    .helpOption('--help', 'shows this help')
    .commandsGroup('This program:')
    .helpCommand('help [command]', 'shows the help of a command')
    .addHelpText('after', EXAMPLES)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureHelp({
      subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(argumentTerm)].join(' '),
    })
    .configureOutput({ outputError: (text, write) => write(complaint(text, 'synkti help')) });
  await addCommands(program, wanted);
  for (const command of program.commands) {
    command.exitOverride().copyInheritedSettings(program).helpOption('--help', 'shows this help');
    command.configureOutput({ outputError: (text, write) => write(complaint(text, `synkti help ${command.name()}`)) });
  }
  return program;
}

/** The parser shows the whole list for the help of a command that isn't there. @throws UserError */
function checkHelp(argv: readonly string[]): void {
  const [first, wanted] = argv.filter((word) => !word.startsWith('-'));
  const names = [...commandNames(), 'help'];
  if (first !== 'help' || wanted === undefined || names.includes(wanted)) return;
  const close = suggestion(wanted.slice(0, 60), names);
  throw new UserError(
    `There is no command "${wanted.slice(0, 60)}".${close === '' ? ' synkti help lists them.' : close}`,
  );
}

/** The parser's sentence; who would like to know which word is missing, too many or unknown has it one step away. */
function complaint(text: string, help: string): string {
  const told = text.replace(/^error: /, 'synkti: ');
  const lost = /missing required argument|too many arguments|unknown command/.test(told) && !/Did you mean/.test(told);
  return lost ? `${told.trimEnd().replace(/\.$/, '')}; see: ${help}\n` : told;
}

const argumentTerm = (argument: Argument): string => {
  const text = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${text}>` : `[${text}]`;
};

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
