/**
 * What the end of the process does to clusters that are still held. SIGINT and SIGTERM give them all back and are raised
 * again then; so does the natural end (`beforeExit`), without being asked twice. A second signal waits for nothing:
 * CloudFormation goes on with deletions that were asked for. `process.exit`, an uncaught exception, SIGKILL and a loss of
 * power leave no time; that is what the lease is for.
 */
import { messageOf } from './error.js';

export interface Held {
  giveBack(): Promise<void>;
  readonly say: (line: string) => void;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
type Signal = (typeof SIGNALS)[number];

const held = new Set<Held>();
let ending = false;

/** Returns what lets go of it. */
export function giveBackAtEnd(one: Held): () => void {
  if (held.size === 0) listen();
  held.add(one);
  return () => {
    if (held.delete(one) && held.size === 0 && !ending) ignore();
  };
}

function listen(): void {
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on('beforeExit', onEnd);
}

function ignore(): void {
  for (const signal of SIGNALS) process.off(signal, onSignal);
  process.off('beforeExit', onEnd);
}

function onSignal(signal: Signal): void {
  if (ending) {
    raiseAgain(signal);
    return;
  }
  ending = true;
  for (const { say } of held) say(`${signal}: giving the cluster back; a second ${signal} doesn't wait for it`);
  void giveAllBack().then(() => raiseAgain(signal));
}

function onEnd(): void {
  if (ending) return;
  ending = true;
  void giveAllBack().then(() => {
    ending = false;
    ignore();
  });
}

async function giveAllBack(): Promise<void> {
  const ends = [...held].map(async (one) => {
    try {
      await one.giveBack();
    } catch (error) {
      // Nobody may listen to the progress, and what stays costs money.
      process.emitWarning(messageOf(error), 'SynktiWarning');
    } finally {
      held.delete(one);
    }
  });
  await Promise.all(ends);
}

/** Unless the program has a listener of its own, which heard the signal when it came and decides about the end. */
function raiseAgain(signal: Signal): void {
  ending = false;
  held.clear();
  ignore();
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}
