import type { aws_certificatemanager as acm, Duration } from 'aws-cdk-lib';

/** The load balancer that a cluster makes for itself. */
export interface OwnBalancerOptions {
  /**
   * Whether it has public addresses and takes requests from everywhere. Otherwise it takes them from its VPC.
   *
   * @default false
   */
  readonly internetFacing?: boolean;
  /**
   * Certificates for HTTPS on port 443; requests to port 80 are then sent there.
   *
   * @default - plain HTTP on port 80
   */
  readonly certificates?: acm.ICertificate[];
  /**
   * Time that a node keeps requests in flight after it was deregistered. It must fit into an interruption's notice of
   * two minutes.
   *
   * @default Duration.seconds(30)
   */
  readonly deregistrationDelay?: Duration;
  /**
   * Time between two health checks of the load balancer, from 5 seconds up. Two misses in a row take a node out.
   *
   * @default Duration.seconds(5)
   */
  readonly healthCheckInterval?: Duration;
}

/**
 * Where a workload gets its requests from.
 *
 * @example
 * LoadBalancing.ownBalancer({ internetFacing: true });
 */
export class LoadBalancing {
  /** An Application Load Balancer that the cluster makes. */
  public static ownBalancer(options: OwnBalancerOptions = {}): LoadBalancing {
    return new LoadBalancing({ kind: 'own', options });
  }

  /** No load balancer: nothing is registered anywhere. */
  public static none(): LoadBalancing {
    return new LoadBalancing({ kind: 'none' });
  }

  /** @internal */
  public readonly _choice: Choice;

  private constructor(choice: Choice) {
    this._choice = choice;
  }
}

type Choice = { readonly kind: 'own'; readonly options: OwnBalancerOptions } | { readonly kind: 'none' };
