import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The command line as it ships; `npm test` builds it first. */
export const PROGRAM = join(import.meta.dirname, '..', '..', 'dist', 'synkti.mjs');

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** One run of the command line, with a temporary directory of its own in which nothing may be left. */
export class Run {
  readonly child: ChildProcess;
  readonly temp = mkdtempSync(join(tmpdir(), 'cli-test-'));
  readonly ended: Promise<Ended>;
  out = '';
  err = '';

  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    if (!existsSync(PROGRAM)) throw new Error('dist/synkti.mjs is missing; run: npm run build');
    this.child = spawn(process.execPath, [PROGRAM, ...args], {
      env: { ...process.env, NO_COLOR: '1', TMPDIR: this.temp, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk) => (this.out += chunk));
    this.child.stderr?.on('data', (chunk) => (this.err += chunk));
    this.ended = new Promise((resolve) =>
      this.child.once('close', (code) => resolve({ code, out: this.out, err: this.err })),
    );
  }

  /** Until the output holds the text; rejects when the program ends before. */
  async shows(text: string): Promise<void> {
    let over = false;
    void this.ended.then(() => (over = true));
    while (!this.out.includes(text)) {
      if (over) throw new Error(`ended without "${text}":\n${this.out}${this.err}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Files in the run's temporary directory, and processes that know of it. */
  leftovers(): { readonly files: readonly string[]; readonly processes: readonly number[] } {
    const processes: number[] = [];
    for (const entry of existsSync('/proc') ? readdirSync('/proc') : []) {
      if (!/^\d+$/.test(entry)) continue;
      try {
        const line = readFileSync(`/proc/${entry}/environ`, 'latin1');
        if (line.includes(this.temp)) processes.push(Number(entry));
      } catch {
        // Ended, or somebody else's.
      }
    }
    return { files: readdirSync(this.temp), processes };
  }

  async cleanUp(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
    rmSync(this.temp, { recursive: true, force: true });
  }
}
