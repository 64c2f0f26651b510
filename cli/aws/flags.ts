/** The flags that all commands share which talk to AWS, and what is made of them before any call. */
import type { Command } from 'commander';
import pc from 'picocolors';
import { UserError } from '../user-error.js';

/** As the parser gives them. */
export interface SessionFlags {
  readonly profile?: string;
  readonly region?: string;
  readonly endpoint?: string;
  readonly json?: boolean;
  /** False: `--no-color`. */
  readonly color?: boolean;
}

export interface ClusterFlags extends SessionFlags {
  readonly cluster?: string;
}

export type Colors = ReturnType<typeof pc.createColors>;

/** `--profile`, `--region`, `--endpoint`, `--json`, `--no-color`, in a group of their own at the end of the help. */
export function addSessionOptions(command: Command): Command {
  return command
    .optionsGroup('AWS, as the AWS CLI has it:')
    .option('--profile <name>', 'profile of ~/.aws/config and ~/.aws/credentials (or AWS_PROFILE)')
    .option('--region <name>', "region (or AWS_REGION, AWS_DEFAULT_REGION, the profile's)")
    .option('--endpoint <url>', 'a rehearsal that runs: the address that it prints (or AWS_ENDPOINT_URL)')
    .optionsGroup('Output:')
    .option('--json', 'JSON instead of text')
    .option('--no-color', 'no colours (or NO_COLOR); there are none in a pipe or a file either');
}

/** {@link addSessionOptions} and `--cluster`, which may be left out where a region has but one. */
export function addClusterOptions(command: Command): Command {
  command.option('--cluster <name>', "the cluster (or SYNKTI_CLUSTER; default: the region's only one)");
  return addSessionOptions(command);
}

/** The cluster as a word of its own, too, for commands that take no other: `synkti status web`. */
export const addClusterArgument = (command: Command): Command => command.argument('[cluster]', 'the same as --cluster');

/** @throws UserError when two are named */
export function withCluster<T extends ClusterFlags>(word: string | undefined, flags: T): T {
  if (word === undefined || word === flags.cluster) return flags;
  if (flags.cluster === undefined) return { ...flags, cluster: word };
  const [a, b] = [word.slice(0, 60), flags.cluster.slice(0, 60)];
  throw new UserError(`Two clusters are named, "${a}" and --cluster "${b}"; this looks at one.`);
}

/** The given ones again, for a command that is to mean the same: ` --cluster web --region eu-west-1`, or nothing. */
export function givenFlags({ cluster, profile, region, endpoint }: ClusterFlags): string {
  const given = Object.entries({ cluster, profile, region, endpoint });
  return given.map(([name, value]) => (value === undefined ? '' : ` --${name} ${shellWord(value)}`)).join('');
}

/** As a shell takes it for one word. */
export const shellWord = (word: string): string =>
  /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** Null: not named. @throws UserError */
export function clusterNameIn(flags: ClusterFlags, env: NodeJS.ProcessEnv = process.env): string | null {
  const name = flags.cluster ?? (env.SYNKTI_CLUSTER || undefined);
  if (name === undefined) return null;
  if (/^[a-z][a-z0-9-]{0,23}$/.test(name)) return name;
  throw new UserError(
    `"${name.slice(0, 60)}" is no name of a cluster: lower case letters, digits and hyphens, a letter first, at most 24 characters.`,
  );
}

/** Colours for a terminal that wants them. https://no-color.org: any NO_COLOR but an empty one. */
export function colorsOf(
  flags: SessionFlags,
  env: NodeJS.ProcessEnv = process.env,
  stream: { readonly isTTY?: boolean } = process.stdout,
): Colors {
  const refused = flags.color === false || (env.NO_COLOR ?? '') !== '' || env.TERM === 'dumb';
  const forced = (env.FORCE_COLOR ?? '') !== '' && env.FORCE_COLOR !== '0';
  return pc.createColors(!refused && flags.json !== true && (forced || stream.isTTY === true));
}

/** @throws UserError */
export function readEndpoint(text: string, source: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new UserError(`${source} needs an address such as http://127.0.0.1:4566, not "${text.slice(0, 100)}".`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new UserError(`${source} needs an address with http:// or https://, not "${text.slice(0, 100)}".`);
  }
  return text.replace(/\/+$/, '');
}

/** Whether an endpoint is on this machine, as that of a rehearsal is. */
export function isLoopback(endpoint: string): boolean {
  const { hostname } = new URL(endpoint);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** `us-east-1`, `us-gov-west-1`, `eusc-de-east-1`. @throws UserError */
export function readRegion(text: string, source: string): string {
  if (/^[a-z]{2,4}(-[a-z]{2,12}){1,3}-\d{1,2}$/.test(text)) return text;
  throw new UserError(`${source} needs a region such as eu-central-1, not "${text.slice(0, 60)}".`);
}
