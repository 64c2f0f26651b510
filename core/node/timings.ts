/** The pace of a node's decisions about others. Presets match those of gossip. All in ms. */
export interface NodeTimings {
  /** From a slot's emptiness to the rescuer's first look at EC2. Raising it saves calls when nodes come and go quickly. */
  readonly vacancySettleMs: number;
  /** The same for a slot that gossip has never seen held: its first node may just be booting. */
  readonly emptySettleMs: number;
  /** Each deputy waits this much longer than the one before it. Raising it saves calls and delays help for a dead rescuer. */
  readonly deputyMs: number;
  /** Between two looks at a silent node that EC2 calls running, or at EC2 when it didn't answer. */
  readonly relookMs: number;
  /** The same at a node that is left alone since the gossip is parted, once patience is over. Raising it saves calls meanwhile. */
  readonly unheardRelookMs: number;
  /** How long a node must hear few before it says so. Raising it: a boot or a zone lost at once is less often taken for it. */
  readonly hearingSettleMs: number;
  /** The least time between two writes of a tag by which a node tells of itself. Raising it saves calls, and news come later. */
  readonly tagAgainMs: number;
  /** How long a successor must be healthy before its predecessor goes. */
  readonly successorSettleMs: number;
  /** How long the layout of copies must say the same of this node before it acts on it; at a notice it doesn't wait. */
  readonly copySettleMs: number;
  /** How often the chosen reader reads the spec. */
  readonly specPollMs: number;
  /** A node that can't look at EC2 at its start takes work after this, since an idle node helps nobody. */
  readonly startPatienceMs: number;
}

export const NODE_TIMINGS: Readonly<Record<'lan' | 'local', NodeTimings>> = {
  lan: {
    vacancySettleMs: 500,
    emptySettleMs: 20_000,
    deputyMs: 20_000,
    relookMs: 15_000,
    unheardRelookMs: 120_000,
    hearingSettleMs: 30_000,
    tagAgainMs: 60_000,
    successorSettleMs: 20_000,
    copySettleMs: 5_000,
    specPollMs: 60_000,
    startPatienceMs: 15_000,
  },
  local: {
    vacancySettleMs: 200,
    emptySettleMs: 5_000,
    deputyMs: 5_000,
    relookMs: 2_000,
    unheardRelookMs: 10_000,
    hearingSettleMs: 3_000,
    tagAgainMs: 5_000,
    successorSettleMs: 2_000,
    copySettleMs: 1_000,
    specPollMs: 5_000,
    startPatienceMs: 5_000,
  },
};
