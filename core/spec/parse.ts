import { show } from '../show.js';
import type { HealthSpec, LaunchSpec, MountSpec, PolicySpec, PoolSpec, Spec, WorkloadSpec } from './spec.js';

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

/** What the spec's policies are when it doesn't say. Times in ms. */
export const DEFAULT_POLICY: PolicySpec = {
  rebalance: 'pre-warm',
  atRiskMs: 600_000,
  // An ALB may still send for 10 to 25 s after a deregistration.
  keepServingMs: 25_000,
  drainMs: 120_000,
  silentPatienceMs: 600_000,
  bootPatienceMs: 600_000,
};

/** What a health check is when the spec doesn't say. */
export const DEFAULT_HEALTH: Omit<HealthSpec, 'path'> = {
  intervalMs: 5_000,
  timeoutMs: 2_000,
  healthyAfter: 2,
  unhealthyAfter: 3,
};

/** Reads a spec. The problem is one sentence that names the field: the spec is written by people, too. */
export function parseSpec(text: string): Parsed<Spec> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').slice(0, 200);
    return { ok: false, problem: `The spec isn't JSON: ${why}.` };
  }
  try {
    return { ok: true, value: spec(new Field('spec', json)) };
  } catch (error) {
    if (error instanceof Problem) return { ok: false, problem: error.message };
    throw error;
  }
}

class Problem extends Error {}

function spec(field: Field): Spec {
  field.onlyKeys(
    'format',
    'version',
    'cluster',
    'epoch',
    'desired',
    'launch',
    'workloads',
    'policy',
    'gossip',
    'bucket',
  );
  const format = field.at('format').integer(1, 1) as 1;
  const workloads = field.at('workloads').list(0, 20).map(workload);
  const names = new Set(workloads.map((w) => w.name));
  if (names.size !== workloads.length) throw new Problem('spec.workloads: two workloads have the same name.');
  const gossip = field.at('gossip');
  gossip.onlyKeys('preset', 'port', 'secretId');
  return {
    format,
    version: field.at('version').integer(1, Number.MAX_SAFE_INTEGER),
    cluster: field.at('cluster').text(CLUSTER_NAME, 'lower case letters, digits and hyphens, at most 24, letter first'),
    epoch: field.at('epoch').text(/^[a-z0-9]{1,12}$/, '1 to 12 lower case letters or digits'),
    desired: field.at('desired').integer(0, 10_000),
    launch: launch(field.at('launch')),
    workloads,
    policy: policy(field.at('policy')),
    gossip: {
      preset: gossip.at('preset').oneOf('lan', 'local'),
      port: gossip.at('port').integer(1, 65_535),
      secretId: gossip.at('secretId').text(/^.{1,2048}$/, 'the id of a secret'),
    },
    bucket: field.at('bucket').text(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'the name of an S3 bucket'),
  };
}

/** At most 24 characters, so that a launch token fits into EC2's 64. */
export const CLUSTER_NAME = /^[a-z][a-z0-9-]{0,23}$/;

function launch(field: Field): LaunchSpec {
  field.onlyKeys('templateId', 'templateVersion', 'pools', 'onDemandAfter', 'onDemandBase');
  const after = field.at('onDemandAfter');
  return {
    templateId: field.at('templateId').text(/^lt-[0-9a-f]{8,17}$/, 'the id of a launch template (lt-...)'),
    templateVersion: field.at('templateVersion').integer(1, 1_000_000),
    pools: pools(field.at('pools')),
    onDemandAfter: after.absent ? null : after.integer(0, 1_000),
    onDemandBase: field.at('onDemandBase').integer(0, 10_000, 0),
  };
}

