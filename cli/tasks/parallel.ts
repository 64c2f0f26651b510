/** Requests to S3 that are on their way at once: enough to hide their latency, few enough for a laptop's sockets. */
export const AT_ONCE = 16;

/**
 * Works on all items, a few at a time, and gives the results in the items' order. After the first error, or when the
 * signal aborts, nothing new is begun; what runs is waited for, and then the error is thrown.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  { atOnce = AT_ONCE, signal }: { readonly atOnce?: number; readonly signal?: AbortSignal } = {},
): Promise<(R | undefined)[]> {
  const results = new Array<R | undefined>(items.length);
  const entries = items.entries();
  let failure: { readonly error: unknown } | null = null;
  const lane = async (): Promise<void> => {
    for (const [index, item] of entries) {
      if (failure !== null || signal?.aborted === true) return;
      try {
        results[index] = await work(item);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
  return results;
}
