import { accessSync, constants, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { SimInputError } from '../../sim/error.js';
import { parseTrace, type Trace } from '../../sim/market/trace.js';

/** Files that the simulator reads and writes. */

export function readText(path: string, option: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new SimInputError(`${option} ${path} can't be read: ${reason(error)}`);
  }
}

/** Named by their files; by folder and file where two files have one name. */
export function readTraces(paths: readonly string[]): Trace[] {
  const names = paths.map((path) => basename(path, '.json'));
  return paths.map((path, i) => {
    const name = names[i] as string;
    const isDouble = names.indexOf(name) !== names.lastIndexOf(name);
    return parseTrace(isDouble ? `${basename(dirname(resolve(path)))}/${name}` : name, readText(path, '--trace'));
  });
}

/** Before a long run: whether its result can be written. */
export function requireWritable(path: string, option: string): void {
  try {
    if (path === '') throw new Error('it has no name');
    const existing = statSync(path, { throwIfNoEntry: false });
    if (existing !== undefined && !existing.isFile()) throw new Error('it is there and is not a file');
    accessSync(dirname(resolve(path)), constants.W_OK);
  } catch (error) {
    throw new SimInputError(`${option} ${path} can't be written: ${reason(error)}`);
  }
}

/** Written aside and renamed: nobody sees half a file. */
export function writeWhole(path: string, text: string, option: string): void {
  const aside = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(aside, text);
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw new SimInputError(`${option} ${path} can't be written: ${reason(error)}`);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  ENOTDIR: 'its folder is not a folder',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left',
};

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return REASONS[code] ?? (error instanceof Error ? error.message : String(error));
}
