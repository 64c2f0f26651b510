/** Ctrl-C, SIGTERM and a closed output, once: the rest of the program sees an AbortSignal. */
export interface Stopper {
  readonly signal: AbortSignal;
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
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const handler = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  // Nobody reads any more, as with `| head`.
  const closed = (): void => controller.abort();
  for (const name of names) process.on(name, handler);
  process.stdout.on('error', closed);
  return {
    signal: controller.signal,
    wait: () =>
      new Promise((resolve) => {
        if (controller.signal.aborted) resolve();
        else controller.signal.addEventListener('abort', () => resolve(), { once: true });
      }),
    release: () => {
      for (const name of names) process.off(name, handler);
      process.stdout.off('error', closed);
    },
  };
}
