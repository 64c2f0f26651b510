import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { leftoversOf } from '../drivers/leftovers.js';
import { openLogFile } from '../drivers/log-file.js';
import { groupRuns, processStat, signal } from '../drivers/process-group.js';
import { groupMemoryBytes } from './memory.js';

/** What runs for a task: a process group, or a container. */
export interface Program {
  /** Once nothing of it is left. Never rejects. */
  readonly ended: Promise<ProgramEnd>;
  /** SIGUSR1, if it has a handler for it. Null: sent; else why not. */
  tell(): Promise<string | null>;
  /** Asks it to end, ends it by force after `graceMs`; said again: the earlier end counts. */
  stop(graceMs: number): void;
  /** Where its own ports are reached. */
  host(): Promise<string>;
  /** What it holds now; null: not known. */
  memoryBytes(): Promise<number | null>;
}

export interface ProgramEnd {
  /** Null: it was ended by a signal, or couldn't begin. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Why it couldn't begin. */
  readonly problem: string | null;
}

export interface ProcessPlan {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logPath: string;
  /** For the note of its process, should the agent die. */
  readonly stateDir: string;
}

export type Begun = { readonly ok: true; readonly program: Program } | { readonly ok: false; readonly problem: string };

/** Output that is kept: the present file and the one before. */
const MAX_LOG_BYTES = 8 * 1_048_576;
const WATCH_MS = 50;

/** Runs a program as a process group of its own, without a shell. Resolves when it runs, or can't. */
export async function startProcess(plan: ProcessPlan): Promise<Begun> {
  const [name = '', ...args] = plan.command;
  mkdirSync(plan.cwd, { recursive: true });
  const log = openLogFile(plan.logPath, MAX_LOG_BYTES);
  const leftovers = leftoversOf(plan.stateDir, 'task');
  let child: ChildProcess;
  try {
    child = spawn(name, args, {
      cwd: plan.cwd,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: plan.environment,
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
  } catch (error) {
    log.close();
    return { ok: false, problem: spawnProblem(name, error as NodeJS.ErrnoException) };
  }
  const pid = child.pid ?? 0;
  leftovers.note(pid);
  const exited = new Promise<ProgramEnd>((resolve) => {
    child.on('error', () => {});
    child.once('exit', (exitCode, by) => resolve({ exitCode, signal: by, problem: null }));
  });
  const ended = exited.then(async (end) => {
    // Children that outlive the program would hold its memory and its GPU.
    signal(pid, 'SIGKILL', true);
    while (groupRuns(pid)) await sleep(WATCH_MS);
    clearTimeout(killer);
    leftovers.forget();
    log.close();
    return end;
  });
  let killer: NodeJS.Timeout | undefined;
  let killAtMs = Number.POSITIVE_INFINITY;
  const runs = () => child.exitCode === null && child.signalCode === null;

  return {
    ok: true,
    program: {
      ended,
      async tell() {
        if (!runs()) return 'it has ended';
        if (!catches(pid, SIGUSR1)) return 'it has no handler for SIGUSR1, which would end it';
        return signal(pid, 'SIGUSR1', false) ? null : 'it has ended';
      },
      stop(graceMs) {
        if (!runs()) return;
        const at = performance.now() + graceMs;
        if (killAtMs === Number.POSITIVE_INFINITY) signal(pid, 'SIGTERM', false);
        if (at >= killAtMs) return;
        killAtMs = at;
        clearTimeout(killer);
        killer = setTimeout(() => signal(pid, 'SIGKILL', true), graceMs);
      },
      host: async () => '127.0.0.1',
      memoryBytes: async () => (processStat(pid) === null ? null : groupMemoryBytes(pid)),
    },
  };
}

function spawnProblem(name: string, { code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOENT':
      return `there is no program ${name} on this node`;
    case 'EACCES':
      return `${name} may not be run: it isn't an executable file`;
    default:
      return `${name} can't be started: ${message}`;
  }
}

/** Number of the signal on Linux. */
const SIGUSR1 = 10;

/** Whether a process handles or ignores a signal, by proc(5)'s masks; true where there is no /proc. */
export function catches(pid: number, number: number): boolean {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return true;
  }
  return ['SigCgt', 'SigIgn'].some((field) => {
    const mask = new RegExp(`^${field}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1];
    return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(number - 1)) & 1n) === 1n;
  });
}