/** A fleet can't hold two subnets of one zone. */
function pools(field: Field): PoolSpec[] {
  const found = field.list(1, 300).map(pool);
  const subnets = new Map<string, string>();
  const names = new Set<string>();
  for (const { instanceType, zone, subnetId } of found) {
    const other = subnets.get(zone) ?? subnetId;
    if (other !== subnetId) {
      throw new Problem(
        `${field.name}: zone ${zone} has two subnets, ${other} and ${subnetId}; a fleet takes one a zone.`,
      );
    }
    if (names.has(`${instanceType} ${zone}`))
      throw new Problem(`${field.name}: ${instanceType} in ${zone} is there twice.`);
    subnets.set(zone, subnetId);
    names.add(`${instanceType} ${zone}`);
  }
  return found;
}

function pool(field: Field): PoolSpec {
  field.onlyKeys('instanceType', 'zone', 'subnetId');
  return {
    instanceType: field.at('instanceType').text(/^[a-z0-9-]+\.[a-z0-9-]+$/, 'an instance type such as m7g.large'),
    zone: field.at('zone').text(/^[a-z0-9-]{3,40}$/, 'a zone such as us-east-1a'),
    subnetId: field.at('subnetId').text(/^subnet-[0-9a-z]{1,17}$/, 'the id of a subnet (subnet-...)'),
  };
}

function workload(field: Field): WorkloadSpec {
  const health = field.at('health');
  const port = field.at('port');
  const inFlight = field.at('inFlightPath');
  const base = {
    name: field.at('name').text(/^[a-zA-Z0-9][a-zA-Z0-9-]{0,62}$/, 'letters, digits and hyphens, at most 63'),
    port: port.absent ? null : port.integer(1, 65_535),
    environment: field.at('environment').textMap(),
    health: health.absent ? null : healthCheck(health),
    inFlightPath: inFlight.absent ? null : inFlight.text(/^\/\S*$/, 'a path that starts with /'),
    targetGroupArns: field
      .at('targetGroupArns')
      .list(0, 5)
      .map((f) => f.text(/^arn:[^:]+:elasticloadbalancing:.+:targetgroup\/.+$/, 'the ARN of a target group')),
    stopGraceMs: field.at('stopGraceMs').integer(0, 3_600_000, 30_000),
  };
  if (base.port === null && (base.health !== null || base.targetGroupArns.length > 0)) {
    throw new Problem(`${field.name}: a health check or a target group needs a port.`);
  }
  const baseKeys = ['kind', ...Object.keys(base)];
  if (field.at('kind').oneOf('process', 'container') === 'process') {
    field.onlyKeys(...baseKeys, 'command', 'workingDirectory');
    const folder = field.at('workingDirectory');
    return {
      ...base,
      kind: 'process',
      command: field
        .at('command')
        .list(1, 1_000)
        .map((f) => f.text(/^[\s\S]*$/, 'text')),
      workingDirectory: folder.absent ? null : folder.text(/^.+$/, 'a folder'),
    };
  }
  field.onlyKeys(...baseKeys, 'image', 'args', 'gpus', 'mounts');
  return {
    ...base,
    kind: 'container',
    image: field.at('image').text(/^\S{1,500}$/, 'an image such as nginx:1.29'),
    args: field
      .at('args')
      .list(0, 1_000)
      .map((f) => f.text(/^[\s\S]*$/, 'text')),
    gpus: field.at('gpus').integer(0, 64, 0),
    mounts: field.at('mounts').list(0, 20).map(mount),
  };
}

function mount(field: Field): MountSpec {
  field.onlyKeys('source', 'target', 'readOnly');
  // No colon: Docker's binds are `source:target:options`.
  const path = (key: string): string => field.at(key).text(/^\/[^:\0]*$/, 'an absolute path without a colon');
  return { source: path('source'), target: path('target'), readOnly: field.at('readOnly').boolean(true) };
}

function healthCheck(field: Field): HealthSpec {
  field.onlyKeys('path', 'intervalMs', 'timeoutMs', 'healthyAfter', 'unhealthyAfter');
  return {
    path: field.at('path').text(/^\/\S*$/, 'a path that starts with /'),
    intervalMs: field.at('intervalMs').integer(100, 300_000, DEFAULT_HEALTH.intervalMs),
    timeoutMs: field.at('timeoutMs').integer(50, 120_000, DEFAULT_HEALTH.timeoutMs),
    healthyAfter: field.at('healthyAfter').integer(1, 10, DEFAULT_HEALTH.healthyAfter),
    unhealthyAfter: field.at('unhealthyAfter').integer(1, 10, DEFAULT_HEALTH.unhealthyAfter),
  };
}

