/** Ctrl-C, SIGTERM and a closed output, once: the rest of the program sees an AbortSignal. */
export interface Stopper {
  readonly signal: AbortSignal;
  /** What nobody caught, if that is why. */
  readonly crash: () => unknown;
  /** Until somebody wants the end. */
  wait(): Promise<void>;
  release(): void;
}

/**
 * The first signal asks for an orderly end. The second ends this process at once; the local cloud's reaper, a process
 * of its own, then ends what is left.
 */
export function onSignals(): Stopper {
  const controller = new AbortController();
  let crash: unknown = null;
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const handler = (): void => {
    if (controller.signal.aborted) process.exit(130);
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
