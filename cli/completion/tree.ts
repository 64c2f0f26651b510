/** The command tree as completion needs it. */
import type { Command } from 'commander';

export interface CommandNode {
  /** `['tasks', 'show']`; empty: the program. */
  readonly path: readonly string[];
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly OptionNode[];
  /** What its arguments can be, where that is a list. */
  readonly choices: readonly string[];
  /** Its arguments are files. */
  readonly takesFiles: boolean;
}

export interface OptionNode {
  readonly flag: string;
  readonly summary: string;
  readonly value: ValueKind;
}

/** What comes after an option: nothing, a file, a folder, a profile of the AWS CLI, or something that can't be guessed. */
export type ValueKind = 'none' | 'file' | 'folder' | 'profile' | 'other';

/** The program first, then its commands in order, each before its own. */
export function treeOf(program: Command, path: readonly string[] = []): CommandNode[] {
  const help = program.createHelp();
  const commands = help.visibleCommands(program);
  const options = help.visibleOptions(program).flatMap((option) => {
    if (option.long === undefined) return [];
    return [{ flag: option.long, summary: firstLine(option.description), value: kindOf(option.flags) }];
  });
  const own: CommandNode = {
    path,
    commands: commands.map((command) => ({
      name: command.name(),
      summary: firstLine(command.summary() || command.description()),
    })),
    options,
    choices: program.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
    takesFiles: program.registeredArguments.some((argument) => /file|grid/.test(argument.name())),
  };
  const nested = commands
    .filter((command) => command.name() !== 'help')
    .flatMap((command) => treeOf(command, [...path, command.name()]));
  return [own, ...nested];
}

function kindOf(flags: string): ValueKind {
  const value = /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1];
  if (value === undefined) return 'none';
  if (flags.startsWith('--profile')) return 'profile';
  if (/folder/.test(value)) return 'folder';
  return /file|path/.test(value) && !flags.startsWith('--path') ? 'file' : 'other';
}

const MAX_SUMMARY = 72;

function firstLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= MAX_SUMMARY ? line : `${line.slice(0, MAX_SUMMARY - 3).trimEnd()}...`;
}
