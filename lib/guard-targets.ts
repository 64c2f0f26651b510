/** Target groups whose numbers don't fit an interruption's notice of two minutes. */
import { Annotations, aws_elasticloadbalancingv2 as elbv2, Stack } from 'aws-cdk-lib';
import type { SynktiCluster } from './cluster.js';

const NOTICE_S = 120;
/** What leaves a drain time for its other steps. */
const FITTING_S = 60;
/** What a target group has that isn't told: AWS's defaults. */
const AWS_DEFAULTS = { delay: 300, interval: 30, healthy: 5, unhealthy: 2 };

export function guardTargetGroup(cluster: SynktiCluster, targets: elbv2.ITargetGroup): void {
  const say = Annotations.of(cluster);
  if (targets instanceof elbv2.NetworkTargetGroup) {
    say.addWarningV2(
      'synkti:nlb',
      'A Network Load Balancer may go on sending to a deregistered node for two minutes, the whole notice of an interruption. Use an Application Load Balancer.',
    );
  }
  // An imported one can't be looked into.
  const resource = targets.node.defaultChild;
  if (!(resource instanceof elbv2.CfnTargetGroup)) return;
  const name = targets.node.path;
  const numbers = read(resource);
  if (numbers.delay >= NOTICE_S) {
    say.addError(
      `The deregistration delay of ${name} is ${numbers.delay} s, but an interruption gives ${NOTICE_S} s for everything: make it 30 to ${FITTING_S} s.`,
    );
  } else if (numbers.delay > FITTING_S) {
    say.addWarningV2(
      'synkti:deregistrationDelay',
      `The deregistration delay of ${name} is ${numbers.delay} s, which leaves a drain little of the ${NOTICE_S} s that an interruption gives: make it 30 to ${FITTING_S} s.`,
    );
  }
  const toHealthy = numbers.interval * numbers.healthy;
  const toUnhealthy = numbers.interval * numbers.unhealthy;
  if (Math.max(toHealthy, toUnhealthy) > FITTING_S) {
    say.addWarningV2(
      'synkti:healthCheck',
      `The health check of ${name} takes ${toHealthy} s to see that a node is healthy and ${toUnhealthy} s to see that it isn't, slower than an interruption: make the interval 5 s and the thresholds 2.`,
    );
  }
}

function read(resource: elbv2.CfnTargetGroup): typeof AWS_DEFAULTS {
  const stack = Stack.of(resource);
  const resolve = (value: unknown, otherwise: number): number => {
    const number = Number(stack.resolve(value) ?? otherwise);
    return Number.isFinite(number) ? number : otherwise;
  };
  const attributes = (stack.resolve(resource.targetGroupAttributes) ?? []) as readonly { key: string; value: string }[];
  const delay = attributes.find(({ key }) => key === 'deregistration_delay.timeout_seconds')?.value;
  return {
    delay: resolve(delay, AWS_DEFAULTS.delay),
    interval: resolve(resource.healthCheckIntervalSeconds, AWS_DEFAULTS.interval),
    healthy: resolve(resource.healthyThresholdCount, AWS_DEFAULTS.healthy),
    unhealthy: resolve(resource.unhealthyThresholdCount, AWS_DEFAULTS.unhealthy),
  };
}
