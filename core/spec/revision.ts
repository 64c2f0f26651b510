import { hash32 } from '../rng.js';
import type { Spec } from './spec.js';

/**
 * What a node runs, in short: the version of its launch template and a digest of its workloads. Nodes whose revision
 * isn't the spec's are replaced one by one; a change of policies, of the desired number or of the number of a workload's
 * copies replaces nobody.
 */
export function revisionOf(templateVersion: number, spec: Pick<Spec, 'workloads'>): string {
  return `${templateVersion}.${workloadsDigest(spec)}`;
}

/** Asked for at every step of a node, and the same until the spec changes. */
const digests = new WeakMap<Spec['workloads'], string>();

export function workloadsDigest({ workloads }: Pick<Spec, 'workloads'>): string {
  const known = digests.get(workloads);
  if (known !== undefined) return known;
  const text = JSON.stringify(workloads.map((workload) => ({ ...workload, copies: undefined })));
  const digest = hash32(text).toString(36);
  digests.set(workloads, digest);
  return digest;
}

/** The part of a revision that tells its workloads. */
export const digestOf = (revision: string): string => revision.slice(revision.indexOf('.') + 1);

export const wantedRevision = (spec: Spec): string => revisionOf(spec.launch.templateVersion, spec);
