import { readFileSync } from 'node:fs';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import type { MappingOptions } from '../../sqs/mapping.js';
import { DeployError } from '../errors.js';
import { arnOf, type Call, type Handler, type Handlers, type Host, type Made, nameFor } from '../handler.js';
import type { JsonObject } from '../json.js';
import type { Props } from '../props.js';
import { zip } from '../zip.js';

const lambdaFunction: Handler = {
  immutable: ['FunctionName', 'PackageType'],
  create: (call) => put(call, call.props.text('FunctionName') ?? nameFor(call, { maxLength: 64 })),
  update: (call, { physicalId }) => put(call, physicalId),
  remove: ({ physicalId }, { cloud, stack }) => {
    cloud.functions.delete(physicalId);
    const arn = `arn:aws:lambda:${stack.region}:${stack.accountId}:function:${physicalId}`;
    cloud.iam.tagResource(arn, null);
  },
};

async function put(call: Call, name: string): Promise<Made> {
  const { props, host } = call;
  if ((props.text('PackageType') ?? 'Zip') !== 'Zip') {
    throw props.unsupported('PackageType', 'can be "Zip" only: functions from container images are not emulated');
  }
  if (props.texts('Layers').length > 0) throw props.unsupported('Layers', "aren't emulated: bundle what they hold");
  const concurrency = props.number('ReservedConcurrentExecutions');
  const logGroup = props
    .struct('LoggingConfig')
    .harmless('LogFormat', 'ApplicationLogLevel', 'SystemLogLevel')
    .text('LogGroup');
  const variables = props.struct('Environment').json('Variables') ?? {};
  const runtime = props.required('Runtime');
  if (!/^nodejs/.test(runtime)) {
    throw props.unsupported(`Runtime ${runtime}`, "isn't emulated: the local cloud runs functions of Node.js");
  }
  const view = await host.cloud.functions.create({
    name,
    ...(await codeOf(call, props.struct('Code'))),
    handler: props.required('Handler'),
    runtime,
    environment: Object.fromEntries(
      Object.entries(variables as JsonObject).map(([key, value]) => [key, String(value)]),
    ),
    timeoutMs: (props.number('Timeout') ?? 3) * 1000,
    memoryMiB: props.number('MemorySize') ?? 128,
    roleArn: props.required('Role'),
    ...(logGroup === undefined ? {} : { logGroup }),
    ...(concurrency === undefined ? {} : { reservedConcurrency: concurrency }),
  });
  host.cloud.iam.tagResource(view.arn, props.tags());
  const deadLetter = props.struct('DeadLetterConfig').text('TargetArn');
  if (deadLetter !== undefined) host.cloud.configureAsync(name, { deadLetterArn: deadLetter });
  props.harmless('FunctionName', 'PackageType', 'Tags', 'Description', 'Architectures', 'TracingConfig', 'VpcConfig');
  props.harmless('EphemeralStorage', 'KmsKeyArn', 'RuntimeManagementConfig', 'RecursiveLoop');
  props.refuseUnread();
  return { physicalId: name, attributes: { Arn: view.arn } };
}

async function codeOf({ host, logicalId }: Call, code: Props): Promise<{ codeDir: string } | { codeZip: Buffer }> {
  const inline = code.text('ZipFile');
  if (inline !== undefined) return { codeZip: zip([{ path: 'index.js', bytes: Buffer.from(inline, 'utf8') }]) };
  const [bucket, key] = [code.required('S3Bucket'), code.required('S3Key')];
  code.harmless('S3ObjectVersion', 'SourceKMSKeyArn');
  const asset = host.assets.find(bucket, key);
  if (asset !== null) {
    return asset.packaging === 'zip' ? { codeDir: asset.source } : { codeZip: readFileSync(asset.source) };
  }
  try {
    const { Body } = await host.clients.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return { codeZip: Buffer.from((await Body?.transformToByteArray()) ?? []) };
  } catch (error) {
    throw new DeployError(
      'ASSET',
      `The code of ${logicalId} is s3://${bucket}/${key}, which is no asset of this app and isn't in the local S3: give the folder that cdk synth wrote, or put the file there.`,
      logicalId,
      error,
    );
  }
}

