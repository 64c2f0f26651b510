import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { openSweep } from '../../cli/simulate/sweep-folder.js';
import { register as registerSimulate } from '../../cli/simulate.js';
import { register as registerSweep } from '../../cli/sweep.js';

const folder = mkdtempSync(join(tmpdir(), 'synkti-cli-'));
const file = (name: string, text?: string): string => {
  if (text !== undefined) writeFileSync(join(folder, name), text);
  return join(folder, name);
};
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

async function run(...args: string[]): Promise<string> {
  let out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  const program = new Command('synkti').exitOverride();
  registerSimulate(program);
  registerSweep(program);
  for (const command of program.commands) command.exitOverride().configureOutput({ writeErr: () => {} });
  await program.parseAsync(args, { from: 'user' });
  return out;
}

const small = ['--tasks', '20', '--duration', '12', '--runs', '2', '--jobs', '1'];

describe('synkti simulate', () => {
  it('prints a table and writes JSON and a page', async () => {
    const out = await run('simulate', ...small, '--output', file('r.json'), '--report', file('r.html'));
    expect(out).toMatch(/greedy-optimal/);
    expect(out).toMatch(/seed 1, 2 runs/);
    expect(JSON.parse(readFileSync(file('r.json'), 'utf8')).policies).toHaveLength(8);
    expect(readFileSync(file('r.html'), 'utf8')).toContain('<!doctype html>');
  });

  it('prints with --json what it would write', async () => {
    expect(await run('simulate', ...small, '--json', '--output', file('c.json'))).toBe(
      readFileSync(file('c.json'), 'utf8'),
    );
  });

  it('writes the same JSON with and without a page', async () => {
    await run('simulate', ...small, '--output', file('a.json'));
    await run('simulate', ...small, '--output', file('b.json'), '--report', file('b.html'));
    expect(readFileSync(file('a.json'), 'utf8')).toBe(readFileSync(file('b.json'), 'utf8'));
  });

  it.each([
    [['--tasks', '-5'], /--tasks must be/],
    [['--tasks', 'many'], /--tasks must be a number, got many/],
    [['--gpu-memory', '0'], /--gpu-memory must be/],
    [['--jobs', '0'], /--jobs must be/],
    [['--policies', ','], /--policies names no policy/],
    [['--output', ''], /can't be written: it has no name/],
    [['--market', 'stock'], /--market must be one of ou, constant/],
    [['--context', '8192'], /--model-size too/],
    [['--trace', '/nowhere.json'], /--trace \/nowhere.json can't be read/],
    [['--policy', '/nowhere.mjs'], /--policy \/nowhere.mjs/],
    [['--output', '/nowhere/x.json'], /--output \/nowhere\/x.json can't be written/],
    [['--report', folder], /it is there and is not a file/],
  ])("refuses %s with a sentence that is the user's to mend", async (args, message) => {
    const before = readdirSync(folder);
    const failure = run('simulate', ...args);
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toMatchObject({ name: 'UserError' });
    expect(readdirSync(folder)).toEqual(before);
  });
});

describe('synkti sweep', () => {
  const grid =
    '{"base":{"tasks":10,"duration":12,"runs":2},"axes":[{"name":"p","values":[{"label":"a","set":{}},{"label":"b","set":{"tasks":11}}]}]}';

  it('writes JSON, CSV and a heat map, and goes on after half a line', async () => {
    const out = join(folder, 'sweep');
    await run('sweep', file('g.json', grid), '--output', out, '--jobs', '1');
    const whole = readFileSync(join(out, 'results.json'), 'utf8');
    const progress = readFileSync(join(out, 'progress.jsonl'), 'utf8');
    writeFileSync(join(out, 'progress.jsonl'), progress.slice(0, -200));
    expect(await run('sweep', file('g.json'), '--output', out, '--jobs', '1')).toMatch(
      /1 of 2 scenarios are done already/,
    );
    expect(readFileSync(join(out, 'results.json'), 'utf8')).toBe(whole);
    expect(existsSync(join(out, 'heat-map.html'))).toBe(true);
    expect(await run('sweep', file('g.json'), '--output', out, '--json')).toBe(whole);
    expect(readFileSync(join(out, 'results.csv'), 'utf8').split('\n')).toHaveLength(1 + 2 * 8 + 1);
  });

  it('refuses the folder of another grid, and a wrong grid, before it makes anything', async () => {
    expect(() => openSweep(join(folder, 'sweep'), 'another')).toThrow(/another grid/);
    await expect(run('sweep', file('bad.json', '{"axes":1}'), '--output', join(folder, 'no'))).rejects.toThrow(
      /"axes" must be/,
    );
    const value = (label: string, set = '{}'): string => `{"label":"${label}","set":${set}}`;
    for (const [values, message] of [
      [`${value('x')},${value('x')}`, /the label "x" twice/],
      [value('x', '{"policies":["gredy"]}'), /scenario x: unknown policy gredy/],
    ] as const) {
      const text = `{"axes":[{"name":"p","values":[${values}]}]}`;
      await expect(run('sweep', file('bad.json', text), '--output', join(folder, 'no'))).rejects.toThrow(message);
    }
    expect(existsSync(join(folder, 'no'))).toBe(false);
  });

  it('says so where the system refuses a folder', async () => {
    const failure = run('sweep', file('g.json', grid), '--output', '/dev/null/x');
    await expect(failure).rejects.toThrow(/--output \/dev\/null\/x can't be made/);
  });
});
