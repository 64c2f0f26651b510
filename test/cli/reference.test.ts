import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { commandNames } from '../../cli/commands.js';
import { programFor } from '../../cli/main.js';
import { reference } from '../../cli/reference.js';

it('docs/cli.md is what the commands say of themselves; else run: npx tsx scripts/cli-docs.ts', async () => {
  const written = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'cli.md'), 'utf8');
  expect(written).toBe(await reference());
});

it('every command has a description, and an example in its help where it takes options of its own', async () => {
  const program = await programFor('all');
  expect(program.commands.map((command) => command.name())).toEqual(commandNames());
  for (const command of program.commands) {
    expect(command.description(), command.name()).not.toBe('');
    let text = '';
    command.configureOutput({ writeOut: (part) => (text += part) });
    command.outputHelp();
    expect(text, command.name()).toContain('Examples:');
  }
});

it('every command and subcommand teaches by example, tells its exit codes, and knows --json', async () => {
  const program = await programFor('all');
  const commands = program.commands.flatMap((command) => [command, ...command.commands]);
  expect(commands.length).toBeGreaterThan(commandNames().length);
  // A script for a shell is no answer that a program would read.
  for (const command of commands.filter((one) => one.name() !== 'completion')) {
    let text = '';
    command.configureOutput({ writeOut: (part) => (text += part) });
    command.outputHelp();
    const lacks = ['\nExamples:\n  synkti ', '\nExit code', '--json'].filter((part) => !text.includes(part));
    expect({ command: command.name(), lacks }).toEqual({ command: command.name(), lacks: [] });
  }
});

it('the list of commands needs none of their files', async () => {
  const names = (await programFor(null)).commands.map((command) => command.name());
  expect(names).toEqual(commandNames());
  expect((await programFor('status')).commands.filter((command) => command.options.length > 1)).toHaveLength(1);
});
