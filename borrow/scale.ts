/** Another number of nodes: a change of the spec, as `synkti scale` makes it. The agents see to it that it is safe. */
import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { countedSpec } from '../aws/ssm.js';
import { parseSpec } from '../core/spec/parse.js';
import type { Aws } from './aws.js';
import { BorrowError } from './error.js';

/** @throws BorrowError, or what the SDK throws */
export async function changeDesired(aws: Aws, parameter: string, desired: number): Promise<void> {
  const { Parameter } = await aws.ssm.send(new GetParameterCommand({ Name: parameter }));
  const version = Parameter?.Version ?? 0;
  const json = JSON.parse(countedSpec(Parameter?.Value ?? '', version)) as Record<string, unknown>;
  json.desired = desired;
  json.version = Math.max(Number(json.version), version) + 1;
  const Value = JSON.stringify(json);
  const parsed = parseSpec(Value);
  if (!parsed.ok) throw new BorrowError('OPTION', `The cluster can't have ${desired} nodes: ${parsed.problem}`);
  // A standard parameter holds 4 KiB; with the tier left out an advanced one would be refused.
  await aws.ssm.send(new PutParameterCommand({ Name: parameter, Value, Overwrite: true, Tier: 'Intelligent-Tiering' }));
}
