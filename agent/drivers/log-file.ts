import { closeSync, copyFileSync, fstatSync, ftruncateSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * A bounded log of a workload. The workload writes into the file itself, so that its output costs the agent nothing and
 * survives the agent's restart; every few seconds an overgrown file is copied to `<name>.1` and emptied. Lines written
 * between copy and cut are lost.
 */
export interface LogFile {
  /** For a child's stdio; opened for appending, so a cut doesn't leave a hole. */
  readonly fd: number;
  close(): void;
}

const MAX_BYTES = 8 * 1_024 * 1_024;
const CHECK_MS = 5_000;

export function openLogFile(path: string, maxBytes = MAX_BYTES, checkMs = CHECK_MS): LogFile {
  mkdirSync(dirname(path), { recursive: true });
  const fd = openSync(path, 'a', 0o640);
  const timer = setInterval(() => rotate(fd, path, maxBytes), checkMs);
  timer.unref();
  return {
    fd,
    close() {
      clearInterval(timer);
      closeSync(fd);
    },
  };
}

/** True when the file was cut. A full disk must not end the agent. */
export function rotate(fd: number, path: string, maxBytes: number): boolean {
  try {
    if (fstatSync(fd).size <= maxBytes) return false;
    copyFileSync(path, `${path}.1`);
  } catch {
    // Without the copy still better cut than a full disk.
  }
  try {
    ftruncateSync(fd, 0);
  } catch {
    return false;
  }
  return true;
}
