/** Ctrl-C, SIGTERM and a closed output, once: the rest of the program sees an AbortSignal. */
export interface Stopper {
  readonly signal: AbortSignal;
  /** What nobody caught, if that is why. */
  readonly crash: () => unknown;
  /** Until somebody wants the end. */
  wait(): Promise<void>;
  release(): void;
}

export interface SignalWords {
  /** Told on stderr at the first signal. */
  readonly first?: string;
  /** Told on stderr at the second, which ends the process at once. */
  readonly second?: string;
}

/** One Ctrl-C reaches a program twice where npx or npm, which got it as well, pass it on. */
const SAME_MS = 500;

/**
 * The first signal asks for an orderly end. The second ends this process at once; the local cloud's reaper, a process
 * of its own, then ends what is left.
 */
export function onSignals(words: SignalWords = {}): Stopper {
  const controller = new AbortController();
  let crash: unknown = null;
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const say = (text: string | undefined): void => {
    if (text !== undefined) process.stderr.write(`synkti: ${text}\n`);
  };
  let first: { readonly name: string; readonly atMs: number } | null = null;
  const handler = (name: NodeJS.Signals): void => {
    const nowMs = performance.now();
    if (first?.name === name && nowMs - first.atMs < SAME_MS) return;
    if (controller.signal.aborted) {
      say(words.second);
      process.exit(130);
    }
    first = { name, atMs: nowMs };
    say(words.first);
    controller.abort();
  };
  // A fault of this program must not leave anything running either: everything is ended in order, then it is told.
  const crashed = (error: unknown): void => {
    crash ??= error;
    controller.abort();
  };
  process.on('uncaughtException', crashed);
  process.on('unhandledRejection', crashed);
  // Nobody reads any more, as with `| head`.
  const closed = (): void => controller.abort();
  for (const name of names) process.on(name, handler);
  process.stdout.on('error', closed);
  return {
    signal: controller.signal,
    crash: () => crash,
    wait: () =>
      new Promise((resolve) => {
        if (controller.signal.aborted) resolve();
        else controller.signal.addEventListener('abort', () => resolve(), { once: true });
      }),
    release: () => {
      for (const name of names) process.off(name, handler);
      process.stdout.off('error', closed);
      process.off('uncaughtException', crashed);
      process.off('unhandledRejection', crashed);
    },
  };
}
