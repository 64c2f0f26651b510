import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CloudCall, Outcome } from '../core/cloud.js';

/**
 * An agent that can't keep running gives its machine back instead of leaving it to bill and to hold a seat.
 *
 * Every start is noted in a file; a clean end removes it. Five starts within five minutes without a clean end are a
 * crash-loop: the brain is asked to leave, which hands the seat over and ends the instance. If even that brings no clean
 * end in two more starts, the agent ends the instance without its brain.
 */
export type StartVerdict = 'normal' | 'crash-loop' | 'hopeless';

export const CRASH_LOOP_STARTS = 5;
export const HOPELESS_STARTS = 7;
export const CRASH_LOOP_WINDOW_MS = 300_000;
/** Starts that are remembered. */
const KEEP_STARTS = 20;

/** Pure: what the starts so far, this one included, say. */
export function judgeStarts(startsMs: readonly number[], nowMs: number): StartVerdict {
  const recent = startsMs.filter((at) => at <= nowMs && nowMs - at < CRASH_LOOP_WINDOW_MS).length;
  if (recent >= HOPELESS_STARTS) return 'hopeless';
  return recent >= CRASH_LOOP_STARTS ? 'crash-loop' : 'normal';
}

const fileIn = (stateDir: string) => join(stateDir, 'starts.json');

/** Notes this start. A state directory that can't be written only costs the detection. */
export function noteStart(stateDir: string, nowMs: number): { verdict: StartVerdict; problem: string | null } {
  const starts = [...readStarts(fileIn(stateDir)), nowMs].slice(-KEEP_STARTS);
  let problem: string | null = null;
  try {
    mkdirSync(stateDir, { recursive: true });
    writeFileSync(fileIn(stateDir), JSON.stringify(starts));
  } catch (error) {
    problem = `The state directory ${stateDir} can't be written: ${error instanceof Error ? error.message : error}`;
  }
  return { verdict: judgeStarts(starts, nowMs), problem };
}

export function noteCleanEnd(stateDir: string): void {
  try {
    rmSync(fileIn(stateDir), { force: true });
  } catch {
    // A later start counts one too many.
  }
}

function readStarts(path: string): number[] {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return Array.isArray(value) ? value.filter((at): at is number => Number.isFinite(at)).slice(-KEEP_STARTS) : [];
  } catch {
    return [];
  }
}

export interface DirectGiveBack {
  readonly instanceId: string;
  readonly terminate: (call: CloudCall & { readonly op: 'terminate' }, timeoutMs: number) => Promise<Outcome>;
  readonly pause: (ms: number) => Promise<void>;
}

const TERMINATE_TIMEOUT_MS = 5_000;
const TERMINATE_TRIES = 100;

/** Ends the own instance without a brain; returns the last problem, or null when EC2 took the order. */
export async function giveBackDirectly(parts: DirectGiveBack): Promise<string | null> {
  let problem = '';
  for (let attempt = 0; attempt < TERMINATE_TRIES; attempt++) {
    const call = { op: 'terminate', instanceId: parts.instanceId } as const;
    const outcome = await parts.terminate(call, TERMINATE_TIMEOUT_MS);
    if (outcome.ok) return null;
    problem = `${outcome.error.code}: ${outcome.error.message}`;
    await parts.pause(Math.min(30_000, 500 * 2 ** Math.min(attempt, 10)));
  }
  return problem;
}
