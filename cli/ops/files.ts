import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, UserError } from '../user-error.js';

function reasonOf(error: unknown, path: string): string {
  switch ((error as NodeJS.ErrnoException | null)?.code) {
    case 'ENOENT':
      return `there is no folder ${dirname(path)}`;
    case 'EISDIR':
      return 'it is a folder';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `${dirname(path)} may not be written to`;
    case 'ENOSPC':
      return 'the disk is full';
    default:
      return messageOf(error);
  }
}

/** Written aside and renamed: nobody sees half a file. @throws UserError */
export function writeWhole(path: string, text: string, option: string): void {
  const aside = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(aside, text);
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw new UserError(`${option} ${path} can't be written: ${reasonOf(error, path)}.`);
  }
}
