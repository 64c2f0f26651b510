import { Duration, type aws_ec2 as ec2, aws_elasticloadbalancingv2 as elbv2 } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Workload } from './workload.js';

/** How a load balancer looks at its targets and lets go of them. */
export interface TargetOptions {
  /**
   * Time that a node keeps requests in flight after it was deregistered. It must fit into an interruption's notice of
   * two minutes, with what else a drain does.
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

/** A target group that the agents register their nodes in. */
export function nodeTargets(
  scope: Construct,
  id: string,
  vpc: ec2.IVpc,
  workload: Workload,
  options: TargetOptions,
): elbv2.ApplicationTargetGroup {
  return new elbv2.ApplicationTargetGroup(scope, id, {
    vpc,
    protocol: elbv2.ApplicationProtocol.HTTP,
    port: workload.port,
    targetType: elbv2.TargetType.INSTANCE,
    deregistrationDelay: options.deregistrationDelay ?? Duration.seconds(30),
    healthCheck: {
      path: workload.healthCheck?.path ?? '/',
      interval: options.healthCheckInterval ?? Duration.seconds(5),
      timeout: Duration.seconds(2),
      healthyThresholdCount: 2,
      unhealthyThresholdCount: 2,
      healthyHttpCodes: '200-399',
    },
  });
}
