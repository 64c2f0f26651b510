import { readdir, readFile } from 'node:fs/promises';

/**
 * Finds the processes of a machine in /proc: by a variable of the environment that the machine was booted with, which
 * children inherit, so that orphans and processes with a group of their own are found too; and by descent from those.
 * (A working directory would be inherited as well, but the user's own shell may stand in it.)
 */
export interface ProcessMark {
  /** `NAME=value` in the environment. */
  readonly environment: string;
}

/** What processes use. */
export interface ProcessUsage {
  readonly processes: number;
  /** Resident set, shared pages counted in each process. */
  readonly rssBytes: number;
  /** Proportional set: a page shared by n processes counts 1/n in each. */
  readonly pssBytes: number;
  /** User and system time. */
  readonly cpuMs: number;
}

/** USER_HZ: what /proc/<pid>/stat counts in, 100 on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100;

/** Pids of a machine; without /proc just those of `roots` that are given. Never this process itself. */
export async function findProcesses(mark: ProcessMark, roots: readonly number[] = []): Promise<number[]> {
  const pids = await allPids();
  if (pids === null) return [...roots];
  const found = new Set<number>(roots.filter((pid) => pids.includes(pid)));
  const parents = new Map<number, number>();
  await Promise.all(
    pids.map(async (pid) => {
      const parent = await parentOf(pid);
      if (parent !== null) parents.set(pid, parent);
      if (await isMarked(pid, mark)) found.add(pid);
    }),
  );
  for (let grown = true; grown; ) {
    grown = false;
    for (const [pid, parent] of parents) {
      if (!found.has(pid) && found.has(parent)) {
        found.add(pid);
        grown = true;
      }
    }
  }
  found.delete(process.pid);
  return [...found].sort((a, b) => a - b);
}

/** SIGKILL to all processes of a machine until none is left. Returns those that would not go within `rounds`. */
export async function killAll(mark: ProcessMark, roots: readonly number[] = [], rounds = 100): Promise<number[]> {
  let left: number[] = [];
  for (let round = 0; round < rounds; round++) {
    left = await findProcesses(mark, round === 0 ? roots : []);
    const alive = (await Promise.all(left.map(isAlive))).some((one) => one);
    if (!alive) return [];
    for (const pid of left) signal(pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, Math.min(50, 2 * (round + 1))));
  }
  return left;
}

/** Sends a signal; false when the process is gone. A negative pid is a process group. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** Memory and processor time of some processes; those that are gone count nothing. */
export async function usageOf(pids: readonly number[]): Promise<ProcessUsage> {
  const each = await Promise.all(pids.map(usageOfOne));
  const total = { processes: 0, rssBytes: 0, pssBytes: 0, cpuMs: 0 };
  for (const one of each) {
    if (one === null) continue;
    total.processes++;
    total.rssBytes += one.rssBytes;
    total.pssBytes += one.pssBytes;
    total.cpuMs += one.cpuMs;
  }
  return total;
}

async function usageOfOne(pid: number): Promise<Omit<ProcessUsage, 'processes'> | null> {
  const [stat, rollup] = await Promise.all([read(`/proc/${pid}/stat`), read(`/proc/${pid}/smaps_rollup`)]);
  const fields = statFields(stat);
  if (fields === null) return null;
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup ?? '')?.[1] ?? 0);
  const ticks = Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  return { rssBytes: kib('Rss') * 1024, pssBytes: kib('Pss') * 1024, cpuMs: (ticks * 1000) / TICKS_PER_SECOND };
}

async function allPids(): Promise<number[] | null> {
  try {
    return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  } catch {
    return null;
  }
}

async function isMarked(pid: number, mark: ProcessMark): Promise<boolean> {
  return (await read(`/proc/${pid}/environ`))?.split('\0').includes(mark.environment) ?? false;
}

async function parentOf(pid: number): Promise<number | null> {
  const parent = Number(statFields(await read(`/proc/${pid}/stat`))?.[1]);
  return Number.isInteger(parent) ? parent : null;
}

/** A zombie is dead: only its parent hasn't asked yet. */
async function isAlive(pid: number): Promise<boolean> {
  const state = statFields(await read(`/proc/${pid}/stat`))?.[0];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** Fields of /proc/<pid>/stat from the state on; the name before may hold spaces and brackets. */
function statFields(stat: string | null): string[] | null {
  return stat === null ? null : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

async function read(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'latin1');
  } catch {
    return null;
  }
}
