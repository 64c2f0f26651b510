/**
 * The rate of all transfers of a node together: bytes that went through, over the time in which at least one ran. Small
 * ones are all delay and say nothing of a link, so they don't count; a measure takes a second of transfers or several MiB.
 */
export interface BandwidthMeter {
  during<T>(bytes: number, act: () => Promise<T>): Promise<T>;
}

const SMALL_BYTES = 65_536;
const SPAN_MS = 1_000;
const SPAN_BYTES = 4 * 1_048_576;

export function createMeter(nowMs: () => number, onMeasure: (bytesPerSecond: number) => void): BandwidthMeter {
  let running = 0;
  let busySinceMs = 0;
  let busyMs = 0;
  let bytes = 0;

  function settle(): void {
    const now = nowMs();
    busyMs += now - busySinceMs;
    busySinceMs = now;
    if (bytes === 0 || busyMs <= 0 || (busyMs < SPAN_MS && bytes < SPAN_BYTES)) return;
    onMeasure(Math.max(1, Math.round((bytes * 1_000) / busyMs)));
    bytes = 0;
    busyMs = 0;
  }

  return {
    async during(size, act) {
      if (size < SMALL_BYTES) return act();
      if (running === 0) busySinceMs = nowMs();
      running += 1;
      try {
        const value = await act();
        bytes += size;
        return value;
      } finally {
        settle();
        running -= 1;
      }
    },
  };
}
