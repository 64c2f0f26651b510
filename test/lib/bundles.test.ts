import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { App, Stack } from 'aws-cdk-lib';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundle } from '../../lib/bundles.js';

const inApp = (bundles: string): Stack => new Stack(new App({ context: { 'synkti:bundles': bundles } }), 'Test');

describe('a bundle', () => {
  it('is found in the folder of the context', () => {
    const folder = join(import.meta.dirname, 'bundles');
    expect(bundle(inApp(folder), 'agent.mjs')).toEqual({
      path: join(folder, 'agent.mjs'),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('that is missing is named, with what to do', () => {
    expect(() => bundle(inApp('/nowhere'), 'agent.mjs')).toThrow(
      'The bundle agent.mjs isn\'t in /nowhere; run "npm run build" in the synkti package.',
    );
  });

  it('is not looked for relative to the app’s folder', () => {
    expect(() => bundle(inApp('dist'), 'agent.mjs')).toThrow(/must be an absolute path, not dist/);
  });
});

describe('a shipped bundle', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'synkti-package-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it.each([
    ['in the repository', 'lib/bundles.mjs'],
    ['in the installed package', 'dist/lib/bundles.mjs'],
  ])('is found by the module %s', async (_where, module) => {
    mkdirSync(join(root, 'dist'), { recursive: true });
    writeFileSync(join(root, 'dist/agent.mjs'), '');
    cpSync(join(import.meta.dirname, '../../package.json'), join(root, 'package.json'));
    await build({
      entryPoints: [join(import.meta.dirname, '../../lib/bundles.ts')],
      outfile: join(root, module),
      bundle: true,
      format: 'esm',
      platform: 'node',
    });
    const moved: { bundle: typeof bundle } = await import(pathToFileURL(join(root, module)).href);
    expect(moved.bundle(new Stack(new App(), 'Test'), 'agent.mjs').path).toBe(join(root, 'dist/agent.mjs'));
  });
});
