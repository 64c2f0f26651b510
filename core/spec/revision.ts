import { hash32 } from '../rng.js';
import type { Spec } from './spec.js';

/**
 * What a node runs, in short: the version of its launch template and a digest of its workloads. Nodes whose revision
 * isn't the spec's are replaced one by one; a change of policies or of the desired number replaces nobody.
 */
export function revisionOf(templateVersion: number, spec: Pick<Spec, 'workloads'>): string {
  return `${templateVersion}.${hash32(JSON.stringify(spec.workloads)).toString(36)}`;
}

export const wantedRevision = (spec: Spec): string => revisionOf(spec.launch.templateVersion, spec);
