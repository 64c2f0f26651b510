import { readdirSync, readFileSync } from 'node:fs';

/** Process groups of workloads, by the process that leads them. */

/** Sends a signal to a process, or with `group` to all of its group; false when there is nobody. */
export function signal(pid: number, name: NodeJS.Signals, group: boolean): boolean {
  try {
    return process.kill(group ? -pid : pid, name);
  } catch {
    return false;
  }
}

/** Whether a process of the group runs. Zombies are dead: a container's process 1 may never collect them. */
export function groupRuns(leader: number): boolean {
  try {
    process.kill(-leader, 0);
  } catch {
    return false;
  }
  const pids = processIds();
  if (pids === null) return true;
  return pids.some((pid) => {
    const stat = processStat(pid);
    return stat !== null && stat.group === leader && stat.state !== 'Z' && stat.state !== 'X';
  });
}

export interface ProcessStat {
  readonly state: string;
  readonly group: number;
  /** In clock ticks since boot: with the pid it names one process for good. */
  readonly startedTicks: number;
}

/** Null when there is no such process, or no /proc. */
export function processStat(pid: number): ProcessStat | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return null;
  }
}

/** proc(5): fields after the name, which may hold spaces and brackets itself. */
export function parseStat(text: string): ProcessStat | null {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, , group] = fields;
  const started = fields[19];
  if (state === undefined || group === undefined || started === undefined) return null;
  return { state, group: Number(group), startedTicks: Number(started) };
}

function processIds(): number[] | null {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return null;
  }
}
