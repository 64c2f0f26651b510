/** SQS queues, EventBridge rules and SSM documents. */
import {
  DeleteRuleCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  type Target,
} from '@aws-sdk/client-eventbridge';
import {
  CreateDocumentCommand,
  DeleteDocumentCommand,
  type DocumentFormat,
  type DocumentType,
  UpdateDocumentCommand,
} from '@aws-sdk/client-ssm';
import type { QueueAttributes } from '../../sqs/queues.js';
import { DeployError } from '../errors.js';
import {
  arnOf,
  type Call,
  type Handler,
  type Handlers,
  type Host,
  known,
  type Made,
  nameFor,
  type Standing,
  textOf,
} from '../handler.js';
import { isList, isObject, type Json } from '../json.js';

const queue: Handler = {
  immutable: ['QueueName', 'FifoQueue'],
  create: (call) => {
    const { props, host } = call;
    if (props.boolean('FifoQueue') === true)
      throw props.unsupported('FifoQueue', "isn't emulated: queues are standard ones");
    const name = props.text('QueueName') ?? nameFor(call, { maxLength: 80 });
    const made = host.cloud.queues.create(name, attributesOf(call), props.tags());
    return {
      physicalId: made.url,
      attributes: { Arn: made.arn, QueueName: name, QueueUrl: made.url },
      memo: { arn: made.arn },
    };
  },
  update: (call, { physicalId, attributes, memo }) => {
    call.host.cloud.queues.setAttributes(textOf(memo.arn), attributesOf(call));
    return { physicalId, attributes, memo };
  },
  remove: ({ memo }, { cloud }) => cloud.queues.delete(textOf(memo.arn)),
};

function attributesOf({ props }: Call): QueueAttributes {
  const redrive = jsonOf(props.json('RedrivePolicy'));
  const seconds = {
    delaySeconds: props.number('DelaySeconds'),
    visibilitySeconds: props.number('VisibilityTimeout'),
    retentionSeconds: props.number('MessageRetentionPeriod'),
    waitSeconds: props.number('ReceiveMessageWaitTimeSeconds'),
  };
  props.harmless('QueueName', 'FifoQueue', 'Tags', 'KmsMasterKeyId', 'KmsDataKeyReusePeriodSeconds');
  props.harmless('SqsManagedSseEnabled', 'MaximumMessageSize', 'RedriveAllowPolicy').refuseUnread();
  const given = Object.fromEntries(Object.entries(seconds).filter(([, value]) => value !== undefined));
  return {
    ...given,
    redrive: isObject(redrive)
      ? { deadLetterArn: textOf(redrive.deadLetterTargetArn), maxReceiveCount: Number(redrive.maxReceiveCount) }
      : null,
  };
}

/** Some properties are JSON, as an object or as text. */
function jsonOf(value: Json | undefined): Json | undefined {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as Json;
  } catch (error) {
    throw new DeployError('TEMPLATE', `${value.slice(0, 80)} is not JSON.`, null, error);
  }
}

const queuePolicy: Handler = {
  create: (call) => {
    putQueuePolicy(call);
    return { physicalId: nameFor(call, { maxLength: 100 }) };
  },
  update: (call, before) => {
    removeQueuePolicy(before, call.host);
    putQueuePolicy(call);
    return before;
  },
  remove: removeQueuePolicy,
};

function putQueuePolicy({ props, host }: Call): void {
  const document = jsonOf(props.json('PolicyDocument')) ?? {};
  for (const url of props.texts('Queues')) {
    const found = host.cloud.queues.find(url);
    if (found === null) throw props.unsupported(`Queues: ${url}`, "isn't a queue of the local cloud");
    host.cloud.iam.putResourcePolicy(found.arn, document);
  }
  props.refuseUnread();
}

function removeQueuePolicy({ properties }: Standing, { cloud }: Host): void {
  const urls = isList(properties.Queues) ? properties.Queues.map(textOf) : [];
  for (const url of urls) {
    const arn = cloud.queues.find(url)?.arn;
    if (arn !== undefined) cloud.iam.putResourcePolicy(arn, null);
  }
}

