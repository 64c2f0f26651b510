/**
 * The package's entry: the constructs of lib/, and Synkti. A CDK app imports this, too, so what borrowing needs - the SDK -
 * is loaded when somebody borrows.
 */
import type { BorrowOptions } from './options.js';
import type { AwsOptions } from './options-aws.js';
import type { Borrowed, BorrowedCluster } from './types.js';

export * from '../lib/index.js';
export { BorrowError, type BorrowErrorCode } from './error.js';
export type { BorrowOptions, OnSignal } from './options.js';
export type { AwsOptions } from './options-aws.js';
export type { Borrowed, BorrowedCluster, BorrowedNode, Owner } from './types.js';

/**
 * Infrastructure as a library.
 *
 *     await using cluster = await Synkti.borrow({
 *       nodes: 4,
 *       workload: Workload.process({ command: ['node', 'server.mjs'], port: 8080 }),
 *     });
 */
export const Synkti = {
  /**
   * Makes a cluster, waits until it is ready, and hands it over. It is deleted when its scope ends, when the process
   * is asked to end, or, if the process dies, when its lease runs out.
   *
   * @throws BorrowError; what was made by then is given back before
   */
  async borrow(options: BorrowOptions): Promise<BorrowedCluster> {
    const { borrow } = await import('./index.js');
    return borrow(options);
  },

  /** Clusters that are borrowed in a Region at the moment, by whomever. @throws BorrowError */
  async borrowed(options: AwsOptions = {}): Promise<Borrowed[]> {
    const { borrowed } = await import('./index.js');
    return borrowed(options);
  },
} as const;
