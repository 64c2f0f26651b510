/**
 * How every voluntary act goes: look, plan, ask the Banker's rule, show, let confirm, do, watch. A Ctrl-C between two steps
 * says what was done and how to go on.
 */
import type { Command } from 'commander';
import { type FoundCluster, findCluster } from '../../aws/clusters.js';
import { addClusterOptions, type ClusterFlags, type Colors } from '../../aws/flags.js';
import { type Session, withSession } from '../../aws/session.js';
import { onSignals } from '../../signals.js';
import { UserError } from '../../user-error.js';
import { readDuration, showDuration } from '../../values.js';
import { readAnswers } from '../read.js';
import { wrap } from '../show.js';
import { terminalWidth } from '../table.js';
import { type ClusterView, viewOf } from '../view.js';
import type { Safety } from './banker.js';
import { confirm } from './confirm.js';

export interface ActFlags extends ClusterFlags {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly force?: boolean;
  /** False: `--no-wait`. */
  readonly wait?: boolean;
  readonly timeout?: string;
}

export interface Scene {
  readonly session: Session;
  readonly cluster: FoundCluster;
  readonly view: ClusterView;
}

/** How far the act has come, by a fresh look. */
export interface Progress {
  readonly done: boolean;
  readonly text: string;
}

export interface ActPlan {
  /** `Drain i-0123 in slot 3 of cluster "web"`. */
  readonly title: string;
  /** What it comes to, step by step. */
  readonly steps: readonly string[];
  readonly safety: Safety;
  readonly undo: string;
  /** Worth knowing, and not a reason against it. */
  readonly notes: readonly string[];
  /** How to look on later. */
  readonly goOn: string;
  /** A sentence why there is nothing to do; null: there is. */
  readonly nothing: string | null;
  /** Does it, and says in sentences what was done. */
  carryOut(did: (text: string) => void, stage: Stage): Promise<void>;
  /** Absent: it is done at once. */
  progress?(view: ClusterView): Progress;
}

/** What an act that takes long is given. */
export interface Stage {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Says something that isn't done. */
  readonly say: (text: string) => void;
  readonly look: () => Promise<Scene>;
  /** Of an act that judges what it did: nothing is watched after it. */
  readonly settle: (outcome: Outcome) => void;
}

export interface Outcome {
  readonly code: number;
  /** For the JSON. */
  readonly facts: object;
}

export const LOOK_EVERY_MS = 2_000;

export function addActOptions(command: Command, { waits = true } = {}): Command {
  command
    .option('--dry-run', 'shows what it would do, and whether that is safe')
    .option('-y, --yes', 'does not ask')
    .option('--force', "goes on although the Banker's rule says that it isn't safe");
  if (waits) {
    command
      .option('--no-wait', 'does not watch until it is done')
      .option('--timeout <time>', 'how long it watches at most', '15m');
  }
  return addClusterOptions(command);
}

export async function runAct(
  name: string,
  flags: ActFlags,
  planOf: (scene: Scene) => ActPlan | Promise<ActPlan>,
): Promise<void> {
  const timeoutMs = readDuration(flags.timeout ?? '15m', '--timeout', 1_000, 86_400_000);
  const stopper = onSignals();
  try {
    process.exitCode = await withSession(flags, (session) => act(name, flags, session, planOf, stopper, timeoutMs));
    if (stopper.crash() !== null) throw stopper.crash();
  } finally {
    stopper.release();
  }
}

