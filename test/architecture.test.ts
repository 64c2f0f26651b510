/** The import rules of docs/architecture.md, checked over all files; then the checker itself, on samples. */
import { describe, expect, it } from 'vitest';
import { cycles, importsOf, violations } from './imports.js';
import { type Source, sources } from './sources.js';

const sample = (path: string, ...lines: string[]): Source => ({ path, text: lines.join('\n') });

describe('this project', () => {
  const files = sources();

  it('is found', () => {
    const folders = new Set(files.map(({ path }) => path.split('/')[0]));
    for (const folder of ['core', 'aws', 'agent', 'lib', 'local', 'test']) expect(folders).toContain(folder);
    expect(files.find(({ path }) => path === 'core/node/node.ts')?.text).toContain('stepNode');
  });

  it('imports only what its rules allow', () => {
    expect(violations(files)).toEqual([]);
  });

  it('has no import cycles inside core', () => {
    expect(cycles(sources(['core']))).toEqual([]);
  });
});

describe('the reader of imports', () => {
  it('finds every way to import, and tells types from values', () => {
    const file = sample(
      'core/seats/a.ts',
      "import x from './x.js';",
      "import { type A, b } from '../b.js';",
      "import type { C } from '../c.js';",
      "import type D from 'd';",
      "import type * as E from './e.js';",
      "import * as f from 'node:fs';",
      "import './side-effect.js';",
      'import {',
      '  one,',
      '  two,',
      "} from './many.js';",
      "export { g } from './g.js';",
      "export * from './h.js';",
      "export type { I } from './i.js';",
      "const j = await import('./j.js');",
      "import type from './type.js';",
    );
    expect(importsOf(file).map(({ target, specifier, typeOnly }) => [target ?? specifier, typeOnly])).toEqual([
      ['core/seats/x.ts', false],
      ['core/b.ts', false],
      ['core/c.ts', true],
      ['d', true],
      ['core/seats/e.ts', true],
      ['node:fs', false],
      ['core/seats/side-effect.ts', false],
      ['core/seats/many.ts', false],
      ['core/seats/g.ts', false],
      ['core/seats/h.ts', false],
      ['core/seats/i.ts', true],
      ['core/seats/type.ts', false],
      ['core/seats/j.ts', false],
    ]);
  });

  it('is not taken in by text that only looks like an import', () => {
    const file = sample(
      'core/a.ts',
      "export const from = 'x';",
      "export const y = Array.from('z');",
      "// import { a } from 'b';",
      " * taken from './c.js'",
      "export const important = 'd';",
    );
    expect(importsOf(file)).toEqual([]);
  });
});

