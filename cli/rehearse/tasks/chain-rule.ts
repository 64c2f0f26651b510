/**
 * What the tasks of a rehearsal compute: a chain of digests. It can't be guessed, skipped or computed out of order, and
 * what is right can be computed at once by anybody who doesn't wait between the steps.
 */
import { createHash } from 'node:crypto';

/** Digests in one step: some work for a processor, and next to nothing for one that plays many tasks. */
const ROUNDS = 16;

/** Before the first step. */
export const chainStart = (seed: string): string => sha256(`synkti chain ${seed}`);

/** After step `step`, which counts from 1. */
export function chainStep(digest: string, step: number): string {
  let next = digest;
  for (let round = 0; round < ROUNDS; round++) next = sha256(`${next} ${step} ${round}`);
  return next;
}

export function chainDigest(seed: string, steps: number): string {
  let digest = chainStart(seed);
  for (let step = 1; step <= steps; step++) digest = chainStep(digest, step);
  return digest;
}

/** What a task saves besides its step: the digest, made as long as a real state might be. No part of it stays the same. */
export const chainState = (digest: string, kib: number): string => digest.repeat(Math.max(1, kib * 16));

/** The last line of a task that is done. */
export const resultLine = (digest: string): string => `result ${digest}`;

/** The result in the last lines of a task; null: there is none. */
export const resultIn = (tail: string): string | null => /^result ([0-9a-f]{64})\s*$/m.exec(tail)?.[1] ?? null;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
