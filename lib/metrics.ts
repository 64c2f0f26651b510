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

  /** Answers that the load balancer had to give in a node's place (502, 503, 504): requests that got lost. */
  lostRequests(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: 'AWS/ApplicationELB',
      metricName: 'HTTPCode_ELB_5XX_Count',
      dimensionsMap: { LoadBalancer: this.#targets.firstLoadBalancerFullName },
      statistic: 'Sum',
      period: Duration.minutes(1),
      ...options,
    });
  }

  /** Answers 5xx of the nodes, and of the load balancer in their place, in percent. */
  failedRequests(options: cloudwatch.MathExpressionOptions = {}): cloudwatch.MathExpression {
    const counted = { statistic: 'Sum', period: Duration.minutes(1) };
    return new cloudwatch.MathExpression({
      label: 'Failed requests, %',
      expression: '100 * (FILL(nodes, 0) + FILL(balancer, 0)) / (FILL(requests, 0) + FILL(balancer, 0))',
      usingMetrics: {
        nodes: this.#targets.metrics.httpCodeTarget(elbv2.HttpCodeTarget.TARGET_5XX_COUNT, counted),
        balancer: this.lostRequests(),
        requests: this.requests(),
      },
      period: Duration.minutes(1),
      ...options,
    });
  }
}

/** Where the functions write their metrics; docs/fallback.md lists them. */
const NAMESPACE = 'Synkti';
/** All functions write as one. */
const SERVICE = 'synkti';
/** As often as the sweep counts. */
const PERIOD = Duration.minutes(5);

/** The metrics of a cluster that its functions count. */
export class FallbackMetrics {
  readonly #cluster: string;

  constructor(cluster: string) {
    this.#cluster = cluster;
  }

  emptySlots(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.most('EmptySlots', options);
  }

  servingSlots(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.least('ServingSlots', options);
  }

  acted(options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.sum('FallbackActed', options);
  }

  sum(metricName: string, options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.#metric(metricName, { statistic: 'Sum', ...options });
  }

  most(metricName: string, options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.#metric(metricName, { statistic: 'Maximum', ...options });
  }

  least(metricName: string, options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.#metric(metricName, { statistic: 'Minimum', ...options });
  }

  #metric(metricName: string, options: cloudwatch.MetricOptions): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: NAMESPACE,
      metricName,
      dimensionsMap: { service: SERVICE, cluster: this.#cluster },
      period: PERIOD,
      ...options,
    });
  }
}
