/** A drill without AWS: a rehearsal in a process of its own, whose verdict becomes the record. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { DrillFlags } from '../../../drill.js';
import { onSignals } from '../../../signals.js';
import { UserError } from '../../../user-error.js';
import { shellLine } from '../exec.js';
import { type DrillRecord, writeRecord } from './record.js';

const FOR_AWS = [
  'nodes',
  'node',
  'zone',
  'role',
  'alarm',
  'force',
  'cluster',
  'endpoint',
  'profile',
  'region',
] as const;

/** The part of a rehearsal's JSON that a record needs. */
interface RehearsalVerdict {
  readonly kept: boolean;
  readonly startedAt?: string;
  readonly problem?: string;
  readonly run?: { readonly scenario: string; readonly nodes: number; readonly seed: string };
  readonly promises?: readonly {
    readonly text: string;
    readonly state: 'kept' | 'broken' | 'untested';
    readonly figure: string;
  }[];
}

/** @returns the exit code */
export async function drillLocally(rest: readonly string[], flags: DrillFlags): Promise<number> {
  const given = FOR_AWS.find((name) => flags[name] !== undefined);
  if (given !== undefined)
    throw new UserError(`--${given} is for AWS; with --local give synkti rehearse's own flags after --.`);
  if (rest.some((word) => word === '--keep' || word.startsWith('--json'))) {
    throw new UserError(
      'A drill ends, and writes a record of its own: --keep and --json are for synkti rehearse alone.',
    );
  }
  const folder = mkdtempSync(join(tmpdir(), 'synkti-drill-'));
  const file = join(folder, 'verdict.json');
  const args = [...process.execArgv, process.argv[1] ?? '', 'rehearse', ...rest, '--json', file];
  if (flags.dryRun === true) {
    rmSync(folder, { recursive: true });
    process.stdout.write(dryRunText(rest, flags.json === true));
    return 0;
  }
  // A Ctrl-C at the terminal reaches the rehearsal, too: it ends in order, and is waited for.
  const stopper = onSignals();
  try {
    const code = await play(args, flags.json === true, stopper.signal);
    const verdict = verdictIn(file);
    if (verdict === null) {
      if (code === 130) process.stderr.write('Stopped; no record was written. Begin again with the same command.\n');
      return code === 0 ? 1 : code;
    }
    const record = recordOf(verdict);
    const files = writeRecord(flags.output, record);
    if (flags.json === true)
      process.stdout.write(`${JSON.stringify({ format: 1, command: 'drill', record, files }, null, 2)}\n`);
    // The rehearsal has told its verdict itself.
    else process.stdout.write(`\nThe record was written: ${files.join(', ')}\n`);
    return code;
  } finally {
    stopper.release();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What it would play, fit for a shell. Exported for its tests. */
export function dryRunText(rest: readonly string[], json: boolean): string {
  const line = shellLine(['synkti', 'rehearse', ...rest]);
  const facts = { format: 1, command: 'drill', steps: [line], dryRun: true };
  return json ? `${JSON.stringify(facts, null, 2)}\n` : `It would play: ${line}\nA dry run: nothing was done.\n`;
}

function play(args: readonly string[], quiet: boolean, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit'] });
    const stop = (): void => void child.kill('SIGINT');
    // Twice would end it at once; a terminal has told it already.
    if (process.stdin.isTTY !== true) signal.addEventListener('abort', stop, { once: true });
    child.once('error', reject);
    child.once('close', (code) => {
      signal.removeEventListener('abort', stop);
      resolve(code ?? 130);
    });
  });
}

function verdictIn(file: string): RehearsalVerdict | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RehearsalVerdict;
  } catch {
    return null;
  }
}

/** Exported for its tests. */
export function recordOf(verdict: RehearsalVerdict): DrillRecord {
  const { run } = verdict;
  const now = new Date().toISOString();
  const told = run === undefined ? (verdict.problem ?? '') : `${run.scenario}; ${run.nodes} nodes, seed ${run.seed}`;
  return {
    format: 1,
    kind: 'rehearsal',
    cluster: 'a rehearsal',
    region: null,
    what: `A rehearsal on this machine. ${told}`,
    startedAt: verdict.startedAt ?? now,
    endedAt: now,
    kept: verdict.kept,
    promises: (verdict.promises ?? []).map(({ text, state, figure }) => ({
      promise: text,
      kept: state === 'untested' ? null : state === 'kept',
      told: figure,
    })),
    hits: [],
    signedOff: { by: `${userInfo().username} on this machine`, account: null },
  };
}
