import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { IConstruct } from 'constructs';

/** Context key of a folder with other bundles than the shipped ones, for those who build their own. */
const CONTEXT_KEY = 'synkti:bundles';

/** A file that was bundled when the package was built: nothing is bundled or fetched at synth. */
export interface Bundle {
  readonly path: string;
  /** SHA-256 of the file, in hex. */
  readonly sha256: string;
}

/** Finds a shipped bundle, such as `agent.mjs`. Throws when the package was never built. */
export function bundle(scope: IConstruct, file: string): Bundle {
  const path = find(scope, file, file);
  return { path, sha256: createHash('sha256').update(readFileSync(path)).digest('hex') };
}

/** Finds the folder of a function's bundle, such as `lambda/sweep`. Throws as {@link bundle}. */
export function bundleFolder(scope: IConstruct, folder: string): string {
  return dirname(find(scope, join(folder, 'index.mjs'), folder));
}

function find(scope: IConstruct, file: string, name: string): string {
  const folder = bundlesFolder(scope);
  const path = join(folder, file);
  if (existsSync(path)) return path;
  throw new Error(`The bundle ${name} isn't in ${folder}; run "npm run build" in the synkti package.`);
}

function bundlesFolder(scope: IConstruct): string {
  const own = scope.node.tryGetContext(CONTEXT_KEY);
  if (typeof own === 'string') {
    if (!isAbsolute(own)) throw new Error(`The context ${CONTEXT_KEY} must be an absolute path, not ${own}.`);
    return own;
  }
  // This module is dist/lib/bundles.js in the package and lib/bundles.ts in the repository.
  const here = dirname(fileURLToPath(import.meta.url));
  return here.endsWith(join('dist', 'lib')) ? dirname(here) : join(dirname(here), 'dist');
}