/** A statement in the function's own policy, which IAM asks when a service or another account calls. */
const permission: Handler = {
  create: (call) => {
    const { props, host, logicalId } = call;
    const functionArn = arnOfFunction(host, props.required('FunctionName'));
    const principal = props.required('Principal');
    const source = props.text('SourceArn');
    const account = props.text('SourceAccount');
    const statement: JsonObject = {
      Sid: logicalId,
      Effect: 'Allow',
      Principal:
        principal === '*' ? '*' : { [/^[\w.-]+\.amazonaws\.com$/.test(principal) ? 'Service' : 'AWS']: principal },
      Action: props.required('Action'),
      Resource: functionArn,
      Condition: {
        ...(source === undefined ? {} : { ArnLike: { 'aws:SourceArn': source } }),
        ...(account === undefined ? {} : { StringEquals: { 'aws:SourceAccount': account } }),
      },
    };
    props.refuseUnread();
    const statements = host.functionPolicies.get(functionArn) ?? new Map<string, JsonObject>();
    host.functionPolicies.set(functionArn, statements.set(logicalId, statement));
    writePolicy(host, functionArn);
    return { physicalId: nameFor(call, { maxLength: 100 }), memo: { functionArn } };
  },
  remove: ({ logicalId, memo }, host) => {
    const functionArn = String(memo.functionArn);
    host.functionPolicies.get(functionArn)?.delete(logicalId);
    writePolicy(host, functionArn);
  },
};

function writePolicy(host: Host, functionArn: string): void {
  const statements = [...(host.functionPolicies.get(functionArn)?.values() ?? [])];
  host.cloud.iam.putResourcePolicy(
    functionArn,
    statements.length === 0 ? null : { Version: '2012-10-17', Statement: statements },
  );
}

export const arnOfFunction = (host: Host, nameOrArn: string): string =>
  nameOrArn.startsWith('arn:') ? nameOrArn : arnOf(host, 'lambda', `function:${nameOrArn}`);

const version: Handler = {
  create: ({ props, host }) => {
    const arn = `${arnOfFunction(host, props.required('FunctionName'))}:1`;
    host.note(null, 'Versions of functions are all their latest code.');
    return { physicalId: arn, attributes: { FunctionArn: arn, Version: '1' } };
  },
  update: (_call, before) => before,
  remove: () => {},
};

/** A queue that feeds a function. */
const eventSource: Handler = {
  immutable: ['EventSourceArn', 'StartingPosition'],
  create: (call) => ({ physicalId: call.host.cloud.mapQueue(mappingOf(call)) }),
  // The id is the mapping's, and a changed one is another.
  update: async (call, { physicalId }) => {
    const options = mappingOf(call);
    await call.host.cloud.unmapQueue(physicalId);
    return { physicalId: call.host.cloud.mapQueue(options) };
  },
  remove: ({ physicalId }, { cloud }) => cloud.unmapQueue(physicalId),
};

function mappingOf({ props, host }: Call): MappingOptions {
  const source = props.required('EventSourceArn');
  if (!source.startsWith('arn:aws:sqs:')) {
    throw props.unsupported(`EventSourceArn ${source}`, "isn't emulated: functions are fed by queues only");
  }
  const filters = props
    .struct('FilterCriteria')
    .structs('Filters')
    .map((one) => one.required('Pattern'));
  const options = {
    batchSize: props.number('BatchSize'),
    batchWindowSeconds: props.number('MaximumBatchingWindowInSeconds'),
    maxConcurrency: props.struct('ScalingConfig').number('MaximumConcurrency'),
    enabled: props.boolean('Enabled'),
  };
  const reports = props.texts('FunctionResponseTypes').includes('ReportBatchItemFailures');
  const functionArn = arnOfFunction(host, props.required('FunctionName'));
  props.harmless('Tags', 'MetricsConfig').refuseUnread();
  return {
    queueArn: source,
    functionArn,
    filters,
    reportBatchItemFailures: reports,
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
  };
}

const eventInvokeConfig: Handler = {
  immutable: ['FunctionName', 'Qualifier'],
  create: (call) => {
    configureAsync(call);
    return { physicalId: nameFor(call, { maxLength: 100 }) };
  },
  update: (call, { physicalId }) => {
    configureAsync(call);
    return { physicalId };
  },
  remove: ({ properties }, { cloud }) => cloud.configureAsync(String(properties.FunctionName), null),
};

function configureAsync({ props, host }: Call): void {
  const retries = props.number('MaximumRetryAttempts');
  const age = props.number('MaximumEventAgeInSeconds');
  const destinations = props.struct('DestinationConfig');
  const onFailure = destinations.struct('OnFailure').text('Destination');
  if (destinations.has('OnSuccess')) throw props.unsupported('DestinationConfig.OnSuccess', "isn't emulated");
  host.cloud.configureAsync(props.required('FunctionName'), {
    ...(retries === undefined ? {} : { maxRetryAttempts: retries }),
    ...(age === undefined ? {} : { maxEventAgeSeconds: age }),
    onFailureArn: onFailure ?? null,
  });
  props.harmless('Qualifier').refuseUnread();
}

export const FUNCTION: Handlers = {
  'AWS::Lambda::Function': lambdaFunction,
  'AWS::Lambda::Permission': permission,
  'AWS::Lambda::Version': version,
  'AWS::Lambda::EventSourceMapping': eventSource,
  'AWS::Lambda::EventInvokeConfig': eventInvokeConfig,
};
