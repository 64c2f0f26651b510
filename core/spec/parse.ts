import { wallMs } from '../time.js';
import { type Field, type Parsed, Problem, read } from './field.js';
import type {
  HealthSpec,
  LaunchSpec,
  MountSpec,
  PolicySpec,
  PoolSpec,
  ProcessWorkload,
  Spec,
  WorkloadSpec,
} from './spec.js';

export type { Parsed } from './field.js';

/** The last moment that a Date can hold, in ms since 1970. */
const MAX_DATE_MS = 8_640_000_000_000_000;

/** What the spec's policies are when it doesn't say. Times in ms. */
export const DEFAULT_POLICY: PolicySpec = {
  rebalance: 'pre-warm',
  atRiskMs: 600_000,
  // An ALB may still send for 10 to 25 s after a deregistration.
  keepServingMs: 25_000,
  drainMs: 120_000,
  silentPatienceMs: 600_000,
  bootPatienceMs: 600_000,
  paused: false,
  admission: 'finish',
};

/** What a health check is when the spec doesn't say. */
export const DEFAULT_HEALTH: Omit<HealthSpec, 'path'> = {
  intervalMs: 5_000,
  timeoutMs: 2_000,
  healthyAfter: 2,
  unhealthyAfter: 3,
};

/** What a workload of tasks is when the spec doesn't say. */
export const DEFAULT_TASKS = { maxTasks: 4, leaseMs: 60_000 } as const;

/** Reads a spec. The problem is one sentence that names the field: the spec is written by people, too. */
export function parseSpec(text: string): Parsed<Spec> {
  return read('spec', text, spec);
}

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
  if (workloads.filter((w) => w.kind === 'tasks').length > 1) {
    throw new Problem('spec.workloads: two workloads are of kind tasks; one queue serves all tasks of a cluster.');
  }
  checkCopies(workloads);
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

/** How much of a node is left for copies must be the same number for all who place them. */
function checkCopies(workloads: readonly WorkloadSpec[]): void {
  const copied = workloads.find((w) => w.kind !== 'tasks' && w.copies !== undefined);
  const tasks = workloads.find((w) => w.kind === 'tasks');
  if (copied === undefined || tasks === undefined || tasks.memoryMiB !== null) return;
  throw new Problem(`spec.workloads: beside the copies of ${copied.name}, ${tasks.name} must say its memoryMiB.`);
}

/** At most 24 characters, so that a launch token fits into EC2's 64. */
export const CLUSTER_NAME = /^[a-z][a-z0-9-]{0,23}$/;

function launch(field: Field): LaunchSpec {
  field.onlyKeys('templateId', 'templateVersion', 'pools', 'instanceTypes', 'subnets', 'onDemandAfter', 'onDemandBase');
  const after = field.at('onDemandAfter');
  return {
    templateId: field.at('templateId').text(/^lt-[0-9a-f]{8,17}$/, 'the id of a launch template (lt-...)'),
    templateVersion: field.at('templateVersion').integer(1, 1_000_000),
    pools: field.at('instanceTypes').absent ? pools(field.at('pools')) : everyPool(field),
    onDemandAfter: after.absent ? null : after.integer(0, 1_000),
    onDemandBase: field.at('onDemandBase').integer(0, 10_000, 0),
  };
}

function pools(field: Field): PoolSpec[] {
  const found = field.list(1, MOST_POOLS).map((one) => {
    one.onlyKeys('instanceType', 'zone', 'subnetId');
    return { instanceType: instanceType(one.at('instanceType')), ...place(one) };
  });
  return consistent(field.name, found);
}

/** Every type in every subnet's zone, which is shorter to write. */
function everyPool(field: Field): PoolSpec[] {
  if (!field.at('pools').absent) {
    throw new Problem(`${field.name} has pools and also instanceTypes, which say the same: leave one of them out.`);
  }
  const types = field.at('instanceTypes').list(1, MOST_POOLS).map(instanceType);
  const places = field
    .at('subnets')
    .list(1, 100)
    .map((one) => {
      one.onlyKeys('zone', 'subnetId');
      return place(one);
    });
  if (types.length * places.length > MOST_POOLS) {
    throw new Problem(`${field.name}: its types and subnets make more than ${MOST_POOLS} pools.`);
  }
  const every = places.flatMap((one) => types.map((type) => ({ instanceType: type, ...one })));
  return consistent(field.name, every);
}

const MOST_POOLS = 300;

/** A fleet can't hold two subnets of one zone. */
function consistent(name: string, found: PoolSpec[]): PoolSpec[] {
  const subnets = new Map<string, string>();
  const names = new Set<string>();
  for (const { instanceType, zone, subnetId } of found) {
    const other = subnets.get(zone) ?? subnetId;
    if (other !== subnetId) {
      throw new Problem(`${name}: zone ${zone} has two subnets, ${other} and ${subnetId}; a fleet takes one a zone.`);
    }
    if (names.has(`${instanceType} ${zone}`)) throw new Problem(`${name}: ${instanceType} in ${zone} is there twice.`);
    subnets.set(zone, subnetId);
    names.add(`${instanceType} ${zone}`);
  }
  return found;
}

