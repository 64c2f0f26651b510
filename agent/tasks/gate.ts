/** Bounds what runs at once, by number and by bytes in memory; first come, first served. */
export interface Gate {
  /** Resolves when there is room for so many bytes; what alone is over the bound goes through alone. */
  enter(bytes: number): Promise<void>;
  leave(bytes: number): void;
}

export function createGate(maxRunning: number, maxBytes: number): Gate {
  const waiting: { readonly bytes: number; readonly go: () => void }[] = [];
  let running = 0;
  let held = 0;

  const fits = (bytes: number): boolean => running < maxRunning && (held + bytes <= maxBytes || running === 0);

  return {
    enter(bytes) {
      if (waiting.length === 0 && fits(bytes)) {
        running += 1;
        held += bytes;
        return Promise.resolve();
      }
      return new Promise((resolve) => waiting.push({ bytes, go: resolve }));
    },
    leave(bytes) {
      running -= 1;
      held -= bytes;
      for (let next = waiting[0]; next !== undefined && fits(next.bytes); next = waiting[0]) {
        waiting.shift();
        running += 1;
        held += next.bytes;
        next.go();
      }
    },
  };
}

/** Runs `act` on every item, at most `width` at once; the first failure ends it, after what is under way. */
export async function eachOf<T>(items: readonly T[], width: number, act: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined && !failed; item = items[next++]) {
      try {
        await act(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: Math.min(width, items.length) }, lane));
  const failure = ended.find((one) => one.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}
