/**
 * Agents and functions racing in real rehearsals of the example stack: three nodes of six are taken while no queue has a
 * delay, so that the agent of each and a function act at the same moment; in every second one EventBridge delivers
 * everything twice. What is counted stands in the verdict, which never asks an agent.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const NODES = 6;
/** One takes about a minute on an idle machine. */
const TIMEOUT_MS = 300_000;

interface Verdict {
  readonly kept: boolean;
  /** Why it couldn't be played. */
  readonly problem?: string;
  readonly duplicates?: number;
  readonly promises?: readonly {
    readonly id: string;
    readonly state: string;
    readonly figure: string;
    readonly because: readonly string[];
  }[];
  readonly run?: {
    readonly wallMs: number;
    readonly calls: readonly { readonly action: string; readonly principal: string; readonly count: number }[];
  };
}

export interface RaceTotals {
  readonly played: number;
  /** Seats that two nodes held for longer than the surplus window. */
  readonly duplicates: number;
  readonly emptySeats: number;
  /** Promises of any kind that were broken. */
  readonly broken: number;
  /** Rehearsals that came to no verdict. */
  readonly failed: number;
}

/** Plays them one after another. */
export function raceRehearsals(count: number, say: (line: string) => void): RaceTotals {
  const folder = mkdtempSync(join(tmpdir(), 'synkti-race-'));
  const totals = { played: 0, duplicates: 0, emptySeats: 0, broken: 0, failed: 0 };
  try {
    const template = synthesize(folder);
    // A build meanwhile doesn't change what is measured.
    cpSync(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true });
    for (let seed = 1; seed <= count; seed++) {
      const verdict = rehearse(folder, template, seed);
      const promise = (id: string) => verdict.promises?.find((one) => one.id === id);
      const [one, refilled] = [promise('one-replacement'), promise('seats-refilled')];
      if (one === undefined || refilled === undefined) {
        totals.failed++;
        say(`rehearsal ${seed}: no verdict: ${verdict.problem ?? 'none was written'}`);
        continue;
      }
      totals.played++;
      const twins = one.because.filter((why) => why.includes('both held seat')).length;
      const empty = refilled.because.filter((why) => why.includes('is empty at the end')).length;
      const broken = (verdict.promises ?? []).filter(({ state }) => state === 'broken');
      totals.duplicates += twins;
      totals.emptySeats += empty;
      totals.broken += broken.length;
      const launches = (principal: string): number =>
        (verdict.run?.calls ?? [])
          .filter((call) => call.action === 'CreateFleet' && call.principal === principal)
          .reduce((sum, call) => sum + call.count, 0);
      say(
        `rehearsal ${seed}: ${one.figure}; ${refilled.figure}; CreateFleet by nodes ${launches('node')}, ` +
          `by functions ${launches('function')}; ${Math.round((verdict.run?.wallMs ?? 0) / 1000)} s`,
      );
      for (const { id, because } of broken) say(`  broken: ${id}: ${because.join('; ')}`);
    }
    return totals;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function synthesize(folder: string): string {
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', join(ROOT, 'bin/app.ts')], {
    cwd: ROOT,
    env: { ...process.env, CDK_OUTDIR: folder },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`The example app can't be synthesized:\n${stderr}`);
  return join(folder, 'SynktiExample.template.json');
}

function rehearse(folder: string, template: string, seed: number): Verdict {
  const file = join(folder, `verdict-${seed}.json`);
  const slot = (offset: number): number => (seed + offset) % NODES;
  const { stdout, error } = spawnSync(
    process.execPath,
    [
      ...[
        join(folder, 'dist/synkti.mjs'),
        'rehearse',
        '--template',
        template,
        '--json',
        file,
        '--seed',
        `race-${seed}`,
      ],
      ...['--race', `${slot(0)}@1s`, '--race', `${slot(2)},${slot(4)}@4s`],
      ...(seed % 2 === 0 ? ['--double-events'] : []),
    ],
    // As Ctrl-C: everything that was started is stopped.
    { encoding: 'utf8', timeout: TIMEOUT_MS, killSignal: 'SIGINT' },
  );
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Verdict;
  } catch {
    const last = (stdout ?? '').trim().split('\n').at(-1) ?? '';
    return { kept: false, problem: error === undefined ? last : `${error.message}; last said: ${last}` };
  }
}
