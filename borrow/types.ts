/** What users hold in their hands. Nothing of the SDK is named here, which users don't install. */

/** A cluster that is deleted when its scope ends: `await using cluster = await Synkti.borrow({...})`. */
export interface BorrowedCluster extends AsyncDisposable {
  readonly name: string;
  readonly region: string;
  /** Where the workload is asked, such as `http://10.0.3.7:80`; null: it has no load balancer. */
  readonly endpoint: string | null;
  /** The cluster's own bucket: `files/` is for the workload, the rest is Synkti's. It goes with the cluster. */
  readonly bucket: string;
  /** ARN of the CloudFormation stack that holds everything. */
  readonly stackId: string;
  /** The nodes as EC2 and their agents tell. */
  nodes(): Promise<readonly BorrowedNode[]>;
  /**
   * Waits until so many nodes serve, and the load balancer sends to them. Default: all that are wished for. Not needed
   * after `borrow`, which has waited for `ready` of them.
   *
   * @throws BorrowError NOT_READY after the option `timeout`
   */
  ready(nodes?: number): Promise<void>;
  /**
   * Wishes for another number of nodes, 1 to 1000, and doesn't wait. Nodes too many drain, one after the other, as soon as
   * that is safe.
   */
  scale(nodes: number): Promise<void>;
  /**
   * Deletes it and waits until nothing is left. Idempotent; what `await using` calls.
   *
   * @throws BorrowError LEFT_BEHIND, which names what is left; asked again, it tries again
   */
  giveBack(): Promise<void>;
}

export interface BorrowedNode {
  /** Instance id. */
  readonly id: string;
  /** Null: it has no seat. */
  readonly slot: number | null;
  readonly zone: string;
  readonly instanceType: string;
  readonly market: 'spot' | 'on-demand';
  /** The public address, or else the private one; null: it has none yet. */
  readonly address: string | null;
  readonly privateAddress: string | null;
  /** EC2's: `pending`, `running`, `shutting-down`, ... */
  readonly state: string;
  /** What its agent says: its workload is healthy (`serving`), it is on its way out, or nothing yet (`starting`). */
  readonly phase: 'starting' | 'serving' | 'draining' | 'drained';
}

export interface Borrowed {
  readonly stackName: string;
  readonly stackId: string;
  /** CloudFormation's word. */
  readonly status: string;
  readonly createdAt: Date;
  /** Null: its lease can't be read, or was never written. */
  readonly owner: Owner | null;
  readonly renewedAt: Date | null;
}

/** Who holds a cluster. */
export interface Owner {
  readonly who: string;
  readonly host: string;
  readonly pid: number;
}
