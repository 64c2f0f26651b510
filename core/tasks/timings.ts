/** The pace of a worker. Presets match those of gossip. All in ms. */
export interface WorkerTimings {
  /** An idle worker sends one listing in so long: raising it saves requests and delays the finding of new work. */
  readonly pollMs: number;
  /** Between two looks that found nothing, at first; doubled each time, up to `pollMs` a listing. */
  readonly lookSpacingMs: number;
  /** From the start to the first look: peers must be known by then, or everybody takes the same. */
  readonly settleMs: number;
  /** A worker that works through what it saw looks again after so long, since something more urgent may have come. */
  readonly queueAgeMs: number;
  /** A task that isn't taken by the one whose turn it is may be taken by a deputy so much later, by the next one twice that. */
  readonly stepMs: number;
  /** A node that hasn't taken the first task of its turn for so long has no room for it: others may. */
  readonly headMs: number;
  /** A task that stands first in a node's turn for so long, too large for what is free there, has room kept: keep.ts. */
  readonly keepMs: number;
  /** What a deputy saw unclaimed may be claimed for so long. */
  readonly freshMs: number;
  /**
   * From the deletion of a task's open object to that of its lease. A first claim counts without a further look if it
   * was answered within this time after the open object was seen: see claim.ts.
   */
  readonly lingerMs: number;
  /**
   * What has ended waits so long for others, to be archived with one request; at most half of a lease's time, since a final
   * lease that is older than one looks to others as if its holder were gone.
   */
  readonly flushMs: number;
  /** Between two tries of a request that failed, at first; doubled each time, up to a minute. */
  readonly retryMs: number;
  /** A task that failed isn't run again for so long; doubled each time. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** Between two checkpoints of a task that marks its states often. */
  readonly saveSpacingMs: number;
  /** A peer's answer is waited for. */
  readonly askMs: number;
  /** The receiver of a task is waited for so long, until it says that it runs. */
  readonly runningMs: number;
  /** Between two changes of what is published. */
  readonly publishMs: number;
  /** A node that leaves of itself gives its tasks so long to end. */
  readonly voluntaryMs: number;
  /** What it takes to go on elsewhere: a machine's start and the restore. For policies of deadlines. */
  readonly changeoverMs: number;
  /** Pressure for on-demand capacity lasts at least so long. */
  readonly pressureMs: number;
}

export const WORKER_TIMINGS: Readonly<Record<'lan' | 'local', WorkerTimings>> = {
  lan: {
    pollMs: 30_000,
    lookSpacingMs: 4_000,
    settleMs: 2_000,
    queueAgeMs: 60_000,
    stepMs: 3_000,
    headMs: 15_000,
    keepMs: 300_000,
    freshMs: 5_000,
    lingerMs: 60_000,
    flushMs: 30_000,
    retryMs: 1_000,
    backoffMs: 10_000,
    backoffMaxMs: 600_000,
    saveSpacingMs: 5_000,
    askMs: 3_000,
    runningMs: 30_000,
    publishMs: 1_000,
    voluntaryMs: 110_000,
    changeoverMs: 120_000,
    pressureMs: 120_000,
  },
  local: {
    pollMs: 3_000,
    lookSpacingMs: 200,
    settleMs: 500,
    queueAgeMs: 6_000,
    stepMs: 400,
    headMs: 1_500,
    keepMs: 10_000,
    freshMs: 1_000,
    lingerMs: 10_000,
    flushMs: 2_000,
    retryMs: 300,
    backoffMs: 1_000,
    backoffMaxMs: 60_000,
    saveSpacingMs: 500,
    askMs: 1_000,
    runningMs: 3_000,
    publishMs: 200,
    voluntaryMs: 15_000,
    changeoverMs: 5_000,
    pressureMs: 10_000,
  },
};

/** S3 tells when an object was changed in whole seconds only. */
export const CLOCK_STEP_MS = 1_000;
/** Longest pause between two tries of a request. */
const MOST_RETRY_MS = 60_000;

export const retryDelayMs = (timings: WorkerTimings, tries: number): number =>
  Math.min(MOST_RETRY_MS, timings.retryMs * 2 ** Math.min(tries, 20));

/** How long a task that failed so often stays alone. */
export const failureBackoffMs = (timings: WorkerTimings, failures: number): number =>
  failures === 0 ? 0 : Math.min(timings.backoffMaxMs, timings.backoffMs * 2 ** Math.min(failures - 1, 20));
