/**
 * The task of a rehearsal, a program of its own: as slow as a real one, as cheap as can be, and checkable.
 *
 *     node chain.mjs <seed> <steps> <ms a step> <KiB of state> <ms between saves>
 *
 * Its state is two files in SYNKTI_CHECKPOINT_DIR, `step` and `state`, that are replaced one after the other: between
 * the two the folder is torn on purpose, and only then is the mark (SYNKTI_CHECKPOINT_MARK) replaced. It begins where the
 * folder says, after a check that both fit; saves now and then; saves at once at SIGUSR1; and at SIGTERM saves and
 * ends. Its last line is the result.
 *
 * REHEARSAL_WITNESS names a folder in which each execution writes down what it does, beyond the reach of Synkti
 * and of a node's end: the verdict believes that, and not what Synkti says of itself.
 */
import { openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { chainDigest, chainStart, chainState, chainStep, resultLine } from './chain-rule.js';
import { type WitnessLine, witnessText } from './witness-line.js';

/** Both files are never replaced at once: long enough that a copy made meanwhile is torn. */
const TORN_MS = 3;
const TORN_EXIT_CODE = 3;
/** As a shell tells the end by SIGTERM. */
const TERMINATED_EXIT_CODE = 143;

const startedMs = Date.now();
const task = process.env.SYNKTI_TASK_ID ?? 'task';

const [seed = '', stepsText = '', stepMsText = '', kibText = '', saveText = ''] = process.argv.slice(2);
const steps = whole(stepsText, 'steps');
const stepMs = whole(stepMsText, 'ms a step');
const kib = whole(kibText, 'KiB of state');
const saveEveryMs = whole(saveText, 'ms between saves');
const folder = process.env.SYNKTI_CHECKPOINT_DIR ?? null;
const mark = process.env.SYNKTI_CHECKPOINT_MARK ?? null;
const witness = openWitness(process.env.REHEARSAL_WITNESS);

let { step, digest } = restore();
const from = step;
let savedStep = step;
let saving = false;
let ending = false;
testify('running', from, step);

function whole(text: string, what: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  process.stderr.write(
    `usage: chain.mjs <seed> <steps> <ms a step> <KiB of state> <ms between saves>: ${what} must be a whole number, not "${text}"\n`,
  );
  process.exit(2);
}

/** The saved state, or the beginning. A state that doesn't fit together ends the task: it must never be restored. */
function restore(): { step: number; digest: string } {
  const stepText = read('step');
  const state = read('state');
  if (stepText === null && state === null) return { step: 0, digest: chainStart(seed) };
  const at = /^\d{1,9}$/.test(stepText ?? '') ? Number(stepText) : Number.NaN;
  const digest = at <= steps ? chainDigest(seed, at) : null;
  if (digest === null || state !== chainState(digest, kib)) {
    testify('torn', 0, 0);
    process.stderr.write(
      `torn checkpoint: step ${stepText} and a state of ${state?.length} bytes that begins with ${state?.slice(0, 64)}\n`,
    );
    process.exit(TORN_EXIT_CODE);
  }
  process.stdout.write(`goes on from step ${at} of ${steps}\n`);
  return { step: at, digest };
}

function read(name: string): string | null {
  if (folder === null) return null;
  try {
    return readFileSync(join(folder, name), 'utf8');
  } catch {
    return null;
  }
}

function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

async function save(): Promise<void> {
  if (folder === null || saving || savedStep === step) return;
  saving = true;
  const now = { step, digest };
  replace(join(folder, 'step'), String(now.step));
  await sleep(TORN_MS);
  replace(join(folder, 'state'), chainState(now.digest, kib));
  if (mark !== null) replace(mark, String(now.step / steps));
  savedStep = now.step;
  saving = false;
}

function openWitness(path: string | undefined): number | null {
  if (path === undefined || path === '') return null;
  return openSync(join(path, `${task}.${startedMs}.${process.pid}`), 'w');
}

/** One line of a fixed length, written over and over. */
function testify(state: WitnessLine['state'], from: number, step: number): void {
  if (witness !== null) writeSync(witness, witnessText({ task, startedMs, atMs: Date.now(), from, step, state }), 0);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

process.on('SIGUSR1', () => void save());
process.on('SIGTERM', () => {
  ending = true;
});

let savedMs = performance.now();
while (step < steps && !ending) {
  await sleep(stepMs);
  step++;
  digest = chainStep(digest, step);
  testify('running', from, step);
  if (performance.now() - savedMs < saveEveryMs) continue;
  savedMs = performance.now();
  await save();
}
while (saving) await sleep(1);
await save();
if (step < steps) process.exitCode = TERMINATED_EXIT_CODE;
else {
  testify('done', from, step);
  process.stdout.write(`${resultLine(digest)}\n`);
}
