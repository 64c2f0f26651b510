import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { WallMs } from '../../core/time.js';
import { AwsError } from '../wire/error.js';
import { jsonAction, jsonService } from '../wire/json-service.js';
import type { Service } from '../wire/service.js';

interface Version {
  readonly id: string;
  readonly text: string | null;
  /** Base64, as on the wire. */
  readonly binary: string | null;
  readonly createdMs: WallMs;
}

interface Secret {
  readonly name: string;
  readonly arn: string;
  readonly versions: Map<string, Version>;
  current: string;
  previous: string | null;
  deletedMs: WallMs | null;
}

const MAX_SECRETS = 10_000;
const MAX_BYTES = 65_536;
const secretId = z.string().min(1).max(2048);
const value = { SecretString: z.string().optional(), SecretBinary: z.string().optional() };
const token = z.string().min(32).max(64).optional();

/** Secrets Manager: create, get, put (AWSCURRENT moves, AWSPREVIOUS follows), delete with or without a way back. */
export function secretsService(options: {
  readonly region: string;
  readonly accountId: string;
  readonly now: () => WallMs;
  /** ARN by name of each secret that there is; kept here for others to look at. */
  readonly arns?: Map<string, string>;
}): Service {
  const secrets = new Map<string, Secret>();
  const find = (id: string): Secret => {
    const secret =
      secrets.get(id) ?? [...secrets.values()].find(({ arn }) => arn === id || arn.replace(/-\w{6}$/, '') === id);
    if (secret === undefined) {
      throw new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    }
    return secret;
  };
  const alive = (id: string): Secret => {
    const secret = find(id);
    if (secret.deletedMs !== null) {
      throw new AwsError('InvalidRequestException', 'The secret is marked for deletion.');
    }
    return secret;
  };
  const newVersion = (input: {
    SecretString?: string | undefined;
    SecretBinary?: string | undefined;
    ClientRequestToken?: string | undefined;
  }): Version => {
    const { SecretString: text, SecretBinary: binary } = input;
    if ((text === undefined) === (binary === undefined)) {
      throw new AwsError('InvalidParameterException', 'Give either SecretString or SecretBinary');
    }
    if (Buffer.byteLength(text ?? binary ?? '') > MAX_BYTES) {
      throw new AwsError('InvalidParameterException', `A secret holds at most ${MAX_BYTES} bytes`);
    }
    return {
      id: input.ClientRequestToken ?? randomUUID(),
      text: text ?? null,
      binary: binary ?? null,
      createdMs: options.now(),
    };
  };
  /** A repeat with the same token is fine if it says the same. */
  const repeated = (secret: Secret, version: Version): boolean => {
    const known = secret.versions.get(version.id);
    if (known === undefined) return false;
    if (known.text === version.text && known.binary === version.binary) return true;
    throw new AwsError('ResourceExistsException', 'The ClientRequestToken was used for another value.');
  };
  return jsonService({
    name: 'secretsmanager',
    targetPrefix: 'secretsmanager',
    actions: new Map([
      [
        'CreateSecret',
        jsonAction(
          z.strictObject({
            Name: z.string().regex(/^[A-Za-z0-9/_+=.@-]{1,512}$/),
            ClientRequestToken: token,
            Description: z.string().optional(),
            KmsKeyId: z.string().optional(),
            Tags: z.array(z.strictObject({ Key: z.string(), Value: z.string() })).optional(),
            ...value,
          }),
          (input) => {
            const version = newVersion(input);
            const known = secrets.get(input.Name);
            if (known !== undefined) {
              if (known.deletedMs !== null) {
                throw new AwsError('InvalidRequestException', 'A secret with this name is marked for deletion.');
              }
              if (!repeated(known, version)) {
                throw new AwsError('ResourceExistsException', `The secret ${input.Name} already exists.`);
              }
              return { ARN: known.arn, Name: known.name, VersionId: version.id };
            }
            if (secrets.size >= MAX_SECRETS) throw new AwsError('LimitExceededException', 'Too many secrets');
            const suffix = randomUUID().slice(0, 6);
            const secret: Secret = {
              name: input.Name,
              arn: `arn:aws:secretsmanager:${options.region}:${options.accountId}:secret:${input.Name}-${suffix}`,
              versions: new Map([[version.id, version]]),
              current: version.id,
              previous: null,
              deletedMs: null,
            };
            secrets.set(secret.name, secret);
            options.arns?.set(secret.name, secret.arn);
            return { ARN: secret.arn, Name: secret.name, VersionId: version.id };
          },
        ),
      ],
      [
        'GetSecretValue',
        jsonAction(
          z.strictObject({
            SecretId: secretId,
            VersionId: z.string().optional(),
            VersionStage: z.string().optional(),
          }),
          (input) => {
            const secret = alive(input.SecretId);
            const staged = input.VersionStage === 'AWSPREVIOUS' ? secret.previous : secret.current;
            const known = ['AWSCURRENT', 'AWSPREVIOUS', undefined].includes(input.VersionStage);
            const version = known ? secret.versions.get(input.VersionId ?? staged ?? '') : undefined;
            if (version === undefined) {
              throw new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret value.");
            }
            return {
              ARN: secret.arn,
              Name: secret.name,
              VersionId: version.id,
              SecretString: version.text ?? undefined,
              SecretBinary: version.binary ?? undefined,
              VersionStages: stages(secret, version.id),
              CreatedDate: version.createdMs / 1000,
            };
          },
        ),
      ],
      [
        'PutSecretValue',
        jsonAction(
          z.strictObject({
            SecretId: secretId,
            ClientRequestToken: token,
            VersionStages: z.tuple([z.literal('AWSCURRENT')]).optional(),
            ...value,
          }),
          (input) => {
            const secret = alive(input.SecretId);
            const version = newVersion(input);
            if (!repeated(secret, version)) {
              secret.versions.set(version.id, version);
              secret.previous = secret.current;
              secret.current = version.id;
              // Versions without a stage go first, as Secrets Manager lets them go.
              for (const id of [...secret.versions.keys()].slice(0, -100)) {
                if (stages(secret, id).length === 0) secret.versions.delete(id);
              }
            }
            return {
              ARN: secret.arn,
              Name: secret.name,
              VersionId: version.id,
              VersionStages: stages(secret, version.id),
            };
          },
        ),
      ],
      [
        'DeleteSecret',
        jsonAction(
          z.strictObject({
            SecretId: secretId,
            RecoveryWindowInDays: z.number().int().min(7).max(30).optional(),
            ForceDeleteWithoutRecovery: z.boolean().default(false),
          }),
          (input) => {
            if (input.ForceDeleteWithoutRecovery && input.RecoveryWindowInDays !== undefined) {
              throw new AwsError('InvalidParameterException', 'A forced deletion has no recovery window');
            }
            const secret = find(input.SecretId);
            const now = options.now();
            if (input.ForceDeleteWithoutRecovery) {
              secrets.delete(secret.name);
              options.arns?.delete(secret.name);
            } else secret.deletedMs = now;
            const days = input.ForceDeleteWithoutRecovery ? 0 : (input.RecoveryWindowInDays ?? 30);
            return { ARN: secret.arn, Name: secret.name, DeletionDate: now / 1000 + days * 86_400 };
          },
        ),
      ],
    ]),
  });
}

function stages(secret: Secret, versionId: string): string[] {
  return [
    ...(secret.current === versionId ? ['AWSCURRENT'] : []),
    ...(secret.previous === versionId ? ['AWSPREVIOUS'] : []),
  ];
}
