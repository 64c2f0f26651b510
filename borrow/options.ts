/** What a caller may wish for, and the check of it before anything is asked of AWS. */
import type { CapacityOptions, FailoverOptions, LoadBalancing, MachineOptions, Workload } from '../lib/index.js';
import { BorrowError } from './error.js';
import { type AwsOptions, checkAws, isObject } from './options-aws.js';

/** What becomes of a borrowed cluster when the process is asked to end. */
export type OnSignal = 'give-back' | 'leave';

export interface BorrowOptions extends AwsOptions {
  /** What every node runs. */
  readonly workload: Workload;
  /** Name of the cluster: at most 24 lower case letters, digits and hyphens, a letter first. Default: a random one. */
  readonly name?: string;
  /** How many nodes, 1 to 1000. Default: 3. */
  readonly nodes?: number;
  /** Names of instance types, such as `m7g.large`. Default: the construct's broad choice. */
  readonly instanceTypes?: readonly string[];
  /** Everything else about capacity. */
  readonly capacity?: Omit<CapacityOptions, 'desired'>;
  /** VPC of the nodes. Default: the one of `subnetIds`, else the Region's default VPC. */
  readonly vpcId?: string;
  /** Subnets of the nodes, one a zone; they need a way to AWS. Default: the VPC's subnets that give public addresses. */
  readonly subnetIds?: readonly string[];
  /** Default: a load balancer inside the VPC when the workload has a port. */
  readonly loadBalancing?: LoadBalancing;
  readonly machine?: MachineOptions;
  readonly failover?: FailoverOptions;
  /**
   * Seconds, 120 to 86400. A cluster whose owner hasn't renewed its lease for so long deletes itself at its next sweep.
   * Longer outlives a longer loss of the network, shorter costs less after a crash. Default: 900.
   */
  readonly lease?: number;
  /** How many nodes must serve before `borrow` resolves; 0 waits for none. Default: all. */
  readonly ready?: number;
  /** Seconds until the cluster must stand and be ready, 1 to 7200; then it is given back. Default: 1800. */
  readonly timeout?: number;
  /** Tags of everything that is made, besides Synkti's own. */
  readonly tags?: Readonly<Record<string, string>>;
  /** ARN of the role that CloudFormation acts with. Default: the one that `cdk bootstrap` made for it. */
  readonly executionRole?: string;
  /** Qualifier of the bootstrap. Default: `hnb659fds`, which is CDK's. */
  readonly qualifier?: string;
  /** Ends the wait; what was made by then is given back before `borrow` rejects. */
  readonly signal?: AbortSignal;
  /** Told a line whenever something is done. Default: silence. */
  readonly onProgress?: (line: string) => void;
  /** What SIGINT, SIGTERM and the natural end of the process lead to. Default: `give-back`. */
  readonly onSignal?: OnSignal;
}

/** {@link BorrowOptions} that were checked, with their defaults. */
export interface Wish {
  readonly workload: Workload;
  readonly name: string;
  readonly nodes: number;
  readonly capacity: Omit<CapacityOptions, 'desired'>;
  readonly instanceTypes: readonly string[];
  readonly vpcId: string | null;
  readonly subnetIds: readonly string[];
  readonly loadBalancing: LoadBalancing | null;
  readonly machine: MachineOptions;
  readonly failover: FailoverOptions;
  readonly leaseMs: number;
  readonly ready: number;
  readonly timeoutMs: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly executionRole: string | null;
  readonly qualifier: string;
  readonly signal: AbortSignal | null;
  readonly say: (line: string) => void;
  readonly onSignal: OnSignal;
}

const DEFAULT_NODES = 3;
const DEFAULT_LEASE_S = 900;
const DEFAULT_TIMEOUT_S = 1_800;
export const DEFAULT_QUALIFIER = 'hnb659fds';

const CLUSTER_NAME = /^[a-z][a-z0-9-]{0,23}$/;
const INSTANCE_TYPE = /^[a-z0-9-]+\.[a-z0-9-]+$/;
/** What CloudFormation takes beside Synkti's own two. */
const MAX_TAGS = 40;

const KNOWN: ReadonlySet<string> = new Set<keyof BorrowOptions>([
  ...(['region', 'endpoint', 'profile', 'workload', 'name', 'nodes', 'instanceTypes', 'capacity'] as const),
  ...(['vpcId', 'subnetIds', 'loadBalancing', 'machine', 'failover', 'lease', 'ready', 'timeout'] as const),
  ...(['tags', 'executionRole', 'qualifier', 'signal', 'onProgress', 'onSignal'] as const),
]);

/**
 * Pure.
 *
 * @param drawName a name for who gives none
 * @throws BorrowError OPTION
 */
