/** The source files of this project, for the tests that look at the code itself. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export const FOLDERS = [
  'agent',
  'aws',
  'bench',
  'bin',
  'borrow',
  'cli',
  'core',
  'examples',
  'lambda',
  'lib',
  'local',
  'scripts',
  'sim',
  'test',
] as const;

export interface Source {
  /** From the project's root, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** All TypeScript files under these folders; a folder that isn't there has none. */
export function sources(folders: readonly string[] = FOLDERS): Source[] {
  return folders
    .flatMap((folder) => pathsUnder(folder))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

function pathsUnder(folder: string): string[] {
  let entries: string[];
  try {
    entries = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
  return entries
    .map((entry) => `${folder}/${entry.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts') && !path.includes('/node_modules/'))
    .sort();
}
