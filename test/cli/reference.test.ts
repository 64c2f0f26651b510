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

it('the list of commands needs none of their files', async () => {
  const names = (await programFor(null)).commands.map((command) => command.name());
  expect(names).toEqual(commandNames());
  expect((await programFor('status')).commands.filter((command) => command.options.length > 1)).toHaveLength(1);
});