function policy(field: Field): PolicySpec {
  if (field.absent) return DEFAULT_POLICY;
  field.onlyKeys(...Object.keys(DEFAULT_POLICY));
  const ms = (key: Exclude<keyof PolicySpec, 'rebalance'>): number =>
    field.at(key).integer(0, 86_400_000, DEFAULT_POLICY[key]);
  const rebalance = field.at('rebalance');
  return {
    rebalance: rebalance.absent ? DEFAULT_POLICY.rebalance : rebalance.oneOf('ignore', 'pre-warm', 'replace'),
    atRiskMs: ms('atRiskMs'),
    keepServingMs: ms('keepServingMs'),
    drainMs: ms('drainMs'),
    silentPatienceMs: ms('silentPatienceMs'),
    bootPatienceMs: ms('bootPatienceMs'),
  };
}

/** A value with its path, so that every complaint says where. */
class Field {
  readonly name: string;
  readonly #value: unknown;

  constructor(name: string, value: unknown) {
    this.name = name;
    this.#value = value;
  }

  get absent(): boolean {
    return this.#value === undefined || this.#value === null;
  }

  at(key: string): Field {
    return new Field(`${this.name}.${key}`, this.#object()[key]);
  }

  onlyKeys(...keys: readonly string[]): void {
    for (const key of Object.keys(this.#object())) {
      if (!keys.includes(key)) {
        throw new Problem(`${this.name} has a field that isn't known, ${show(key)}; known are: ${keys.join(', ')}.`);
      }
    }
  }

  integer(low: number, high: number, fallback?: number): number {
    if (this.absent && fallback !== undefined) return fallback;
    const value = this.#value;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= low && value <= high) return value;
    const range = low === high ? `${low}` : `a whole number from ${low} to ${high}`;
    throw new Problem(`${this.name} must be ${range}, not ${show(value)}.`);
  }

  text(pattern: RegExp, meaning: string): string {
    if (typeof this.#value === 'string' && pattern.test(this.#value)) return this.#value;
    throw new Problem(`${this.name} must be ${meaning}, not ${show(this.#value)}.`);
  }

  boolean(fallback: boolean): boolean {
    if (this.absent) return fallback;
    if (typeof this.#value === 'boolean') return this.#value;
    throw new Problem(`${this.name} must be true or false, not ${show(this.#value)}.`);
  }

  oneOf<T extends string>(...choices: readonly T[]): T {
    const found = choices.find((choice) => choice === this.#value);
    if (found !== undefined) return found;
    throw new Problem(`${this.name} must be one of ${choices.join(', ')}, not ${show(this.#value)}.`);
  }

  /** An absent list is empty. */
  list(low: number, high: number): Field[] {
    const value = this.absent ? [] : this.#value;
    if (!Array.isArray(value) || value.length < low || value.length > high) {
      throw new Problem(`${this.name} must be a list of ${low} to ${high} entries, not ${show(this.#value)}.`);
    }
    return value.map((entry, i) => new Field(`${this.name}[${i}]`, entry));
  }

  textMap(): Readonly<Record<string, string>> {
    if (this.absent) return {};
    const entries = Object.entries(this.#object());
    for (const [key, value] of entries) {
      if (typeof value !== 'string')
        throw new Problem(`${this.name}, field ${show(key)}, must be text, not ${show(value)}.`);
    }
    return Object.fromEntries(entries) as Record<string, string>;
  }

  #object(): Readonly<Record<string, unknown>> {
    if (typeof this.#value === 'object' && this.#value !== null && !Array.isArray(this.#value)) {
      return this.#value as Record<string, unknown>;
    }
    throw new Problem(`${this.name} must be an object, not ${show(this.#value)}.`);
  }
}
