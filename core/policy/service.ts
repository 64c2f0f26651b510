/**
 * Policies for a service of N replicas over several zones: how many replicas of which kind should there be now.
 */
export interface ServiceView {
  readonly nowMs: number;
  /** Replicas that the service needs. */
  readonly target: number;
  readonly zones: readonly ZoneView[];
  readonly onDemand: { readonly starting: number; readonly ready: number };
  readonly onDemandUsdPerHour: number;
}

export interface ZoneView {
  readonly name: string;
  readonly spotUsdPerHour: number;
  readonly starting: number;
  readonly ready: number;
  /** Since the last look: replicas lost to an interruption, and launches that found no capacity. */
  readonly lost: number;
  readonly refused: number;
}

export interface ServicePlan {
  /** Spot replicas wanted, by zone. Those above are ended, those missing are asked for. */
  readonly spot: readonly number[];
  readonly onDemand: number;
}

/** Holds what it has seen; one for each service. */
export interface ServicePolicy {
  readonly name: string;
  plan(view: ServiceView): ServicePlan;
}

const held = (zone: ZoneView): number => zone.starting + zone.ready;

export const onDemandService = (): ServicePolicy => ({
  name: 'ondemand',
  plan: (view) => ({ spot: view.zones.map(() => 0), onDemand: view.target }),
});

/** All spot, in the one zone that is cheapest now and has what is asked for: what a single-zone group does. */
export function singleZone(): ServicePolicy {
  let zone = -1;
  return {
    name: 'single',
    plan: (view) => {
      if (zone === -1) {
        zone = 0;
        view.zones.forEach((z, i) => {
          if (z.spotUsdPerHour < (view.zones[zone]?.spotUsdPerHour ?? 0)) zone = i;
        });
      }
      return { spot: view.zones.map((_, i) => (i === zone ? view.target : 0)), onDemand: 0 };
    },
  };
}

/** All spot, the same number in each zone whatever happens there. */
export const evenSpread = (): ServicePolicy => ({
  name: 'even',
  plan: (view) => {
    const zones = view.zones.length;
    const share = (i: number): number => Math.floor((view.target + zones - 1 - i) / zones);
    return { spot: view.zones.map((_, i) => share(i)), onDemand: 0 };
  },
});

/** A fixed number of on-demand replicas, the rest spread evenly over spot. */
export const serviceBase = (base: number): ServicePolicy => ({
  name: 'base',
  plan: (view) => {
    const onDemand = Math.min(base, view.target);
    return { ...evenSpread().plan({ ...view, target: view.target - onDemand }), onDemand };
  },
});

/**
 * SpotHedge of "SkyServe: Serving AI Models across Regions and Clouds with Spot Instances" (Mao et al., EuroSys 2025),
 * section 3: `extra` more spot replicas than needed, placed in zones that have not failed lately (a zone that loses or
 * refuses a replica is left aside until fewer than two others remain), and on-demand replicas for what is not ready:
 * min(N, N + extra - ready spot).
 */
export function spotHedge(extra: number): ServicePolicy {
  const aside = new Set<number>();
  return {
    name: 'spread',
    plan: (view) => {
      view.zones.forEach((zone, i) => {
        if (zone.lost > 0 || zone.refused > 0) aside.add(i);
        else if (held(zone) > 0) aside.delete(i);
      });
      if (view.zones.length - aside.size < 2) aside.clear();
      const wanted = view.target + extra;
      const spot = view.zones.map((zone, i) => (aside.has(i) ? zone.ready : held(zone)));
      let total = spot.reduce((sum, n) => sum + n, 0);
      for (; total < wanted; total++) {
        const best = emptiest(view, spot, aside);
        spot[best] = (spot[best] as number) + 1;
      }
      for (; total > wanted; total--) {
        const fullest = spot.indexOf(Math.max(...spot));
        spot[fullest] = (spot[fullest] as number) - 1;
      }
      const ready = view.zones.reduce((sum, zone) => sum + zone.ready, 0);
      return { spot, onDemand: Math.max(0, Math.min(view.target, wanted - ready)) };
    },
  };
}

function emptiest(view: ServiceView, spot: readonly number[], aside: ReadonlySet<number>): number {
  let best = -1;
  view.zones.forEach((zone, i) => {
    if (aside.has(i)) return;
    const other = view.zones[best];
    const fewer = (spot[i] as number) - (spot[best] ?? 0);
    if (other === undefined || fewer < 0 || (fewer === 0 && zone.spotUsdPerHour < other.spotUsdPerHour)) best = i;
  });
  return Math.max(0, best);
}