async function act(
  name: string,
  flags: ActFlags,
  session: Session,
  planOf: (scene: Scene) => ActPlan | Promise<ActPlan>,
  { signal }: { readonly signal: AbortSignal },
  timeoutMs: number,
): Promise<number> {
  const look = async (): Promise<Scene> => {
    const cluster = await findCluster(session, flags);
    return { session, cluster, view: viewOf(cluster.spec, session.region, await readAnswers(session, cluster.spec)) };
  };
  const scene = await look();
  const plan = await planOf(scene);
  const say = (text: string): void => void (session.json || process.stdout.write(`${text}\n`));
  const did: string[] = [];
  const end = (code: number, more: object = {}): number => {
    if (session.json) {
      const facts = { format: 1, command: name, cluster: scene.cluster.name, region: session.region };
      const all = { ...facts, ...planJson(plan), did, ...NOT_SO, dryRun: flags.dryRun === true, ...more };
      process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
    }
    return code;
  };
  say(planText(plan, session.colors, terminalWidth()));
  if (plan.nothing !== null) return end(0);
  if (flags.dryRun === true) {
    say('A dry run: nothing was done.');
    return end(plan.safety.safe ? 0 : 1);
  }
  if (!plan.safety.safe && flags.force !== true) {
    say("Nothing was done. Mend what isn't safe, or say --force.");
    return end(1, { refused: true });
  }
  if (flags.yes !== true && !(await confirm(session, `${plan.title}?`, signal))) {
    say('Nothing was done.');
    return end(signal.aborted ? 130 : 1, { declined: !signal.aborted, interrupted: signal.aborted });
  }
  if (signal.aborted) {
    say('Stopped; nothing was done.');
    return end(130, { interrupted: true });
  }
  try {
    const settled: Outcome[] = [];
    await plan.carryOut(
      (text) => {
        did.push(text);
        say(session.colors.green(text));
      },
      { signal, timeoutMs, say, look, settle: (outcome) => void settled.push(outcome) },
    );
    const [outcome] = settled;
    if (outcome !== undefined) return end(outcome.code, outcome.facts);
  } catch (error) {
    const told = session.explain(error);
    // Half of it may be done: that must be known before the error is.
    if (did.length > 0) process.stderr.write(`Of it this was done: ${did.join(' ')}\n`);
    throw told;
  }
  if (plan.progress === undefined || flags.wait === false) return end(0);
  const watched = await watch(look, plan.progress.bind(plan), { session, signal, timeoutMs, say });
  if (watched.end === 'interrupted') say(`Stopped watching; what was begun goes on by itself. ${plan.goOn}`);
  if (watched.end === 'timeout') say(`Not done after ${showDuration(timeoutMs)}; it goes on by itself. ${plan.goOn}`);
  const code = { done: 0, timeout: 1, interrupted: 130 }[watched.end];
  const interrupted = watched.end === 'interrupted';
  return end(code, { interrupted, watched: { ...watched, tookMs: Math.round(watched.tookMs) } });
}

/** The fields of the JSON that say how it ended: always there. */
const NOT_SO = { refused: false, declined: false, interrupted: false, watched: null };

/** Where there is nothing to do, no step is told and nothing needs to be undone. Exported for its tests. */
export function planJson({ title, steps, safety, undo, notes, nothing }: ActPlan): object {
  const idle = nothing !== null;
  const plan = { title, steps: idle ? [] : steps, safe: safety.safe, why: safety.why };
  return { ...plan, undo: idle ? null : undo, notes: idle ? [] : notes, nothing };
}

interface Watched {
  readonly end: 'done' | 'timeout' | 'interrupted';
  readonly tookMs: number;
  /** How it stood at the end. */
  readonly state: string;
}

async function watch(
  look: () => Promise<Scene>,
  progress: (view: ClusterView) => Progress,
  {
    session,
    signal,
    timeoutMs,
    say,
  }: { session: Session; signal: AbortSignal; timeoutMs: number; say: (text: string) => void },
): Promise<Watched> {
  const began = performance.now();
  let state = '';
  for (;;) {
    const tookMs = performance.now() - began;
    if (signal.aborted) return { end: 'interrupted', tookMs, state };
    if (tookMs > timeoutMs) return { end: 'timeout', tookMs, state };
    let now: Progress;
    try {
      now = progress((await look()).view);
    } catch (error) {
      const told = session.explain(error);
      if (told instanceof UserError) throw told;
      // It may pass.
      now = { done: false, text: told.message };
    }
    if (now.text !== state) say(`${session.colors.dim(`${Math.round(tookMs / 1_000)} s`.padStart(6))}  ${now.text}`);
    state = now.text;
    if (now.done) return { end: 'done', tookMs: performance.now() - began, state };
    await pause(LOOK_EVERY_MS, signal);
  }
}

export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
  });
}

/** What it would do, and whether that is safe. Exported for its tests. */
export function planText(plan: ActPlan, colors: Colors, width: number): string {
  if (plan.nothing !== null) return wrap(plan.nothing, width).join('\n');
  const { safe, why } = plan.safety;
  const head = safe ? 'Safe:     ' : 'Not safe: ';
  const verdict = wrap(why, width, head);
  const paint = safe ? colors.green : colors.red;
  return [
    colors.bold(`${plan.title}:`),
    ...plan.steps.flatMap((step, i) => wrap(step, width, `  ${i + 1}. `)),
    ...verdict.map((line, i) => (i === 0 ? paint(head) + line.slice(head.length) : line)),
    ...plan.notes.flatMap((note) => wrap(note, width, 'Note:     ')),
    ...wrap(plan.undo, width, 'Undo:     '),
  ].join('\n');
}
