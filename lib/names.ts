/**
 * Names that the template shares with agents and Lambdas. lib/ is compiled on its own for jsii and takes nothing but
 * types from core/, so the few constants stand here a second time; test/lib/names.test.ts holds them equal.
 */
export const TAG_CLUSTER = 'synkti:cluster';
export const TAG_EPOCH = 'synkti:epoch';
export const TAG_STATE = 'synkti:state';

/** UDP and TCP port of the gossip. */
export const GOSSIP_PORT = 7946;

export const CLUSTER_NAME = /^[a-z][a-z0-9-]{0,23}$/;

export const specParameterName = (cluster: string): string => `/synkti/${cluster}/spec`;
