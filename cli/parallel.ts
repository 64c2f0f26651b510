/** Requests that are on their way at once: enough to hide their latency, few enough for a laptop's sockets. */
const AT_ONCE = 16;

interface Pace {
  readonly atOnce?: number;
}

/**
 * Works on all items, a few at a time, and gives the results in the items' order. After the first error, or when the
 * signal aborts, nothing new is begun; what runs is waited for, and then the error is thrown. With a signal, what was
 * never begun has no result.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
  pace?: Pace,
): Promise<R[]>;
export async function inParallel<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
  pace: Pace & { readonly signal: AbortSignal | undefined },
): Promise<(R | undefined)[]>;
export async function inParallel<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
  { atOnce = AT_ONCE, signal }: Pace & { readonly signal?: AbortSignal | undefined } = {},
): Promise<(R | undefined)[]> {
  const results = new Array<R | undefined>(items.length);
  const entries = items.entries();
  let failure: { readonly error: unknown } | null = null;
  const lane = async (): Promise<void> => {
    for (const [index, item] of entries) {
      if (failure !== null || signal?.aborted === true) return;
      try {
        results[index] = await work(item, index);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
  return results;
}
