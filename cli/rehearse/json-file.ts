import { accessSync, constants, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { messageOf, UserError } from '../user-error.js';

/** Finds out before a run whether its result can be written. @throws UserError */
export function checkWritable(path: string, option: string): void {
  const folder = dirname(resolve(path));
  let why: string | null = null;
  try {
    if (!statSync(folder).isDirectory()) why = `${folder} is not a folder`;
    else accessSync(folder, constants.W_OK);
  } catch (error) {
    why =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? `${folder} doesn't exist` : `${folder} can't be written to`;
  }
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing !== undefined && !existing.isFile()) why = 'it is there and is not a file';
  if (why !== null) throw new UserError(`${option} ${path} can't be written: ${why}.`);
}

/** @throws UserError */
export function makeFolder(path: string, option: string): void {
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw new UserError(`${option} ${path} can't be made or written to: ${messageOf(error)}.`);
  }
}

/** Written aside and renamed: a reader sees all of it or nothing. */
export function writeJson(path: string, value: unknown): void {
  const aside = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(aside, `${JSON.stringify(value, null, 2)}\n`);
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
}
