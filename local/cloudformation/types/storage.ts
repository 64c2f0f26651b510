/** S3, Parameter Store and Secrets Manager. */
import { randomInt } from 'node:crypto';
import { CreateBucketCommand, DeleteBucketCommand } from '@aws-sdk/client-s3';
import { CreateSecretCommand, DeleteSecretCommand, PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import {
  DeleteParameterCommand,
  type ParameterTier,
  type ParameterType,
  PutParameterCommand,
} from '@aws-sdk/client-ssm';
import { type Call, type Handler, type Handlers, known, type Made, nameFor } from '../handler.js';
import { secretStringOf } from '../secret-string.js';

const bucket: Handler = {
  immutable: ['BucketName'],
  create: async (call) => {
    const { props, host } = call;
    const name = props.text('BucketName') ?? nameFor(call, { maxLength: 63, lowerCase: true });
    checkBucket(call);
    await host.clients.s3.send(new CreateBucketCommand({ Bucket: name }));
    const domain = `${name}.s3.amazonaws.com`;
    const regional = `${name}.s3.${host.stack.region}.amazonaws.com`;
    return {
      physicalId: name,
      attributes: {
        Arn: `arn:aws:s3:::${name}`,
        DomainName: domain,
        RegionalDomainName: regional,
        DualStackDomainName: `${name}.s3.dualstack.${host.stack.region}.amazonaws.com`,
        WebsiteURL: `http://${name}.s3-website-${host.stack.region}.amazonaws.com`,
      },
    };
  },
  update: (call, { physicalId, attributes }) => {
    checkBucket(call);
    return { physicalId, attributes };
  },
  remove: async ({ physicalId }, { clients }) => {
    await clients.s3.send(new DeleteBucketCommand({ Bucket: physicalId }));
  },
};

/** What a bucket does by itself days later, or refuses to strangers, a rehearsal doesn't get to see. */
function checkBucket({ props, host }: Call): void {
  props.text('BucketName');
  for (const [name, text] of [
    ['LifecycleConfiguration', 'Lifecycle rules of buckets are kept in mind; no object expires within a rehearsal.'],
    ['VersioningConfiguration', 'Buckets keep the latest version of an object only.'],
  ] as const) {
    if (props.has(name)) host.note(null, text);
  }
  props
    .harmless('AccessControl', 'BucketEncryption', 'LifecycleConfiguration', 'LoggingConfiguration')
    .harmless('OwnershipControls', 'PublicAccessBlockConfiguration', 'Tags', 'VersioningConfiguration')
    .refuseUnread();
}

/** Policies of buckets, secrets and keys: who asks for the resource is asked by them, too. */
function resourcePolicy(options: {
  readonly of: string;
  readonly document: string;
  readonly arnOf: (owner: string) => string;
}): Handler {
  const put = ({ props, host }: Call): Made => {
    const owner = props.required(options.of);
    host.cloud.iam.putResourcePolicy(options.arnOf(owner), props.json(options.document) ?? {});
    props.harmless('BlockPublicPolicy').refuseUnread();
    return { physicalId: owner, attributes: { Id: owner } };
  };
  return {
    immutable: [options.of],
    create: put,
    update: put,
    remove: ({ physicalId }, { cloud }) => cloud.iam.putResourcePolicy(options.arnOf(physicalId), null),
  };
}

const parameter: Handler = {
  immutable: ['Name'],
  create: async (call) => putParameter(call, call.props.text('Name') ?? nameFor(call, { maxLength: 200 }), false),
  update: (call, { physicalId }) => putParameter(call, physicalId, true),
  remove: async ({ physicalId }, { clients }) => {
    await clients.ssm.send(new DeleteParameterCommand({ Name: physicalId }));
  },
};

async function putParameter({ props, host }: Call, name: string, overwrite: boolean) {
  const value = await host.adaptParameter(name, props.required('Value'));
  await host.clients.ssm.send(
    new PutParameterCommand({
      Name: name,
      Value: value,
      Type: props.required('Type') as ParameterType,
      Tier: props.text('Tier') as ParameterTier | undefined,
      Description: props.text('Description'),
      Overwrite: overwrite,
    }),
  );
  props.harmless('Name', 'Tags', 'AllowedPattern', 'DataType', 'Policies').refuseUnread();
  return { physicalId: name, attributes: { Type: props.required('Type'), Value: value } };
}

const secret: Handler = {
  immutable: ['Name'],
  create: async (call) => {
    const { props, host } = call;
    const SecretString = secretText(call);
    const { ARN } = await host.clients.secrets.send(
      new CreateSecretCommand({
        Name: props.text('Name') ?? nameFor(call, { maxLength: 120 }),
        SecretString,
      }),
    );
    const arn = known(ARN, 'secret');
    return { physicalId: arn, attributes: { Id: arn } };
  },
  // A generated text stays as it is when its rules change: CloudFormation makes a new one then.
  update: async (call, before) => {
    const changed = ['GenerateSecretString', 'SecretString'].some(
      (name) => JSON.stringify(before.properties[name]) !== JSON.stringify(call.props.all[name]),
    );
    const SecretString = secretText(call);
    if (changed) {
      await call.host.clients.secrets.send(new PutSecretValueCommand({ SecretId: before.physicalId, SecretString }));
    }
    return { physicalId: before.physicalId, attributes: before.attributes };
  },
  remove: async ({ physicalId }, { clients }) => {
    await clients.secrets.send(new DeleteSecretCommand({ SecretId: physicalId, ForceDeleteWithoutRecovery: true }));
  },
};

function secretText({ props }: Call): string {
  const given = props.text('SecretString');
  const generated = props.has('GenerateSecretString')
    ? secretStringOf(props.struct('GenerateSecretString'), (below) => randomInt(below))
    : null;
  props.harmless('Name', 'Description', 'KmsKeyId', 'Tags', 'ReplicaRegions').refuseUnread();
  return given ?? generated ?? '{}';
}

export const STORAGE: Handlers = {
  'AWS::S3::Bucket': bucket,
  'AWS::S3::BucketPolicy': resourcePolicy({
    of: 'Bucket',
    document: 'PolicyDocument',
    arnOf: (bucketName) => `arn:aws:s3:::${bucketName}`,
  }),
  'AWS::SSM::Parameter': parameter,
  'AWS::SecretsManager::Secret': secret,
  'AWS::SecretsManager::ResourcePolicy': resourcePolicy({
    of: 'SecretId',
    document: 'ResourcePolicy',
    arnOf: (secretArn) => secretArn,
  }),
};
