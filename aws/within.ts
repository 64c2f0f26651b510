import type { CloudError } from '../core/cloud.js';
import { classify } from './errors.js';

export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: CloudError };

/** Ends within the time-out, also when the SDK doesn't heed the signal (while it fetches credentials, for one). */
export async function within<T>(timeoutMs: number, send: (signal: AbortSignal) => Promise<T>): Promise<Answer<T>> {
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new TimeoutError(`No answer within ${timeoutMs} ms`));
        abort.abort();
      }, timeoutMs);
    });
    const sent = send(abort.signal);
    sent.catch(() => {});
    return { ok: true, value: await Promise.race([sent, late]) };
  } catch (error) {
    return { ok: false, error: classify(error) };
  } finally {
    clearTimeout(timer);
  }
}

class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}
