/**
 * All commands, each in a file that is loaded only when it is wanted: a help text or a mistake needs none of the SDK, the
 * simulator or the local cloud. The summaries stand here, so that the list can be shown without the files.
 */
import type { Command } from 'commander';

interface CommandFile {
  readonly names: Readonly<Record<string, string>>;
  readonly load: () => Promise<{ readonly register: (program: Command) => void }>;
}

interface Group {
  readonly head: string;
  readonly files: readonly CommandFile[];
}

const GROUPS: readonly Group[] = [
  {
    head: 'See a cluster:',
    files: [
      {
        names: { status: 'nodes, seats, pools, prices, health, and what is at risk' },
        load: () => import('./status.js'),
      },
      {
        names: { ui: 'the same as a live page in the browser' },
        load: () => import('./ui.js'),
      },
      {
        names: {
          incidents: 'what was lost, and who replaced it',
          incident: 'one incident: its ledger, its replacement, its cost',
        },
        load: () => import('./incidents.js'),
      },
      {
        names: { savings: 'what was paid, and what on-demand would have cost' },
        load: () => import('./savings.js'),
      },
      {
        names: { forecast: 'what the next days would cost, by policy' },
        load: () => import('./forecast.js'),
      },
      {
        names: { doctor: 'looks at everything a cluster needs, and says what mends it' },
        load: () => import('./doctor.js'),
      },
    ],
  },
  {
    head: 'Change a cluster:',
    files: [
      { names: { drain: 'a node hands over, leaves and is replaced' }, load: () => import('./drain.js') },
      { names: { replace: 'a successor comes, and then the node goes' }, load: () => import('./replace.js') },
      { names: { scale: 'another number of slots' }, load: () => import('./scale.js') },
      { names: { update: 'a rolling update to another template version' }, load: () => import('./update.js') },
      {
        names: { pause: 'nothing is replaced of the own will of the cluster', resume: 'ends a pause' },
        load: () => import('./pause.js'),
      },
      { names: { drill: 'interrupts nodes on purpose, and judges every promise' }, load: () => import('./drill.js') },
    ],
  },
  {
    head: 'Look into its nodes:',
    files: [
      { names: { exec: 'a command on one node or all, through SSM' }, load: () => import('./exec.js') },
      {
        names: { logs: 'what agents say, and the last words of nodes that are gone' },
        load: () => import('./logs.js'),
      },
    ],
  },
  {
    head: 'Batch tasks:',
    files: [
      { names: { submit: 'submit batch tasks to a cluster' }, load: () => import('./submit.js') },
      { names: { tasks: 'list, show, follow, cancel and retry tasks' }, load: () => import('./tasks.js') },
    ],
  },
  {
    head: 'Without an AWS account:',
    files: [
      { names: { rehearse: 'rehearse spot interruptions on this machine' }, load: () => import('./rehearse.js') },
      { names: { simulate: 'what policies cost on spot capacity' }, load: () => import('./simulate.js') },
      { names: { sweep: 'simulate every combination of a grid' }, load: () => import('./sweep.js') },
    ],
  },
  {
    head: 'This program:',
    files: [{ names: { completion: 'completion for bash, zsh and fish' }, load: () => import('./completion.js') }],
  },
];

/** Names of all commands, in the order of the help. */
export const commandNames = (): string[] =>
  GROUPS.flatMap(({ files }) => files.flatMap(({ names }) => Object.keys(names)));

/** The command that a command line begins with; null: none, or only help. */
export function wantedCommand(argv: readonly string[]): string | null {
  const [first, second] = argv.filter((word) => !word.startsWith('-'));
  return (first === 'help' ? second : first) ?? null;
}

/**
 * Adds all commands, whole where they are wanted, by name and summary elsewhere.
 * @param wanted a command's name; 'all' for every one
 */
export async function addCommands(program: Command, wanted: string | null): Promise<void> {
  for (const { head, files } of GROUPS) {
    for (const { names, load } of files) {
      if (wanted === 'all' || (wanted !== null && wanted in names)) (await load()).register(program);
      else for (const name of Object.keys(names)) program.command(name);
      for (const [name, summary] of Object.entries(names)) {
        program.commands
          .find((command) => command.name() === name)
          ?.summary(summary)
          .helpGroup(head);
      }
    }
  }
}
