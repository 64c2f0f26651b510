import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const run = (...args: readonly string[]) =>
  spawnSync(process.execPath, ['--import', 'tsx', 'test/dst/run.ts', ...args], { cwd: ROOT, encoding: 'utf8' });

it('the campaigns say their flags, and refuse others in one sentence', () => {
  const help = run('--help');
  expect(help.status).toBe(0);
  const source = readFileSync(join(ROOT, 'test/dst/run.ts'), 'utf8');
  for (const [, flag] of source.matchAll(/^ {8}([a-z]+): \{ type/gm)) expect(help.stdout).toContain(`--${flag}`);
  const wrong = run('--nope');
  expect(wrong.status).toBe(2);
  expect(wrong.stderr).toBe("Unknown option '--nope'; npm run dst -- --help shows all of them.\n");
});
