import { type aws_ec2 as ec2, aws_elasticloadbalancingv2 as elbv2, type aws_s3 as s3 } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { OwnBalancer, type OwnBalancerOptions } from './own-balancer.js';
import { nodeTargets, type TargetOptions } from './targets.js';
import type { Workload } from './workload.js';

/** A rule on a listener that stands already. */
export interface ListenerOptions extends TargetOptions {
  /** Priority among the listener's rules, 1 to 50,000; the lowest is looked at first. */
  readonly priority: number;
  /** Which requests are the workload's, such as `ListenerCondition.pathPatterns(['/api/*'])`. */
  readonly conditions: elbv2.ListenerCondition[];
}

/**
 * Where a workload gets its requests from.
 *
 * @example
 * LoadBalancing.ownBalancer({ internetFacing: true });
 */
export class LoadBalancing {
  /** An Application Load Balancer that the cluster makes for itself. */
  public static ownBalancer(options: OwnBalancerOptions = {}): LoadBalancing {
    return new LoadBalancing((place) => {
      const own = new OwnBalancer(place.scope, 'LoadBalancer', { ...options, ...place });
      const { loadBalancer, listener, targetGroup } = own;
      return { loadBalancer, listener, targetGroup, targets: targetGroup };
    });
  }

  /** A rule on an existing listener, with a target group of its own. */
  public static listener(listener: elbv2.IApplicationListener, options: ListenerOptions): LoadBalancing {
    return new LoadBalancing(({ scope, vpc, workload }) => {
      const targetGroup = nodeTargets(scope, 'Targets', vpc, workload, options);
      new elbv2.ApplicationListenerRule(scope, 'Rule', {
        listener,
        priority: options.priority,
        conditions: options.conditions,
        targetGroups: [targetGroup],
      });
      return { targetGroup, targets: targetGroup };
    });
  }

  /**
   * An existing target group of target type `instance`, with its own health checks and deregistration delay. When it
   * was imported, let its load balancer in with `cluster.connections.allowFrom(...)`.
   */
  public static targetGroup(targets: elbv2.ITargetGroup): LoadBalancing {
    return new LoadBalancing(() => ({
      targets,
      ...(targets instanceof elbv2.ApplicationTargetGroup ? { targetGroup: targets } : {}),
    }));
  }

  /** No load balancer: nothing is registered anywhere. */
  public static none(): LoadBalancing {
    return new LoadBalancing(() => ({}));
  }

  readonly #bind: (place: Place) => Bound;

  private constructor(bind: (place: Place) => Bound) {
    this.#bind = bind;
  }

  /** @internal */
  public _bind(place: Place): Bound {
    return this.#bind(place);
  }
}

interface Place {
  readonly scope: Construct;
  readonly vpc: ec2.IVpc;
  readonly subnets: ec2.SubnetSelection;
  readonly workload: Workload;
  readonly logBucket: s3.Bucket;
}

export interface Bound {
  readonly targets?: elbv2.ITargetGroup;
  /** The same, when it is one whose health and metrics can be looked at. */
  readonly targetGroup?: elbv2.ApplicationTargetGroup;
  readonly loadBalancer?: elbv2.ApplicationLoadBalancer;
  readonly listener?: elbv2.ApplicationListener;
}