describe('the rules', () => {
  const forbidden: readonly (readonly [from: string, line: string, allowedWay: RegExp])[] = [
    ['core/seats/a.ts', "import { readFileSync } from 'node:fs';", /core\/ imports nothing outside core/],
    ['core/seats/a.ts', "import { z } from 'zod';", /nothing outside core/],
    ['core/seats/a.ts', "import type { Ec2 } from '../../aws/ec2.js';", /nothing outside core/],
    ['core/seats/a.ts', "const x = await import('../../agent/main.js');", /nothing outside core/],
    ['aws/a.ts', "import { log } from '../agent/log.js';", /aws\/ may import core/],
    ['agent/a.ts', "import { handler } from '../lambda/sweep.js';", /agent\/ may import core\/ and aws/],
    ['lambda/a.ts', "import type { Log } from '../agent/log.js';", /lambda\/ may import core\/ and aws/],
    ['sim/a.ts', "import { x } from '../local/cloud.js';", /sim\/ may import core/],
    ['local/a.ts', "export * from '../agent/main.js';", /bundles/],
    ['local/ec2/a.ts', "import { x } from '../../aws/ec2.js';", /local\/ may import core/],
    ['borrow/a.ts', "import { x } from '../lib/storage.js';", /lib\/index\.ts/],
    ['borrow/a.ts', "import { zip } from '../local/cloudformation/zip.js';", /borrow\/ may import/],
    ['cli/a.ts', "import { borrow } from '../borrow/borrow.js';", /cli\//],
    ['examples/a.ts', "import { borrow } from '../borrow/borrow.js';", /entry\.ts/],
    ['lib/a.ts', "import { DEFAULT_POLICY } from '../core/spec/parse.js';", /import type/],
    ['lib/a.ts', "import { specParameterName } from '../core/spec/spec.js';", /import type/],
    ['lib/a.ts', "import '../agent/main.js';", /bundles/],
    ['lib/a.ts', "import type { Seat } from '../core/seats/seat.js';", /core\/spec\/spec\.ts/],
    ['cli/a.ts', "import { x } from '../lib/storage.js';", /lib\/index\.ts/],
    ['bin/synkti.ts', "import { x } from '../core/rng.js';", /bin\/ may import cli/],
    ['bin/app.ts', "import { x } from '../lib/storage.js';", /lib\/index\.ts/],
    ['cli/a.ts', "import { x } from '../test/sources.js';", /cli\//],
  ];

  it.each(forbidden)('%s must not: %s', (path, line, allowedWay) => {
    const [message, ...more] = violations([sample(path, line)]);
    expect(more).toEqual([]);
    expect(message).toContain(path);
    expect(message).toContain(/'([^']+)'/.exec(line)?.[1]);
    expect(message).toMatch(allowedWay);
  });

  const allowed: readonly (readonly [from: string, line: string])[] = [
    ['core/seats/a.ts', "import { seatName } from './seat.js';"],
    ['core/seats/a.ts', "import type { Spec } from '../spec/spec.js';"],
    ['aws/a.ts', "import { EC2Client } from '@aws-sdk/client-ec2';"],
    ['aws/a.ts', "import type { CloudCall } from '../core/cloud.js';"],
    ['agent/drivers/a.ts', "import { errors } from '../../aws/errors.js';"],
    ['lambda/a.ts', "import { launchRequest } from '../core/seats/launch.js';"],
    ['sim/a.ts', "import { seededRng } from '../core/rng.js';"],
    ['local/ec2/a.ts', "import { seededRng } from '../../core/rng.js';"],
    ['local/a.ts', "import { zip } from '../aws/zip.js';"],
    ['borrow/a.ts', "import { LEASE_KEY } from '../core/fallback/lease.js';"],
    ['borrow/entry.ts', "export * from '../lib/index.js';"],
    ['examples/borrow/a.ts', "import { Synkti } from '../../borrow/entry.js';"],
    ['lib/a.ts', "import type { Spec } from '../core/spec/spec.js';"],
    ['lib/a.ts', "import { Stack } from 'aws-cdk-lib';"],
    ['cli/a.ts', "import { startCloud } from '../local/cloud.js';"],
    ['cli/a.ts', "import { SynktiCluster } from '../lib/index.js';"],
    ['bin/app.ts', "import { SynktiCluster } from '../lib/index.js';"],
    ['bin/synkti.ts', "import { main } from '../cli/main.js';"],
    ['test/a.ts', "import { x } from '../lib/storage.js';"],
    ['scripts/a.ts', "import { x } from '../agent/main.js';"],
  ];

  it.each(allowed)('%s may: %s', (path, line) => {
    expect(violations([sample(path, line)])).toEqual([]);
  });
});

describe('the finder of cycles', () => {
  it('names each cycle once, types included', () => {
    const files = [
      sample('core/a.ts', "import './b.js';"),
      sample('core/b.ts', "import type { C } from './c.js';"),
      sample('core/c.ts', "import './a.js';", "import './d.js';"),
      sample('core/d.ts', "import './d.js';"),
    ];
    expect(cycles(files)).toEqual(['core/a.ts -> core/b.ts -> core/c.ts -> core/a.ts', 'core/d.ts -> core/d.ts']);
  });

  it('is content with files that only share an import', () => {
    const files = [
      sample('core/a.ts', "import './b.js';", "import './c.js';"),
      sample('core/b.ts', "import './c.js';"),
      sample('core/c.ts'),
    ];
    expect(cycles(files)).toEqual([]);
  });
});
