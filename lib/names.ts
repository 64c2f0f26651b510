/**
 * Names that the template shares with agents and Lambdas. lib/ is compiled on its own for jsii and takes nothing but
 * types from core/, so the few constants stand here a second time; test/lib/names.test.ts holds them equal.
 */
import type { IConstruct } from 'constructs';

export const TAG_CLUSTER = 'synkti:cluster';
export const TAG_EPOCH = 'synkti:epoch';
export const TAG_STATE = 'synkti:state';
export const TAG_WAITING = 'synkti:waiting';
export const TAG_HEARS = 'synkti:hears';

/** Those that every launch request gives its instance, of the keys that a launch template could give, too. */
export const REQUEST_TAGS: readonly string[] = ['Name', TAG_CLUSTER, TAG_EPOCH];

/** UDP and TCP port of the gossip. */
export const GOSSIP_PORT = 7946;

export const CLUSTER_NAME = /^[a-z][a-z0-9-]{0,23}$/;

export const specParameterName = (cluster: string): string => `/synkti/${cluster}/spec`;

/** In the cluster's bucket; whoever overwrites it renews the lease. */
export const LEASE_KEY = 'owner/lease.json';

export const attributesParameterName = (cluster: string): string => `/synkti/${cluster}/attributes`;

/** `Stack/Web` becomes `stack-web`; the end of a path tells more than its start. */
export function defaultClusterName(scope: IConstruct): string {
  const name = scope.node.path.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return name
    .slice(-24)
    .replace(/^[^a-z]+/, '')
    .replace(/-+$/, '');
}
