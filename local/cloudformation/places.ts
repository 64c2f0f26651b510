/** What a template asks of a local cloud before there is one: zones, pools, subnets of elsewhere. Pure. */

import { DEFAULT_TASKS } from '../../core/spec/parse.js';
import { CATALOGUE } from '../ec2/model/catalogue.js';
import type { StackFacts } from './handler.js';
import { type NO_VALUE, resolve, resolveValue } from './intrinsics.js';
import { isList, isObject, type Json } from './json.js';
import { stackScope } from './scope.js';
import { parseTemplate, type Template } from './template.js';

export interface Places {
  /** Sorted; never empty. */
  readonly zones: readonly string[];
  /** Of all clusters; sorted by zone and type. */
  readonly pools: readonly { readonly instanceType: string; readonly zone: string }[];
  /** Subnets that clusters name and the template doesn't make. */
  readonly subnets: readonly { readonly subnetId: string; readonly zone: string }[];
  /** Target groups that workloads name and the template doesn't make. */
  readonly targetGroups: readonly { readonly arn: string; readonly healthPath: string }[];
  readonly clusters: readonly ClusterSketch[];
}

export interface ClusterSketch {
  readonly cluster: string;
  readonly desired: number;
  readonly workloads: readonly {
    readonly name: string;
    readonly kind: 'process' | 'container' | 'tasks';
    readonly port: number | null;
    readonly image: string | null;
    /** Of its health check. */
    readonly healthPath: string | null;
    /** Of a queue of tasks; absent: it isn't one. */
    readonly queue?: QueueSketch;
  }[];
}

/** Null: as the template leaves it open. */
export interface QueueSketch {
  readonly memoryMiB: number | null;
  readonly gpuMemoryMiB: number;
  readonly maxTasks: number;
  readonly leaseMs: number;
}

/** Stands where only a deployment knows. */
const UNKNOWN = '?';

/** @throws DeployError for a template that isn't right */
export function placesOf(
  input: unknown,
  options: { readonly region: string; readonly parameters?: Readonly<Record<string, string>> },
): Places {
  const template = parseTemplate(input);
  const { region } = options;
  const guess = ['a', 'b', 'c'].map((letter) => `${region}${letter}`);
  const specs = specsIn(template, region, guess, options.parameters ?? {});
  const pools = new Map<string, Places['pools'][number]>();
  const subnets = new Map<string, Places['subnets'][number]>();
  const zones = new Set<string>();
  for (const { launch } of specs) {
    for (const { instanceType, zone, subnetId } of isObject(launch) ? poolsOf(launch) : []) {
      if (typeof instanceType !== 'string' || typeof zone !== 'string') continue;
      zones.add(zone);
      pools.set(`${zone}/${instanceType}`, { instanceType, zone });
      if (typeof subnetId === 'string' && !subnetId.includes(UNKNOWN)) subnets.set(subnetId, { subnetId, zone });
    }
  }
  for (const zone of subnetZones(template, region, guess, options.parameters ?? {})) zones.add(zone);
  return {
    zones: zones.size === 0 ? guess : [...zones].sort(),
    pools: [...pools].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pool]) => pool),
    subnets: [...subnets.values()],
    targetGroups: specs.flatMap(({ workloads }) => listOf(workloads).filter(isObject).flatMap(targetGroupsOf)),
    clusters: specs.map(({ cluster, desired, workloads }) => ({
      cluster: String(cluster),
      desired: Number(desired),
      workloads: listOf(workloads).filter(isObject).map(sketch),
    })),
  };
}

const sketch = ({
  name,
  kind,
  port,
  image,
  health,
  ...rest
}: Readonly<Record<string, Json>>): ClusterSketch['workloads'][number] => ({
  name: String(name),
  kind: kind === 'container' || kind === 'tasks' ? kind : 'process',
  port: typeof port === 'number' ? port : null,
  image: typeof image === 'string' ? image : null,
  healthPath: isObject(health) && typeof health.path === 'string' ? health.path : null,
  ...(kind === 'tasks' ? { queue: queue(rest) } : {}),
});

const queue = ({ memoryMiB, gpuMemoryMiB, maxTasks, leaseMs }: Readonly<Record<string, Json>>): QueueSketch => ({
  memoryMiB: typeof memoryMiB === 'number' ? memoryMiB : null,
  gpuMemoryMiB: Number(gpuMemoryMiB ?? 0),
  maxTasks: Number(maxTasks ?? DEFAULT_TASKS.maxTasks),
  leaseMs: Number(leaseMs ?? DEFAULT_TASKS.leaseMs),
});

function targetGroupsOf(workload: Members): Places['targetGroups'] {
  const healthPath = sketch(workload).healthPath ?? '/';
  return listOf(workload.targetGroupArns).flatMap((arn) =>
    typeof arn === 'string' && !arn.includes(UNKNOWN) ? [{ arn, healthPath }] : [],
  );
}

type Members = Readonly<Record<string, Json>>;

/** What is found at deployment may be any type there is. */
function poolsOf(launch: Members): Members[] {
  const { instanceTypes } = launch;
  const types = isList(instanceTypes) ? instanceTypes : instanceTypes === undefined ? [] : [...CATALOGUE.keys()];
  const every = listOf(launch.subnets)
    .filter(isObject)
    .flatMap((place) => types.map((instanceType) => ({ ...place, instanceType })));
  return [...listOf(launch.pools).filter(isObject), ...every];
}

/** The specs that the template writes into SSM. */
function specsIn(template: Template, region: string, zones: readonly string[], given: Members): Members[] {
  const scope = roughScope(template, region, zones, given);
  return [...template.resources.values()].flatMap((resource) => {
    if (resource.type !== 'AWS::SSM::Parameter') return [];
    const value = resolve(resource.properties.Value ?? null, scope);
    const spec = typeof value === 'string' ? specIn(value.replaceAll(`:${UNKNOWN},`, ':0,')) : null;
    return spec === null ? [] : [spec];
  });
}

/** The members of a cluster's spec; null of any other text. */
export function specIn(text: string): Members | null {
  try {
    const value: Json = JSON.parse(text);
    return isObject(value) && value.format === 1 && isObject(value.launch) && isList(value.workloads) ? value : null;
  } catch {
    return null;
  }
}

function subnetZones(template: Template, region: string, zones: readonly string[], given: Members): string[] {
  const scope = roughScope(template, region, zones, given);
  return [...template.resources.values()].flatMap((resource) => {
    const zone = resource.type === 'AWS::EC2::Subnet' ? resource.properties.AvailabilityZone : undefined;
    const name = zone === undefined ? undefined : resolveValue(zone, scope);
    return typeof name === 'string' && !name.includes(UNKNOWN) ? [name] : [];
  });
}

/** Parameters have their defaults, and what a resource will be nobody knows yet. */
function roughScope(template: Template, region: string, zones: readonly string[], given: Members) {
  const stack: StackFacts = { name: UNKNOWN, id: `${UNKNOWN}/${UNKNOWN}/0-0-0-0-0`, region, accountId: UNKNOWN };
  const scope = stackScope({
    template,
    parameters: new Map(
      [...template.parameters].map(([name, { initial }]) => [name, given[name] ?? initial ?? UNKNOWN]),
    ),
    stack,
    zones,
    standing: () => undefined,
  });
  return {
    ...scope,
    ref: (name: string): Json | typeof NO_VALUE | undefined =>
      template.resources.has(name) ? UNKNOWN : scope.ref(name),
    attribute: (): Json => UNKNOWN,
  };
}

const listOf = (value: Json | undefined): readonly Json[] => (isList(value) ? value : []);