export function checkOptions(options: BorrowOptions, drawName: () => string): Wish {
  if (!isObject(options)) throw wrong('Synkti.borrow needs an object of options, with a workload at least.');
  const unknown = Object.keys(options).find((key) => !KNOWN.has(key));
  if (unknown !== undefined) throw wrong(`Synkti.borrow knows no option "${unknown.slice(0, 60)}".`);
  checkAws(options);
  const nodes = whole('nodes', options.nodes ?? DEFAULT_NODES, 1, 1_000);
  const leaseS = whole('lease', options.lease ?? DEFAULT_LEASE_S, 120, 86_400, ' of seconds');
  const timeoutS = whole('timeout', options.timeout ?? DEFAULT_TIMEOUT_S, 1, 7_200, ' of seconds');
  return {
    workload: workload(options.workload),
    name: clusterName(options.name ?? drawName()),
    nodes,
    capacity: capacity(options),
    instanceTypes: instanceTypes(options.instanceTypes ?? []),
    vpcId: options.vpcId === undefined ? null : id('vpcId', options.vpcId, /^vpc-[0-9a-z]+$/, 'vpc-0123456789abcdef0'),
    subnetIds: subnetIds(options.subnetIds ?? []),
    loadBalancing: options.loadBalancing ?? null,
    machine: options.machine ?? {},
    failover: options.failover ?? {},
    leaseMs: leaseS * 1_000,
    ready: whole('ready', options.ready ?? nodes, 0, nodes),
    timeoutMs: timeoutS * 1_000,
    tags: checkTags(options.tags ?? {}),
    executionRole: options.executionRole === undefined ? null : role(options.executionRole),
    qualifier: id('qualifier', options.qualifier ?? DEFAULT_QUALIFIER, /^[a-z0-9]{1,10}$/, DEFAULT_QUALIFIER),
    signal: options.signal ?? null,
    say: options.onProgress ?? (() => {}),
    onSignal: onSignal(options.onSignal ?? 'give-back'),
  };
}

function workload(given: Workload | undefined): Workload {
  if (isObject(given) && typeof given.name === 'string') return given;
  throw wrong('The option workload is missing: give what the nodes run, such as Workload.process({ command: [...] }).');
}

function clusterName(name: string): string {
  if (typeof name === 'string' && CLUSTER_NAME.test(name)) return name;
  const text = String(name);
  const long = text.length > 24 ? ` (it has ${text.length})` : '';
  throw wrong(
    `The name "${text.slice(0, 60)}" won't do: give at most 24 lower case letters, digits and hyphens${long}, a letter first.`,
  );
}

function whole(option: string, value: number, least: number, most: number, unit = ''): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw wrong(`The option ${option} must be a whole number${unit} from ${least} to ${most}, not ${String(value)}.`);
}

function capacity(options: BorrowOptions): Omit<CapacityOptions, 'desired'> {
  const given = options.capacity ?? {};
  if ('desired' in given) throw wrong('Give the number of nodes as the option nodes, not as capacity.desired.');
  if (given.instanceTypes !== undefined && options.instanceTypes !== undefined) {
    throw wrong('Give the instance types once: as the option instanceTypes, or in capacity.');
  }
  return given;
}

function instanceTypes(names: readonly string[]): readonly string[] {
  for (const name of names) id('instanceTypes', name, INSTANCE_TYPE, 'm7g.large');
  return names;
}

function subnetIds(ids: readonly string[]): readonly string[] {
  for (const one of ids) id('subnetIds', one, /^subnet-[0-9a-z-]+$/, 'subnet-0123456789abcdef0');
  return [...new Set(ids)];
}

function checkTags(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(tags);
  if (entries.length > MAX_TAGS) throw wrong(`The option tags has ${entries.length} tags: give ${MAX_TAGS} at most.`);
  for (const [key, value] of entries) {
    if (/^(aws|synkti):/i.test(key))
      throw wrong(`The tag "${key.slice(0, 60)}" isn't yours to give: take another key.`);
    if (key === '' || key.length > 128 || typeof value !== 'string' || value.length > 256) {
      throw wrong(`The tag "${key.slice(0, 60)}" is too long: 128 characters a key and 256 a value are the most.`);
    }
  }
  return tags;
}

const role = (arn: string): string =>
  id('executionRole', arn, /^arn:[a-z-]+:iam::\d{12}:role\/.+$/, 'arn:aws:iam::111122223333:role/deploy');

function onSignal(choice: OnSignal): OnSignal {
  if (choice === 'give-back' || choice === 'leave') return choice;
  throw wrong(`The option onSignal must be 'give-back' or 'leave', not "${String(choice).slice(0, 60)}".`);
}

function id(option: string, value: string, form: RegExp, example: string): string {
  if (typeof value === 'string' && form.test(value)) return value;
  throw wrong(`The option ${option} needs something like ${example}, not "${String(value).slice(0, 100)}".`);
}

const wrong = (message: string): BorrowError => new BorrowError('OPTION', message);