const rule: Handler = {
  immutable: ['Name', 'EventBusName'],
  create: (call) => putRule(call, call.props.text('Name') ?? nameFor(call, { maxLength: 64 }), null),
  update: (call, before) => putRule(call, before.physicalId, before),
  remove: async ({ physicalId, properties }, { clients }) => {
    const ids = targetIds(properties.Targets);
    if (ids.length > 0) await clients.events.send(new RemoveTargetsCommand({ Rule: physicalId, Ids: ids }));
    await clients.events.send(new DeleteRuleCommand({ Name: physicalId }));
  },
};

const targetIds = (targets: Json | undefined): string[] =>
  isList(targets) ? targets.filter(isObject).map(({ Id }) => textOf(Id)) : [];

async function putRule({ props, host }: Call, name: string, before: Standing | null): Promise<Made> {
  const pattern = jsonOf(props.json('EventPattern'));
  const targets = (props.json('Targets') ?? []) as unknown as Target[];
  const schedule = props.text('ScheduleExpression');
  const state = props.text('State') as 'ENABLED' | 'DISABLED' | undefined;
  const bus = props.text('EventBusName');
  props.harmless('Name', 'Description', 'RoleArn', 'Tags').refuseUnread();
  if (bus !== undefined && bus !== 'default')
    throw props.unsupported(`EventBusName ${bus}`, "isn't emulated: there is the default bus");
  const { RuleArn } = await host.clients.events.send(
    new PutRuleCommand({
      Name: name,
      State: state ?? 'ENABLED',
      ...(pattern === undefined ? {} : { EventPattern: JSON.stringify(pattern) }),
      ...(schedule === undefined ? {} : { ScheduleExpression: schedule }),
    }),
  );
  const gone = targetIds(before?.properties.Targets).filter((id) => !targets.some(({ Id }) => Id === id));
  if (gone.length > 0) await host.clients.events.send(new RemoveTargetsCommand({ Rule: name, Ids: gone }));
  if (targets.length > 0) {
    await host.clients.events.send(new PutTargetsCommand({ Rule: name, Targets: targets.map(withNumbers) }));
  }
  return { physicalId: name, attributes: { Arn: known(RuleArn, 'rule') } };
}

/** Templates may give numbers as text, the API takes numbers. */
function withNumbers(target: Target): Target {
  const { RetryPolicy } = target;
  if (RetryPolicy === undefined) return target;
  const number = (value: number | undefined): number | undefined => (value === undefined ? undefined : Number(value));
  return {
    ...target,
    RetryPolicy: {
      MaximumEventAgeInSeconds: number(RetryPolicy.MaximumEventAgeInSeconds),
      MaximumRetryAttempts: number(RetryPolicy.MaximumRetryAttempts),
    },
  };
}

const document: Handler = {
  immutable: ['Name', 'DocumentType'],
  create: async (call) => {
    const { props, host } = call;
    const name = props.text('Name') ?? nameFor(call, { maxLength: 128 });
    await host.clients.ssm.send(
      new CreateDocumentCommand({
        Name: name,
        Content: contentOf(call),
        DocumentType: props.text('DocumentType') as DocumentType | undefined,
        DocumentFormat: (props.text('DocumentFormat') ?? 'JSON') as DocumentFormat,
        Tags: Object.entries(props.tags()).map(([Key, Value]) => ({ Key, Value })),
      }),
    );
    return { physicalId: name, attributes: { Arn: arnOf(host, 'ssm', `document/${name}`) } };
  },
  update: async (call, { physicalId, attributes }) => {
    const { props, host } = call;
    await host.clients.ssm.send(
      new UpdateDocumentCommand({
        Name: physicalId,
        Content: contentOf(call),
        DocumentFormat: (props.text('DocumentFormat') ?? 'JSON') as DocumentFormat,
        DocumentVersion: '$LATEST',
      }),
    );
    return { physicalId, attributes };
  },
  remove: async ({ physicalId }, { clients }) => {
    await clients.ssm.send(new DeleteDocumentCommand({ Name: physicalId }));
  },
};

function contentOf({ props }: Call): string {
  const content = props.json('Content') ?? {};
  props
    .harmless('Name', 'DocumentType', 'DocumentFormat', 'TargetType', 'Tags', 'UpdateMethod', 'VersionName')
    .refuseUnread();
  return typeof content === 'string' ? content : JSON.stringify(content);
}

export const MESSAGING: Handlers = {
  'AWS::SQS::Queue': queue,
  'AWS::SQS::QueuePolicy': queuePolicy,
  'AWS::Events::Rule': rule,
  'AWS::SSM::Document': document,
};