const instanceType = (field: Field): string =>
  field.text(/^[a-z0-9-]+\.[a-z0-9-]+$/, 'an instance type such as m7g.large');

const place = (field: Field): Omit<PoolSpec, 'instanceType'> => ({
  zone: field.at('zone').text(/^[a-z0-9-]{3,40}$/, 'a zone such as us-east-1a'),
  subnetId: field.at('subnetId').text(/^subnet-[0-9a-z]{1,17}$/, 'the id of a subnet (subnet-...)'),
});

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
  const kind = field.at('kind').oneOf('process', 'container', 'tasks');
  if (kind === 'tasks') {
    field.onlyKeys(...baseKeys, 'memoryMiB', 'gpuMemoryMiB', 'maxTasks', 'leaseMs');
    if (base.port !== null) throw new Problem(`${field.name}: a workload of tasks has no port.`);
    const memory = field.at('memoryMiB');
    return {
      ...base,
      kind,
      memoryMiB: memory.absent ? null : memory.integer(1, 100_000_000),
      gpuMemoryMiB: field.at('gpuMemoryMiB').integer(0, 100_000_000, 0),
      maxTasks: field.at('maxTasks').integer(1, 256, DEFAULT_TASKS.maxTasks),
      leaseMs: field.at('leaseMs').integer(3_000, 3_600_000, DEFAULT_TASKS.leaseMs),
    };
  }
  const placed = placement(field);
  const placedKeys = ['copies', 'memoryMiB', 'gpuMemoryMiB'];
  if (kind === 'process') {
    field.onlyKeys(...baseKeys, ...placedKeys, 'command', 'workingDirectory');
    const folder = field.at('workingDirectory');
    return {
      ...base,
      ...placed,
      kind,
      command: field
        .at('command')
        .list(1, 1_000)
        .map((f) => f.text(/^[\s\S]*$/, 'text')),
      workingDirectory: folder.absent ? null : folder.text(/^.+$/, 'a folder'),
    };
  }
  field.onlyKeys(...baseKeys, ...placedKeys, 'image', 'args', 'gpus', 'mounts');
  return {
    ...base,
    ...placed,
    kind,
    image: field.at('image').text(/^\S{1,500}$/, 'an image such as nginx:1.29'),
    args: field
      .at('args')
      .list(0, 1_000)
      .map((f) => f.text(/^[\s\S]*$/, 'text')),
    gpus: field.at('gpus').integer(0, 64, 0),
    mounts: field.at('mounts').list(0, 20).map(mount),
  };
}

/** Absent stays absent, so that what a node's revision says of older specs stays as it was. */
function placement(field: Field): Pick<ProcessWorkload, 'copies' | 'memoryMiB' | 'gpuMemoryMiB'> {
  const [copies, memory, gpuMemory] = [field.at('copies'), field.at('memoryMiB'), field.at('gpuMemoryMiB')];
  return {
    ...(copies.absent ? {} : { copies: copies.integer(1, 10_000) }),
    ...(memory.absent ? {} : { memoryMiB: memory.integer(0, 100_000_000) }),
    ...(gpuMemory.absent ? {} : { gpuMemoryMiB: gpuMemory.integer(0, 100_000_000) }),
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
  field.onlyKeys(...Object.keys(DEFAULT_POLICY), 'pausedUntilMs');
  const ms = (key: Exclude<keyof PolicySpec, 'rebalance' | 'paused' | 'pausedUntilMs' | 'admission'>): number =>
    field.at(key).integer(0, 86_400_000, DEFAULT_POLICY[key]);
  const rebalance = field.at('rebalance');
  const admission = field.at('admission');
  const pausedUntil = field.at('pausedUntilMs');
  return {
    rebalance: rebalance.absent ? DEFAULT_POLICY.rebalance : rebalance.oneOf('ignore', 'pre-warm', 'replace'),
    atRiskMs: ms('atRiskMs'),
    keepServingMs: ms('keepServingMs'),
    drainMs: ms('drainMs'),
    silentPatienceMs: ms('silentPatienceMs'),
    bootPatienceMs: ms('bootPatienceMs'),
    paused: field.at('paused').boolean(DEFAULT_POLICY.paused),
    ...(pausedUntil.absent ? {} : { pausedUntilMs: wallMs(pausedUntil.integer(0, MAX_DATE_MS)) }),
    admission: admission.absent ? DEFAULT_POLICY.admission : admission.oneOf('finish', 'evacuate'),
  };
}
