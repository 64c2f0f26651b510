import { AwsError } from '../wire/error.js';
import type { Params } from '../wire/form.js';

/** How targets of a group are checked, in AWS's own units. */
export interface HealthCheckSettings {
  readonly protocol: 'HTTP';
  /** `traffic-port`, or a number. */
  readonly port: string;
  readonly path: string;
  /** 5 to 300. */
  readonly intervalSeconds: number;
  /** 2 to 120, at most the interval. */
  readonly timeoutSeconds: number;
  /** 2 to 10. */
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
  /** Codes that count as healthy: `200`, `200,202` or `200-299`. */
  readonly matcher: string;
}

/** Defaults of an Application Load Balancer's target groups. */
export const DEFAULT_HEALTH_CHECK: HealthCheckSettings = {
  protocol: 'HTTP',
  port: 'traffic-port',
  path: '/',
  intervalSeconds: 30,
  timeoutSeconds: 5,
  healthyThreshold: 5,
  unhealthyThreshold: 2,
  matcher: '200',
};

/** Reads the health check's parameters of CreateTargetGroup and ModifyTargetGroup over what held before. */
export function readHealthCheck(params: Params, before: HealthCheckSettings): HealthCheckSettings {
  params.oneOf('HealthCheckProtocol', ['HTTP']);
  if (params.boolean('HealthCheckEnabled') === false) {
    throw new AwsError('ValidationError', 'Health checks can be switched off for Lambda targets only');
  }
  const port = params.string('HealthCheckPort') ?? before.port;
  if (port !== 'traffic-port' && !isPort(port)) {
    throw new AwsError('ValidationError', `Health check port '${port.slice(0, 40)}' must be 'traffic-port' or 1-65535`);
  }
  const path = params.string('HealthCheckPath') ?? before.path;
  if (!/^\/[\x21-\x7e]{0,1023}$/.test(path)) {
    throw new AwsError('ValidationError', `Health check path '${path.slice(0, 100)}' must start with '/'`);
  }
  const matcher = params.struct('Matcher').string('HttpCode') ?? before.matcher;
  parseMatcher(matcher);
  const settings: HealthCheckSettings = {
    protocol: 'HTTP',
    port,
    path,
    intervalSeconds: within(params, 'HealthCheckIntervalSeconds', 5, 300) ?? before.intervalSeconds,
    timeoutSeconds: within(params, 'HealthCheckTimeoutSeconds', 2, 120) ?? before.timeoutSeconds,
    healthyThreshold: within(params, 'HealthyThresholdCount', 2, 10) ?? before.healthyThreshold,
    unhealthyThreshold: within(params, 'UnhealthyThresholdCount', 2, 10) ?? before.unhealthyThreshold,
    matcher,
  };
  if (settings.timeoutSeconds >= settings.intervalSeconds) {
    throw new AwsError(
      'ValidationError',
      `Health check timeout '${settings.timeoutSeconds}' must be smaller than the interval '${settings.intervalSeconds}'`,
    );
  }
  return settings;
}

function within(params: Params, name: string, min: number, max: number): number | undefined {
  const text = params.string(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d{1,9}$/.test(text) || value < min || value > max) {
    throw new AwsError('ValidationError', `${name} '${text.slice(0, 40)}' must be between '${min}' and '${max}'`);
  }
  return value;
}

export const isPort = (text: string): boolean => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;

/** Ranges of a matcher. @throws AwsError */
export function parseMatcher(matcher: string): (readonly [low: number, high: number])[] {
  return matcher.split(',').map((part) => {
    const found = /^([2-4]\d\d)(?:-([2-4]\d\d))?$/.exec(part.trim());
    const low = Number(found?.[1]);
    const high = Number(found?.[2] ?? found?.[1]);
    if (found === null || low < 200 || high > 499 || high < low) {
      throw new AwsError('ValidationError', `Health check matcher HTTP code '${matcher.slice(0, 60)}' is not valid`);
    }
    return [low, high] as const;
  });
}

/** What attributes a thing has: their defaults, and which values the local cloud honours. */
export interface AttributeRule {
  readonly initial: string;
  readonly allows: (value: string) => boolean;
  readonly wanted: string;
}

const whole = (min: number, max: number): Pick<AttributeRule, 'allows' | 'wanted'> => ({
  allows: (value) => /^\d{1,6}$/.test(value) && Number(value) >= min && Number(value) <= max,
  wanted: `a whole number from ${min} to ${max}`,
});

const only = (...values: string[]): Pick<AttributeRule, 'allows' | 'wanted'> => ({
  allows: (value) => values.includes(value),
  wanted: `one of: ${values.join(', ')} (the local cloud emulates no other)`,
});

/** Kept and described again, without an effect: no access log is written. */
const any: Pick<AttributeRule, 'allows' | 'wanted'> = { allows: () => true, wanted: 'any text' };

export type AttributeRules = Readonly<Record<string, AttributeRule>>;

export const GROUP_ATTRIBUTES: AttributeRules = {
  'deregistration_delay.timeout_seconds': { initial: '300', ...whole(0, 3600) },
  'load_balancing.algorithm.type': { initial: 'round_robin', ...only('round_robin', 'least_outstanding_requests') },
  'load_balancing.cross_zone.enabled': {
    initial: 'use_load_balancer_configuration',
    ...only('use_load_balancer_configuration', 'true'),
  },
  'slow_start.duration_seconds': { initial: '0', ...only('0') },
  'stickiness.enabled': { initial: 'false', ...only('false') },
};

export const BALANCER_ATTRIBUTES: AttributeRules = {
  'access_logs.s3.bucket': { initial: '', ...any },
  'access_logs.s3.enabled': { initial: 'false', ...only('false', 'true') },
  'access_logs.s3.prefix': { initial: '', ...any },
  'deletion_protection.enabled': { initial: 'false', ...only('false', 'true') },
  'idle_timeout.timeout_seconds': { initial: '60', ...whole(1, 4000) },
  'load_balancing.cross_zone.enabled': { initial: 'true', ...only('true') },
  'routing.http.drop_invalid_header_fields.enabled': { initial: 'false', ...only('false', 'true') },
  'routing.http2.enabled': { initial: 'true', ...only('true', 'false') },
};

export const initialAttributes = (rules: AttributeRules): Map<string, string> =>
  new Map(Object.entries(rules).map(([key, rule]) => [key, rule.initial]));

/** Reads `Attributes.member.N.Key/Value`; nothing is changed unless all are right. @throws AwsError */
export function readAttributes(params: Params, rules: AttributeRules): [string, string][] {
  return params.structs('Attributes').map((one) => {
    const key = one.required('Key');
    const value = one.string('Value') ?? '';
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    if (rule === undefined) {
      throw new AwsError('InvalidConfigurationRequest', `The attribute '${key.slice(0, 80)}' is not supported here`);
    }
    if (!rule.allows(value)) {
      throw new AwsError('InvalidConfigurationRequest', `'${key}' can't be '${value.slice(0, 60)}': ${rule.wanted}`);
    }
    return [key, value];
  });
}
