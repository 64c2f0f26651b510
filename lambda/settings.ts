import type { Credentials } from '../aws/client.js';
import type { Lease } from '../core/fallback/lease.js';
import { specParameterName } from '../core/spec/spec.js';

/** What a function is told by its environment; docs/fallback.md lists it. */
export interface Settings {
  readonly cluster: string;
  readonly specParameter: string;
  /** Null: no agent is told to drain. */
  readonly drainDocument: string | null;
  readonly region: string;
  /** Null: the cluster stands until somebody deletes it. */
  readonly lease: Lease | null;
}

/** The role's credentials, which Lambda puts into the environment. @throws Error when they aren't there */
export function environmentCredentials(environment: Readonly<Record<string, string | undefined>>): Credentials {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN } = environment;
  if (!accessKeyId || !secretAccessKey) throw new Error('The environment holds no AWS credentials.');
  return { accessKeyId, secretAccessKey, ...(AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {}) };
}

/** @throws Error with one sentence that names the variable */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const cluster = environment.SYNKTI_CLUSTER ?? '';
  if (!/^[a-z][a-z0-9-]{0,23}$/.test(cluster)) {
    throw new Error(
      `The environment variable SYNKTI_CLUSTER must be the name of a cluster, not '${cluster.slice(0, 60)}'.`,
    );
  }
  const region = environment.AWS_REGION ?? '';
  if (region === '') throw new Error('The environment variable AWS_REGION is missing.');
  return {
    cluster,
    specParameter: given(environment.SYNKTI_SPEC_PARAMETER) ?? specParameterName(cluster),
    drainDocument: given(environment.SYNKTI_DRAIN_DOCUMENT),
    region,
    lease: leaseIn(environment),
  };
}

/** All of its three variables, or none. */
function leaseIn(environment: Readonly<Record<string, string | undefined>>): Lease | null {
  const length = given(environment.SYNKTI_LEASE_MS);
  if (length === null) return null;
  const lengthMs = Number(length);
  if (!Number.isSafeInteger(lengthMs) || lengthMs <= 0) {
    throw new Error(`The environment variable SYNKTI_LEASE_MS must be a number of ms, not '${length.slice(0, 60)}'.`);
  }
  const [stackId, bucket] = [given(environment.SYNKTI_STACK_ID), given(environment.SYNKTI_LEASE_BUCKET)];
  if (stackId === null || bucket === null) {
    throw new Error(
      'With SYNKTI_LEASE_MS the environment variables SYNKTI_STACK_ID and SYNKTI_LEASE_BUCKET are needed.',
    );
  }
  return { bucket, stackId, lengthMs };
}

const given = (text: string | undefined): string | null => (text === undefined || text === '' ? null : text);
