import type { Trace } from './trace.js';
import { regionOf } from './trace.js';

export interface PoolSettings {
  readonly instanceType: string;
  readonly zone: string;
  /** US dollars an hour. */
  readonly spotPrice: number;
  readonly onDemandPrice: number;
}

export interface Ground {
  readonly region: string;
  readonly zones: readonly string[];
  readonly pools: readonly PoolSettings[];
}

/** The size of example prices: on-demand of us-east-1, spot at what it often is. */
const TYPES = [
  { instanceType: 'm7g.large', spotPrice: 0.0345, onDemandPrice: 0.0816 },
  { instanceType: 'm6g.large', spotPrice: 0.0351, onDemandPrice: 0.077 },
];

/** Types that the recorded traces speak of, by their names for them. */
const TRACED: Readonly<Record<string, (typeof TYPES)[number]>> = {
  v100_1: { instanceType: 'p3.2xlarge', spotPrice: 0.918, onDemandPrice: 3.06 },
  v100_8: { instanceType: 'p3.16xlarge', spotPrice: 7.344, onDemandPrice: 24.48 },
  k80_1: { instanceType: 'p2.xlarge', spotPrice: 0.27, onDemandPrice: 0.9 },
  k80_8: { instanceType: 'p2.8xlarge', spotPrice: 2.16, onDemandPrice: 7.2 },
};

/** A zone beside the traced ones costs a little more, so that nodes go back to a traced zone when it has room. */
const CALM_SURCHARGE = 1.02;

export function ground(traces: readonly Trace[]): Ground {
  const first = traces[0];
  if (first === undefined) {
    const zones = ['us-east-1a', 'us-east-1b', 'us-east-1c'];
    return { region: 'us-east-1', zones, pools: zones.flatMap((zone) => TYPES.map((type) => ({ ...type, zone }))) };
  }
  const region = regionOf(first.zone);
  const traced = traces.map((trace) => trace.zone);
  const calm = [...'abcdef'].map((letter) => `${region}${letter}`).filter((zone) => !traced.includes(zone));
  // Three zones at least, and always one that no trace empties.
  const zones = [...traced, ...calm.slice(0, Math.max(1, 3 - traced.length))];
  const type = TRACED[first.machine] ?? TYPES[0];
  if (type === undefined) throw new Error('no instance type');
  return {
    region,
    zones,
    pools: zones.map((zone) => {
      const factor = traced.includes(zone) ? 1 : CALM_SURCHARGE;
      return { ...type, zone, spotPrice: Math.round(type.spotPrice * factor * 1e4) / 1e4 };
    }),
  };
}
