import { aws_cloudwatch as cloudwatch, Duration, aws_elasticloadbalancingv2 as elbv2 } from 'aws-cdk-lib';

/** The metrics of a cluster that its load balancer counts. */
export class ClusterMetrics {
  readonly #targets: elbv2.ApplicationTargetGroup;

  constructor(targets: elbv2.ApplicationTargetGroup) {
    this.#targets = targets;
  }

  healthyNodes(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.#targets.metrics.healthyHostCount({ statistic: 'Minimum', period: Duration.minutes(1), ...options });
  }

  requests(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.#targets.metrics.requestCount({ statistic: 'Sum', period: Duration.minutes(1), ...options });
  }

  responseTime(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.#targets.metrics.targetResponseTime({ statistic: 'p99', period: Duration.minutes(1), ...options });
  }

  /** Answers 5xx of the nodes, and of the load balancer in their place, in percent. */
  failedRequests(options: cloudwatch.MathExpressionOptions = {}): cloudwatch.MathExpression {
    const counted = { statistic: 'Sum', period: Duration.minutes(1) };
    const own = this.#targets.firstLoadBalancerFullName;
    const balancer = new cloudwatch.Metric({
      namespace: 'AWS/ApplicationELB',
      metricName: 'HTTPCode_ELB_5XX_Count',
      dimensionsMap: { LoadBalancer: own },
      ...counted,
    });
    return new cloudwatch.MathExpression({
      label: 'Failed requests, %',
      expression: '100 * (FILL(nodes, 0) + FILL(balancer, 0)) / (FILL(requests, 0) + FILL(balancer, 0))',
      usingMetrics: {
        nodes: this.#targets.metrics.httpCodeTarget(elbv2.HttpCodeTarget.TARGET_5XX_COUNT, counted),
        balancer,
        requests: this.requests(),
      },
      period: Duration.minutes(1),
      ...options,
    });
  }
}

/** Where the functions write their metrics; docs/fallback.md lists them. */
const NAMESPACE = 'Synkti';
/** As often as the sweep counts. */
const PERIOD = Duration.minutes(5);

/** The metrics of a cluster that its functions count. */
export class FallbackMetrics {
  readonly #cluster: string;

  constructor(cluster: string) {
    this.#cluster = cluster;
  }

  emptySlots(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.#metric('EmptySlots', 'sweep', { statistic: 'Maximum', period: PERIOD, ...options });
  }

  servingSlots(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.#metric('ServingSlots', 'sweep', { statistic: 'Minimum', period: PERIOD, ...options });
  }

  acted(options: cloudwatch.MathExpressionOptions = {}): cloudwatch.MathExpression {
    const of = (service: string) => this.#metric('FallbackActed', service, { statistic: 'Sum', period: PERIOD });
    return new cloudwatch.MathExpression({
      label: 'Fallback acted',
      expression: 'FILL(interruption, 0) + FILL(ended, 0) + FILL(sweep, 0)',
      usingMetrics: { interruption: of('interruption'), ended: of('ended'), sweep: of('sweep') },
      period: PERIOD,
      ...options,
    });
  }

  #metric(metricName: string, service: string, options: cloudwatch.MetricOptions): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: NAMESPACE,
      metricName,
      dimensionsMap: { service, cluster: this.#cluster },
      ...options,
    });
  }
}
