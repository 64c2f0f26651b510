import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { messageOf, UserError } from '../user-error.js';

/** Written aside and renamed: nobody sees half a file. @throws UserError */
export function writeWhole(path: string, text: string, option: string): void {
  const aside = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(aside, text);
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw new UserError(`${option} ${path} can't be written: ${messageOf(error)}.`);
  }
}
