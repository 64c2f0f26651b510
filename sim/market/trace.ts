import { SimInputError } from '../error.js';

/**
 * Recorded capacity in the public format of skypilot-org/spot-traces:
 * `{"metadata": {"gap_seconds": G}, "data": [n0, n1, ...], "prices": [p0, ...]?}`: from tick i on, for G seconds, n of
 * the asked nodes could run.
 */
export interface Trace {
  readonly name: string;
  readonly gapMs: number;
  readonly data: Uint16Array;
  /** USD an hour at each tick; null when the file has none. */
  readonly prices: Float64Array | null;
  /** Most nodes ever up. */
  readonly nodes: number;
}

const MOST_TICKS = 10_000_000;

/** @throws SimInputError with one sentence on what is wrong and where */
export function parseTrace(name: string, text: string): Trace {
  const wrong = (what: string): SimInputError => new SimInputError(`trace ${name}: ${what}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw wrong('not JSON; expected {"metadata": {"gap_seconds": 600}, "data": [0, 1, ...]}');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw wrong('not a JSON object');
  const { metadata, data, prices } = json as { metadata?: unknown; data?: unknown; prices?: unknown };
  const gap = typeof metadata === 'object' && metadata !== null ? Reflect.get(metadata, 'gap_seconds') : undefined;
  if (typeof gap !== 'number' || !(gap > 0) || gap > 86_400) {
    throw wrong(`metadata.gap_seconds must be a number of seconds up to a day, got ${JSON.stringify(gap)}`);
  }
  if (!Array.isArray(data) || data.length === 0) throw wrong('"data" must be a list with at least one tick');
  if (data.length > MOST_TICKS) throw wrong(`"data" has ${data.length} ticks, at most ${MOST_TICKS} can be read`);
  let nodes = 0;
  data.forEach((n: unknown, i) => {
    if (typeof n !== 'number' || !Number.isInteger(n) || n < 0 || n > 65_535) {
      throw wrong(`data[${i}] must be a whole number of nodes, got ${JSON.stringify(n)}`);
    }
    nodes = Math.max(nodes, n);
  });
  const listed = Array.isArray(prices) && prices.length > 0 ? prices : null;
  if (listed !== null && listed.length !== data.length) {
    throw wrong(`"prices" has ${listed.length} entries, "data" ${data.length}; they must be as many`);
  }
  listed?.forEach((p: unknown, i) => {
    if (typeof p !== 'number' || !(p >= 0) || p > 10_000) throw wrong(`prices[${i}] must be USD an hour, got ${p}`);
  });
  const gapMs = Math.round(gap * 1000);
  return { name, gapMs, data: Uint16Array.from(data), prices: listed && Float64Array.from(listed), nodes };
}

/** @throws SimInputError unless all have one gap: a run over several zones needs one clock */
export function requireOneGap(traces: readonly Trace[]): void {
  const first = traces[0];
  const other = traces.find((trace) => trace.gapMs !== first?.gapMs);
  if (first === undefined || other === undefined) return;
  throw new SimInputError(
    `traces ${first.name} and ${other.name} differ in gap_seconds (${first.gapMs / 1000} and ${other.gapMs / 1000}); ` +
      'give traces of one gap',
  );
}
