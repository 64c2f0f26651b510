/** docs/cli.md, made from the help of the commands: `npx tsx scripts/cli-docs.ts` writes it, a test keeps the two equal. */
import type { Command } from 'commander';
import { programFor } from './main.js';

const HEAD = `# The command line

Made from the commands' own help by \`npx tsx scripts/cli-docs.ts\`; edit the commands, not this page.

## What all commands share

**Where.** Commands that look at a cluster find credentials and region as the AWS CLI does: \`--profile\`; else keys in the
environment (\`AWS_ACCESS_KEY_ID\`, \`AWS_SECRET_ACCESS_KEY\`, \`AWS_SESSION_TOKEN\`); else \`AWS_PROFILE\` or the profile
\`default\` (keys, SSO, an assumed role, a program); else a web identity, a container's or an instance's role. The region is
\`--region\`, \`AWS_REGION\`, \`AWS_DEFAULT_REGION\` or the profile's.

**A rehearsal instead of AWS.** \`synkti rehearse --keep\` prints an address. With \`--endpoint\` and this address, or with
the variables that it prints, every command works against the rehearsal; on this machine no keys are needed.

**Which cluster.** \`--cluster\`, or \`SYNKTI_CLUSTER\`; where a region has but one cluster it need not be named.

**Output.** Text fits 80 columns and says more on a wider terminal (or with \`COLUMNS\` set in a pipe). \`--json\` gives JSON
with a \`format\` number, which changes when a field goes or changes its meaning. Colours are for terminals only;
\`NO_COLOR\` and \`--no-color\` turn them off, \`FORCE_COLOR\` turns them on.

**Exit codes.**

| code | means |
| ---- | ----- |
| 0    | all is well |
| 1    | it isn't: a promise was broken, a problem was found, AWS throttled or didn't answer |
| 2    | you have something to mend: the command line, credentials, the region, the cluster's name, a missing right |
| 130  | stopped by Ctrl-C |

**When something fails.** Errors are one sentence. \`SYNKTI_DEBUG=1\` adds every AWS call with its time, and the stack of an
error of the program itself.
`;

const WIDTH = 80;

/** The whole page. */
export async function reference(): Promise<string> {
  const overview = helpOf(await programFor(null));
  const program = await programFor('all');
  const parts = [HEAD, '## synkti', fenced(overview)];
  const add = (command: Command, path: string): void => {
    parts.push(`## ${path}`, fenced(helpOf(command)));
    for (const one of command.commands) if (one.name() !== 'help') add(one, `${path} ${one.name()}`);
  };
  for (const command of program.commands) if (command.name() !== 'help') add(command, `synkti ${command.name()}`);
  return `${parts.join('\n\n').replaceAll('\n\n\n', '\n\n')}\n`;
}

const fenced = (text: string): string => `\`\`\`text\n${text.trimEnd()}\n\`\`\``;

/** As `--help` prints it, examples included. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => (text += part),
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text;
}
