import autocannon from 'autocannon';
import type { Traffic } from './timeline.js';
import { type Connection, type TrafficCounts, TrafficRecord } from './traffic-record.js';

export interface RunningTraffic {
  counts(): TrafficCounts;
  /** See TrafficRecord. */
  recentP99Ms(): number | null;
  /** Stops sending and gives the tally. Idempotent. */
  stop(): Promise<Traffic>;
}

export interface TrafficOptions {
  readonly url: string;
  /** Of every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Requests a second. */
  readonly rate: number;
  /** At least 1,500: a connection may be idle for a second. */
  readonly timeoutMs: number;
  readonly slowMs: number;
}

/** A generator sends its second's share in one burst: several, started one after the other, make the traffic steady. */
const PHASES = 10;
/** Requests a second that one connection carries, one after the other. */
const RATE_PER_CONNECTION = 25;
/** For requests under way at the end. */
const LAST_ANSWERS_MS = 1_500;
const A_DAY_S = 86_400;

/** Steady traffic, by autocannon. */
export function startTraffic(options: TrafficOptions): RunningTraffic {
  const record = new TrafficRecord(options.timeoutMs, options.slowMs, Date.now);
  const phases = Math.min(PHASES, options.rate);
  const starts: NodeJS.Timeout[] = [];
  const instances: autocannon.Instance[] = [];
  const ended: Promise<unknown>[] = [];
  let refusal: unknown = null;
  for (let phase = 0; phase < phases; phase++) {
    const share = Math.floor(options.rate / phases) + (phase < options.rate % phases ? 1 : 0);
    const start = (): void => {
      let done = (): void => {};
      ended.push(new Promise<void>((resolve) => (done = resolve)));
      instances.push(
        autocannon(
          {
            url: options.url,
            headers: { ...options.headers },
            connections: Math.max(1, Math.ceil(share / RATE_PER_CONNECTION)),
            overallRate: share,
            duration: A_DAY_S,
            timeout: options.timeoutMs / 1_000,
            sampleInt: 100,
            setupClient: (client) => record.follow(client as unknown as Connection),
          },
          (error) => {
            refusal ??= error;
            done();
          },
        ),
      );
    };
    starts.push(setTimeout(start, (phase * 1_000) / phases));
  }
  let stopping: Promise<Traffic> | null = null;
  const stop = async (): Promise<Traffic> => {
    for (const timer of starts) clearTimeout(timer);
    // The generator cuts its connections when it stops, so the tally is made first.
    const giveUpAt = performance.now() + LAST_ANSWERS_MS;
    while (record.open > 0 && performance.now() < giveUpAt) await new Promise((resolve) => setTimeout(resolve, 5));
    const traffic = record.end();
    for (const instance of instances) if (refusal === null) instance.stop();
    await Promise.all(ended);
    if (refusal !== null) throw refusal;
    return traffic;
  };
  return {
    counts: () => record.counts(),
    recentP99Ms: () => record.recentP99Ms(),
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}
