import { z } from 'zod';
import type { WallMs } from '../../core/time.js';
import { AwsError } from '../wire/error.js';
import { jsonAction, jsonService } from '../wire/json-service.js';
import type { Service } from '../wire/service.js';
import { type CommandHost, commandActions } from './commands.js';

interface Version {
  readonly version: number;
  readonly type: 'String' | 'StringList' | 'SecureString';
  readonly value: string;
  readonly modifiedMs: WallMs;
}

const MAX_PARAMETERS = 10_000;
const MAX_VERSIONS = 100;
/** Characters of a standard and of an advanced parameter. */
const MAX_VALUE = { Standard: 4096, Advanced: 8192 } as const;
const parameterName = z.string().regex(/^[a-zA-Z0-9_.\-/:]{1,2048}$/);

/** SSM's Run Command, and its Parameter Store: put with versions, get (also `name:version`), by path, delete. */
export function ssmService(options: {
  readonly region: string;
  readonly accountId: string;
  readonly now: () => WallMs;
  /** Documents and Run Command; absent: Parameter Store only. */
  readonly commands?: CommandHost;
}): Service {
  const parameters = new Map<string, Version[]>();
  const notFound = (name: string): AwsError =>
    new AwsError('ParameterNotFound', `There is no parameter ${name.slice(0, 200)}`);
  const view = (name: string, one: Version): object => ({
    Name: name,
    Type: one.type,
    Value: one.value,
    Version: one.version,
    LastModifiedDate: one.modifiedMs / 1000,
    ARN: `arn:aws:ssm:${options.region}:${options.accountId}:parameter${name.startsWith('/') ? '' : '/'}${name}`,
    DataType: 'text',
  });
  return jsonService({
    name: 'ssm',
    targetPrefix: 'AmazonSSM',
    actions: new Map([
      ...(options.commands === undefined ? [] : commandActions(options.commands)),
      [
        'GetParameter',
        jsonAction(z.strictObject({ Name: parameterName, WithDecryption: z.boolean().optional() }), (input) => {
          const name = plainName(input.Name);
          const colon = name.lastIndexOf(':');
          const [base, selector] = colon < 0 ? [name, null] : [name.slice(0, colon), name.slice(colon + 1)];
          const versions = parameters.get(base);
          if (versions === undefined) throw notFound(base);
          const found =
            selector === null ? versions.at(-1) : versions.find(({ version }) => String(version) === selector);
          if (found === undefined) {
            throw new AwsError('ParameterVersionNotFound', `Parameter ${base} has no version ${selector}`);
          }
          return { Parameter: { ...view(base, found), ...(selector === null ? {} : { Selector: `:${selector}` }) } };
        }),
      ],
      [
        'PutParameter',
        jsonAction(
          z.strictObject({
            Name: parameterName,
            Value: z.string().min(1),
            Type: z.enum(['String', 'StringList', 'SecureString']).optional(),
            Overwrite: z.boolean().default(false),
            Description: z.string().max(1024).optional(),
            Tier: z.enum(['Standard', 'Advanced', 'Intelligent-Tiering']).optional(),
            DataType: z.literal('text').optional(),
            Tags: z.array(z.strictObject({ Key: z.string(), Value: z.string() })).optional(),
          }),
          (input) => {
            const name = plainName(input.Name);
            if (name.includes(':')) throw new AwsError('ValidationException', 'A parameter name has no colon');
            const tier = input.Tier ?? 'Standard';
            const limit = tier === 'Standard' ? MAX_VALUE.Standard : MAX_VALUE.Advanced;
            if (Buffer.byteLength(input.Value) > limit) {
              throw new AwsError('ValidationException', `A ${tier} parameter holds at most ${limit} bytes`);
            }
            const known = parameters.get(name);
            if (known !== undefined && !input.Overwrite) {
              throw new AwsError(
                'ParameterAlreadyExists',
                'The parameter already exists. Set Overwrite to replace it.',
              );
            }
            if (known === undefined && parameters.size >= MAX_PARAMETERS) {
              throw new AwsError('ParameterLimitExceeded', `An account holds at most ${MAX_PARAMETERS} parameters`);
            }
            const last = known?.at(-1);
            const type = input.Type ?? last?.type;
            if (type === undefined) throw new AwsError('ValidationException', 'A new parameter needs a Type');
            const version = (last?.version ?? 0) + 1;
            const next = [...(known ?? []), { version, type, value: input.Value, modifiedMs: options.now() }];
            parameters.set(name, next.slice(-MAX_VERSIONS));
            return { Version: version, Tier: tier === 'Advanced' ? tier : 'Standard' };
          },
        ),
      ],
      [
        'DeleteParameter',
        jsonAction(z.strictObject({ Name: parameterName }), (input) => {
          if (!parameters.delete(plainName(input.Name))) throw notFound(input.Name);
          return {};
        }),
      ],
      [
        'GetParametersByPath',
        jsonAction(
          z.strictObject({
            Path: parameterName,
            Recursive: z.boolean().default(false),
            WithDecryption: z.boolean().optional(),
            MaxResults: z.number().int().min(1).max(10).default(10),
            NextToken: z.string().optional(),
          }),
          (input) => {
            if (!input.Path.startsWith('/')) throw new AwsError('ValidationException', 'A path starts with /');
            const prefix = input.Path.endsWith('/') ? input.Path : `${input.Path}/`;
            const names = [...parameters.keys()]
              .filter(
                (name) => name.startsWith(prefix) && (input.Recursive || !name.slice(prefix.length).includes('/')),
              )
              .sort()
              .filter((name) => input.NextToken === undefined || name > input.NextToken);
            const page = names.slice(0, input.MaxResults);
            return {
              Parameters: page.flatMap(
                (name) =>
                  parameters
                    .get(name)
                    ?.slice(-1)
                    .map((one) => view(name, one)) ?? [],
              ),
              NextToken: names.length > page.length ? page.at(-1) : undefined,
            };
          },
        ),
      ],
    ]),
  });
}

/** An ARN is as good as a name. */
function plainName(given: string): string {
  const match = /^arn:aws:ssm:[^:]*:[^:]*:parameter(\/.*)$/.exec(given);
  return match?.[1] ?? given;
}
