import { readdirSync, readFileSync } from 'node:fs';
import { processStat } from '../drivers/process-group.js';

const PAGE_BYTES = 4_096;

/** Resident memory of a process group; shared pages count once for each process. Null where there is no /proc. */
export function groupMemoryBytes(leader: number): number | null {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return null;
  }
  let pages = 0;
  for (const name of names) {
    if (!/^\d+$/.test(name) || processStat(Number(name))?.group !== leader) continue;
    try {
      pages += Number(readFileSync(`/proc/${name}/statm`, 'latin1').split(' ')[1] ?? 0);
    } catch {
      // It has ended.
    }
  }
  return pages * PAGE_BYTES;
}
