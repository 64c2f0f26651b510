import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { groupRuns, processStat, signal } from './process-group.js';

/**
 * Processes of a former life of the agent. A killed agent leaves its workload running, and that would hold the port of
 * the new one; so the leader of each group is noted in a file, and the next agent ends the group first.
 */
export interface Leftovers {
  note(pid: number): void;
  forget(): void;
  /** Ends what the last life left. True when there was something. */
  end(): boolean;
}

export function leftoversOf(stateDir: string, workload: string): Leftovers {
  const dir = join(stateDir, 'workloads');
  const path = join(dir, `${workload}.json`);
  return {
    note(pid) {
      try {
        mkdirSync(dir, { recursive: true });
        writeFileSync(path, JSON.stringify({ pid, startedTicks: processStat(pid)?.startedTicks ?? null }));
      } catch {
        // Without the note the next life can't clean up: no reason not to run now.
      }
    },
    forget() {
      rmSync(path, { force: true });
    },
    end() {
      const noted = readNote(path);
      rmSync(path, { force: true });
      if (noted === null) return false;
      const leader = processStat(noted.pid);
      // Another process has the number now.
      if (leader !== null && leader.startedTicks !== noted.startedTicks) return false;
      return groupRuns(noted.pid) && signal(noted.pid, 'SIGKILL', true);
    },
  };
}

function readNote(path: string): { pid: number; startedTicks: number | null } | null {
  try {
    const { pid, startedTicks } = JSON.parse(readFileSync(path, 'utf8')) as { pid?: unknown; startedTicks?: unknown };
    if (!Number.isSafeInteger(pid) || (pid as number) < 2) return null;
    return { pid: pid as number, startedTicks: typeof startedTicks === 'number' ? startedTicks : null };
  } catch {
    return null;
  }
}
