/** The style is a test: the whole project is tidy, and each check can fail. */
import { describe, expect, it } from 'vitest';
import { sources } from './sources.js';
import { MAX_LINES, untidy } from './tidy.js';

const check = (path: string, text: string): string[] => untidy([{ path, text }]);

describe('this project', () => {
  it('is tidy', () => {
    // The two files that name what is forbidden are left out.
    const files = sources().filter(({ path }) => path !== 'test/tidy.ts' && path !== 'test/style.test.ts');
    expect(files.length).toBeGreaterThan(100);
    expect(untidy(files)).toEqual([]);
  });
});

describe('each check', () => {
  const forbidden: readonly (readonly [path: string, line: string, instead: RegExp])[] = [
    ['core/a.ts', 'const x = Math.random();', /Rng/],
    ['sim/a.ts', 'const x = Math.random();', /seededRng/],
    ['test/a.test.ts', 'const x = Math.random();', /seed that is printed/],
    ['core/a.ts', 'const now = Date.now();', /wallMs/],
    ['core/a.ts', 'run(Date.now);', /wallMs/],
    ['core/a.ts', 'const now = performance.now();', /nowMs/],
    ['core/a.ts', 'const now = new Date();', /wallMs/],
    ['core/a.ts', 'setTimeout(tick, 10);', /deadline/],
    ['core/a.ts', 'const t = setInterval(tick, 10);', /deadline/],
    ['core/a.ts', 'export async function f() {}', /effect/],
    ['core/a.ts', 'const p = new Promise(f);', /effect/],
    ['core/a.ts', 'const home = process.env.HOME;', /host/],
    ['core/a.ts', "import { join } from 'node:path';", /effect/],
    ['agent/a.ts', "console.log('up');", /stdout/],
    ['bench/a.ts', "console.error('up');", /stdout/],
    ['agent/a.ts', 'const retries = options.retries || 3;', /\?\?/],
    ['lib/a.ts', 'f(options.retries || 1_000)', /\?\?/],
    ['test/a.test.ts', "it.skip('works', () => {});", /run/],
    ['test/a.test.ts', "describe.only('all', () => {});", /run/],
    ['test/a.test.ts', "test.concurrent.only('all', () => {});", /run/],
    ['test/a.test.ts', "it.todo('works');", /run/],
    ['local/a.ts', "const dir = '/home/me/project';", /tmpdir/],
    ['docs/a.ts', '// see /Users/me/notes', /tmpdir/],
    ['core/a.ts', '// TODO: later', /issue/],
    ['core/a.ts', 'f(); // FIXME', /issue/],
  ];

  it.each(forbidden)('%s: %s', (path, line, instead) => {
    const found = check(path, `const a = 1;\n${line}\n`);
    expect(found.length).toBe(1);
    expect(found[0]).toContain(`${path}:2 `);
    expect(found[0]).toMatch(instead);
  });

  const fine: readonly (readonly [path: string, line: string])[] = [
    ['agent/a.ts', 'const now = Date.now();'],
    ['agent/a.ts', 'setTimeout(tick, 10);'],
    ['core/a.ts', '// Not Date.now: the host tells the time.'],
    ['core/a.ts', ' * Math.random would not replay.'],
    ['core/a.ts', 'const x = 1; // not Date.now()'],
    ['core/a.ts', 'const at = new Date(ms);'],
    ['core/a.ts', "const kind = 'process';"],
    ['core/a.ts', 'const { workload } = spec.process.of(x);'],
    ['test/a.test.ts', "console.log('seed 3');"],
    ['agent/a.ts', 'const retries = options.retries ?? 3;'],
    ['agent/a.ts', 'if (a < 3 || 5 < a) f();'],
    ['agent/a.ts', "const url = 'https://console.aws.amazon.com/';"],
    ['test/a.test.ts', "it.each([1])('works', () => {});"],
    ['test/a.test.ts', "expect('left').toBe(fit);"],
    ['local/a.ts', `const path = \`\${root}/home/me\`;`],
    ['local/a.ts', "const path = '/network/x';"],
  ];

  it.each(fine)('%s may: %s', (path, line) => {
    expect(check(path, `${line}\n`)).toEqual([]);
  });

  it('a file may have 400 lines, and no more', () => {
    const lines = (n: number): string => 'f();\n'.repeat(n);
    expect(check('agent/a.ts', lines(MAX_LINES))).toEqual([]);
    expect(check('agent/a.ts', lines(MAX_LINES + 1))).toEqual([
      'agent/a.ts has 401 lines, more than 400. It has two jobs: make it two files.',
    ]);
  });
});
