/**
 * A change of the spec, which stands in an SSM parameter. SSM has no conditional put, but it counts versions: the answer to
 * a put tells whether somebody else's came between. Then theirs is read and the change is made once more on top of it, so
 * neither gets lost; for the moment between the two puts agents may have read the one that lacks the other's.
 */
import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { countedSpec } from '../../../aws/ssm.js';
import { parseSpec } from '../../../core/spec/parse.js';
import type { FoundCluster } from '../../aws/clusters.js';
import { AwsFailure } from '../../aws/explain.js';
import type { Session } from '../../aws/session.js';

/** The spec's JSON as it is written: fields that this program doesn't know stay as they are. */
export type SpecJson = Record<string, unknown>;

/** Changes it in place. */
export type SpecEdit = (json: SpecJson) => void;

export interface SpecChange {
  /** Of the parameter, when it was done. */
  readonly version: number;
  /** Changes of others that came between, and were kept. */
  readonly between: number;
}

/** Writers that come between more often than this are no accident. */
const MAX_ROUNDS = 5;

/** @throws AwsFailure when the spec changed since `seen`, or wouldn't be one any more */
export async function changeSpec(session: Session, seen: FoundCluster, edit: SpecEdit): Promise<SpecChange> {
  let { text, version } = await readSpecText(session, seen.parameter);
  if (version !== seen.parameterVersion) {
    throw new AwsFailure(
      `The spec of cluster "${seen.name}" was changed meanwhile (version ${seen.parameterVersion}, now ${version}); nothing was done. Look at it, then try again.`,
    );
  }
  for (let between = 0, round = 0; round < MAX_ROUNDS; round++) {
    const put = await putSpecText(session, seen, edited(text, version, edit, seen));
    if (put === version + 1) return { version: put, between };
    between += put - version - 1;
    // The last one before this put: it holds, or replaces, what came before it.
    ({ text, version } = await readSpecText(session, `${seen.parameter}:${put - 1}`));
    version = put;
  }
  throw new AwsFailure(
    `Somebody else changes the spec of cluster "${seen.name}" all the time; look who does, then try again.`,
  );
}

/** The text after the edit, with the version that the parameter will have. Exported for its tests. */
export function edited(text: string, version: number, edit: SpecEdit, { name }: { readonly name: string }): string {
  const json = JSON.parse(countedSpec(text, version)) as SpecJson;
  edit(json);
  json.version = Math.max(Number(json.version), version) + 1;
  const after = JSON.stringify(json);
  const parsed = parseSpec(after);
  if (!parsed.ok) throw new AwsFailure(`The spec of cluster "${name}" can't be changed so: ${parsed.problem}`);
  return after;
}

export async function readSpecText(session: Session, name: string): Promise<{ text: string; version: number }> {
  const ssm = await session.client('ssm');
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: name, WithDecryption: true }));
  return { text: Parameter?.Value ?? '', version: Parameter?.Version ?? 0 };
}

async function putSpecText(session: Session, { parameter }: FoundCluster, text: string): Promise<number> {
  const ssm = await session.client('ssm');
  // A standard parameter holds 4 KiB; with the tier left out an advanced one would be refused.
  const { Version } = await ssm.send(
    new PutParameterCommand({ Name: parameter, Value: text, Overwrite: true, Tier: 'Intelligent-Tiering' }),
  );
  return Version ?? 0;
}

/** What a later deployment does to a change that isn't in the template. */
export const driftText = (what: string): string =>
  `The template doesn't know of it: a deployment that leaves the spec as it was keeps it, one that changes anything in the spec writes ${what} again.`;
