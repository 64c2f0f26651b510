/** Which clusters a region has. A cluster is where its spec stands: the SSM parameter /synkti/<name>/spec. */
import { GetParameterCommand, GetParametersByPathCommand } from '@aws-sdk/client-ssm';
import { classify } from '../../aws/errors.js';
import { deniedAction } from '../../aws/failure.js';
import { countedSpec } from '../../aws/ssm.js';
import { parseSpec } from '../../core/spec/parse.js';
import { type Spec, specParameterName } from '../../core/spec/spec.js';
import { suggestion } from '../nearest.js';
import { UserError } from '../user-error.js';
import { AwsFailure } from './explain.js';
import { type ClusterFlags, clusterNameIn } from './flags.js';
import type { Session } from './session.js';

export interface FoundCluster {
  readonly name: string;
  readonly parameter: string;
  readonly spec: Spec;
  /** Of the parameter: it grows with every change. */
  readonly parameterVersion: number;
  readonly changedMs: number | null;
}

/** GetParametersByPath gives ten at most. */
const PAGE = 10;
const MAX_PAGES = 100;

/** The cluster that the flags name, or the region's only one. @throws UserError when there is none such */
export async function findCluster(session: Session, flags: ClusterFlags): Promise<FoundCluster> {
  const named = clusterNameIn(flags);
  const name = named ?? (await onlyCluster(session));
  const parameter = specParameterName(name);
  try {
    const ssm = await session.client('ssm');
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: parameter, WithDecryption: true }));
    const parameterVersion = Parameter?.Version ?? 0;
    const parsed = parseSpec(countedSpec(Parameter?.Value ?? '', parameterVersion));
    if (!parsed.ok)
      throw new AwsFailure(`The spec of cluster "${name}" (${parameter}) can't be read: ${parsed.problem}`);
    // A region from the environment is meant for AWS; one that was asked for is a mistake.
    const elsewhere = flags.region === undefined ? null : otherRegion(parsed.value, session);
    if (elsewhere !== null) {
      throw new UserError(
        `Cluster "${name}" isn't in ${session.region} but in ${elsewhere}; give --region ${elsewhere}.`,
      );
    }
    const changedMs = Parameter?.LastModifiedDate?.getTime() ?? null;
    return { name, parameter, spec: parsed.value, parameterVersion, changedMs };
  } catch (error) {
    if (classify(error).code !== 'ParameterNotFound') throw error;
    throw new UserError(await missing(session, name), { cause: error });
  }
}

/** A rehearsal is one region's cloud, and answers whatever region is asked for. Null: it is the right one, or AWS's. */
function otherRegion({ launch }: Spec, { endpoint, region }: Session): string | null {
  const [pool] = launch.pools;
  if (endpoint === null || pool === undefined || launch.pools.some(({ zone }) => zone.startsWith(region))) return null;
  return /^[a-z]{2,4}(-[a-z]{2,12}){1,3}-\d{1,2}/.exec(pool.zone)?.[0] ?? null;
}

/** Names of the region's clusters, sorted. */
export async function listClusters(session: Session): Promise<string[]> {
  const ssm = await session.client('ssm');
  const names: string[] = [];
  let NextToken: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await ssm.send(
      new GetParametersByPathCommand({ Path: '/synkti', Recursive: true, MaxResults: PAGE, NextToken }),
    );
    for (const { Name } of answer.Parameters ?? []) {
      const name = /^\/synkti\/([^/]+)\/spec$/.exec(Name ?? '')?.[1];
      if (name !== undefined) names.push(name);
    }
    NextToken = answer.NextToken;
    if (NextToken === undefined) break;
  }
  return names.sort();
}

async function onlyCluster(session: Session): Promise<string> {
  const names = await listClusters(session).catch((error: unknown) => {
    if (deniedAction(error) === null) throw error;
    throw new UserError(`${session.explain(error).message} With --cluster it isn't needed.`, { cause: error });
  });
  const [first] = names;
  if (first === undefined) throw new UserError(`There is no cluster in ${session.region}; give another --region.`);
  if (names.length === 1) return first;
  const shown = names.slice(0, 10).join(', ');
  throw new UserError(`There are ${names.length} clusters in ${session.region}; name one with --cluster: ${shown}.`);
}

async function missing(session: Session, name: string): Promise<string> {
  const what = `There is no cluster "${name}" in ${session.region}`;
  try {
    const names = await listClusters(session);
    if (names.length === 0) return `${what}, nor any other; give another --region.`;
    const close = suggestion(name, names);
    return close === '' ? `${what}; those there: ${names.slice(0, 10).join(', ')}.` : `${what}.${close}`;
  } catch (error) {
    // The names are a kindness.
    if (deniedAction(error) !== null) return `${what} (other names can't be offered without ssm:GetParametersByPath).`;
    throw error;
  }
}
