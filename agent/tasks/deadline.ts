import { setMaxListeners } from 'node:events';

/** Requests that may hang on one signal: beyond that it is a leak, which Node tells of. */
const MAX_LISTENERS = 100;

/**
 * Runs `act` with a signal that is given after `ms`, or when one of the others is. Made by hand: a signal that
 * `AbortSignal.any` makes of `AbortSignal.timeout` may be collected as garbage before it fires.
 */
export async function withDeadline<T>(
  ms: number,
  others: readonly AbortSignal[],
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  setMaxListeners(MAX_LISTENERS, abort.signal);
  const timer = setTimeout(() => abort.abort(new Error(`not done within ${Math.round(ms)} ms`)), Math.max(0, ms));
  const giveUp = () => abort.abort(new Error('given up'));
  for (const other of others) {
    if (other.aborted) giveUp();
    other.addEventListener('abort', giveUp);
  }
  try {
    return await act(abort.signal);
  } finally {
    clearTimeout(timer);
    for (const other of others) other.removeEventListener('abort', giveUp);
  }
}
