/**
 * The constants of gossip, in two presets. `lan` follows HashiCorp memberlist's `DefaultLANConfig` (config.go) where it
 * has the constant; what differs says why.
 */
export interface GossipConfig {
  /** A probe of one member starts every so often. Raising it: fewer datagrams, slower detection. */
  readonly probeIntervalMs: number;
  /**
   * Below this many live members the interval shrinks in proportion, to half of it at least: few watchers then notice a
   * silent member as surely as many do. Raising it: faster detection in small clusters, more datagrams there.
   */
  readonly fullPaceMembers: number;
  /** A direct probe waits so long for its ack before helpers are asked. Raising it: fewer indirect probes on a slow net. */
  readonly probeTimeoutMs: number;
  /** The whole probe, direct and indirect, fails after this. At least 1.8 x `probeTimeoutMs`, or nacks come too late. */
  readonly probeDeadlineMs: number;
  /** Helpers asked when a direct probe fails. Raising it: fewer false suspicions under loss, more datagrams. */
  readonly indirectProbes: number;
  /** News is passed on every so often while there is any. Raising it: slower news, fuller datagrams. */
  readonly gossipIntervalMs: number;
  /** Members that news goes to each time. Raising it: faster news, more datagrams. */
  readonly gossipFanout: number;
  /** A word is sent `retransmitMult x ceil(log10(n + 1))` times. Raising it: surer under loss, more bytes. */
  readonly retransmitMult: number;
  /** Words waiting to be sent, at most; the most sent ones go first. Raising it: more memory, surer in mass changes. */
  readonly queueMax: number;
  /**
   * Shortest suspicion: `suspicionMult x max(1, log10 n) x probeIntervalMs`. Raising it: later, surer death.
   */
  readonly suspicionMult: number;
  /** Longest suspicion: the shortest times this; 1 switches Lifeguard's dynamic suspicion off. */
  readonly suspicionMaxMult: number;
  /** Independent confirmations that bring a suspicion down to its shortest. Raising it: later, surer death. */
  readonly suspicionConfirmations: number;
  /**
   * About so many members probe a member at once when they hear that it is suspected: it hears of it at first hand, and
   * a true death is confirmed soon. Raising it: faster confirmation, more pings for each suspicion.
   */
  readonly confirmingProbes: number;
  /** Local health multiplier: all probe times grow up to so many times on a node that is slow itself; 1 is off. */
  readonly awarenessMax: number;
  /** Full state exchange with one member every so often up to 32 members, then `1 + ceil(log2(n / 32))` times that. */
  readonly exchangeIntervalMs: number;
  /** A dead member is tried by an exchange every so often, with probability dead / live, so that partitions heal. */
  readonly reconnectIntervalMs: number;
  /** The dead and the left are remembered for this long, so that old words can't bring them back. */
  readonly tombstoneMs: number;
  /** So many of them at most; the oldest are forgotten first. */
  readonly tombstoneMax: number;
  /** First wait before seeds that didn't answer are tried again; doubles up to 32 times that. */
  readonly joinRetryMs: number;
}

/** For a VPC. Idle cost and detection times are held by test/core/gossip/budget.test.ts. */
const lan: GossipConfig = {
  probeIntervalMs: 1_000,
  fullPaceMembers: 20,
  probeTimeoutMs: 500,
  probeDeadlineMs: 1_000,
  indirectProbes: 3,
  gossipIntervalMs: 200,
  gossipFanout: 3,
  retransmitMult: 4,
  queueMax: 4_096,
  suspicionMult: 4,
  suspicionMaxMult: 6,
  suspicionConfirmations: 2,
  confirmingProbes: 10,
  awarenessMax: 8,
  exchangeIntervalMs: 30_000,
  reconnectIntervalMs: 15_000,
  // memberlist keeps them for 30 s; a datagram is accepted for up to 120 s (keyring.ts), so the memory must be longer.
  tombstoneMs: 600_000,
  tombstoneMax: 4_096,
  joinRetryMs: 1_000,
};

/**
 * For rehearsals of a dozen processes on two cores: four times the pace, but a longer suspicion in probe intervals (7,
 * not 4), since a process that starts can keep another from the processor for half a second.
 */
const local: GossipConfig = {
  ...lan,
  probeIntervalMs: 250,
  probeTimeoutMs: 150,
  probeDeadlineMs: 300,
  gossipIntervalMs: 50,
  suspicionMult: 7,
  exchangeIntervalMs: 6_000,
  reconnectIntervalMs: 3_000,
  joinRetryMs: 250,
};

export const GOSSIP_PRESETS: Readonly<Record<'lan' | 'local', GossipConfig>> = { lan, local };

/** How often a word is sent: `mult x ceil(log10(n + 1))` (memberlist util.go, retransmitLimit). */
export function retransmitLimit(config: GossipConfig, liveCount: number): number {
  return config.retransmitMult * Math.ceil(Math.log10(liveCount + 1));
}

/** Time between starts of probes; see {@link GossipConfig.fullPaceMembers}. */
export function probePaceMs(config: GossipConfig, liveCount: number): number {
  const share = Math.min(1, Math.max(0.5, liveCount / config.fullPaceMembers));
  return Math.round(config.probeIntervalMs * share);
}

/** Time between full exchanges (memberlist util.go, pushPullScale). */
export function exchangePaceMs(config: GossipConfig, liveCount: number): number {
  const scale = liveCount <= 32 ? 1 : 1 + Math.ceil(Math.log2(liveCount / 32));
  return config.exchangeIntervalMs * scale;
}
