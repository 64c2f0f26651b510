import { Duration } from 'aws-cdk-lib';

/** What a rebalance recommendation, AWS's early and often wrong warning, leads to. */
export class RebalancePolicy {
  /** Nothing. */
  public static readonly IGNORE = new RebalancePolicy('ignore');
  /** A successor is launched beside the node, and goes again when no interruption follows. */
  public static readonly PRE_WARM = new RebalancePolicy('pre-warm');
  /** The node is replaced as if it were interrupted. */
  public static readonly REPLACE = new RebalancePolicy('replace');

  /** Its name in the spec. */
  public readonly name: string;
  /** @internal */
  public readonly _inSpec: 'ignore' | 'pre-warm' | 'replace';

  private constructor(name: 'ignore' | 'pre-warm' | 'replace') {
    this.name = name;
    this._inSpec = name;
  }
}

/** How nodes behave when one of them goes. What isn't given is left to the agents' defaults, which stand here. */
export interface FailoverOptions {
  /**
   * What a rebalance recommendation leads to.
   *
   * @default RebalancePolicy.PRE_WARM
   */
  readonly rebalance?: RebalancePolicy;
  /**
   * Time for a drain that no notice forces, such as in a rolling update. An interruption's notice sets its own.
   *
   * @default Duration.minutes(2)
   */
  readonly drainTime?: Duration;
  /**
   * After its deregistration a node goes on to serve for at least this long, since a load balancer still sends.
   *
   * @default Duration.seconds(25)
   */
  readonly keepServing?: Duration;
  /**
   * A node that was launched, but doesn't join its cluster, is given up after this. Raise it when nodes fetch much
   * before they start.
   *
   * @default Duration.minutes(10)
   */
  readonly bootPatience?: Duration;
  /**
   * How often the sweep compares what lives with what is wished: a missed event costs at most this. One to five whole
   * minutes; one costs some cents more a month.
   *
   * @default Duration.minutes(5)
   */
  readonly sweepPeriod?: Duration;
}

const SWEEP_PERIOD = Duration.minutes(5);

/** EventBridge takes whole minutes, and the metrics look back five. */
export function isSweepPeriod(period: Duration): boolean {
  const minutes = period.toMinutes({ integral: false });
  return Number.isInteger(minutes) && minutes >= 1 && minutes <= 5;
}

/** A wrong one is complained of elsewhere. */
export const sweepPeriod = ({ sweepPeriod: given = SWEEP_PERIOD }: FailoverOptions): Duration =>
  isSweepPeriod(given) ? given : SWEEP_PERIOD;
