import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AwsError } from '../wire/error.js';
import { type JsonAction, jsonAction, jsonService } from '../wire/json-service.js';
import type { Service } from '../wire/service.js';
import type { Received } from './model.js';
import type { Queue, QueueAttributes, Queues } from './queues.js';

const url = { QueueUrl: z.string().min(1).max(512) };
const messageAttributes = z
  .record(
    z.string(),
    z.strictObject({
      DataType: z.string(),
      StringValue: z.string().optional(),
      BinaryValue: z.string().optional(),
    }),
  )
  .optional();
const sendInput = {
  MessageBody: z.string(),
  DelaySeconds: z.number().int().min(0).max(900).optional(),
  MessageAttributes: messageAttributes,
};
const id = z.string().regex(/^[\w-]{1,80}$/);
const receipt = z.string().min(1).max(1024);

export interface SqsHost {
  readonly queues: Queues;
  /** The policy of a queue: `Policy` of its attributes. */
  putPolicy(arn: string, document: string | null): void;
}

/** SQS over awsJson1_0, as SDKs and the CLI of version 2 speak it. */
export function sqsService(host: SqsHost): Service {
  const { queues } = host;
  const queueOf = (queueUrl: string): Queue => {
    const queue = queues.find(queueUrl);
    if (queue === null) throw new AwsError('QueueDoesNotExist', 'The specified queue does not exist.');
    return queue;
  };
  const send = (
    queueUrl: string,
    entry: {
      MessageBody: string;
      DelaySeconds?: number | undefined;
      MessageAttributes?: z.infer<typeof messageAttributes>;
    },
  ) => ({
    MessageId: queues.send(queueUrl, entry.MessageBody, {
      delaySeconds: entry.DelaySeconds,
      attributes: entry.MessageAttributes,
    }),
    MD5OfMessageBody: md5(entry.MessageBody),
  });
  const batch = <T extends { readonly Id: string }>(entries: readonly T[], act: (entry: T) => object): object => {
    if (new Set(entries.map((one) => one.Id)).size < entries.length) {
      throw new AwsError('BatchEntryIdsNotDistinct', 'Two entries of the batch have the same Id.');
    }
    const Successful: object[] = [];
    const Failed: object[] = [];
    for (const entry of entries) {
      try {
        Successful.push({ Id: entry.Id, ...act(entry) });
      } catch (error) {
        if (!(error instanceof AwsError)) throw error;
        Failed.push({ Id: entry.Id, SenderFault: true, Code: error.code, Message: error.message });
      }
    }
    return { Successful, ...(Failed.length === 0 ? {} : { Failed }) };
  };
  const actions: [string, JsonAction][] = [
    [
      'CreateQueue',
      jsonAction(
        z.strictObject({
          QueueName: z.string(),
          Attributes: z.record(z.string(), z.string()).optional(),
          tags: z.record(z.string(), z.string()).optional(),
        }),
        (input) => {
          const { attributes, policy } = attributesIn(input.Attributes ?? {});
          const queue = queues.create(input.QueueName, attributes, input.tags);
          if (policy !== undefined) host.putPolicy(queue.arn, policy === '' ? null : policy);
          return { QueueUrl: queue.url };
        },
      ),
    ],
    [
      'SetQueueAttributes',
      jsonAction(z.strictObject({ ...url, Attributes: z.record(z.string(), z.string()) }), (input) => {
        const { attributes, policy } = attributesIn(input.Attributes);
        const queue = queues.setAttributes(queueOf(input.QueueUrl).name, attributes);
        if (policy !== undefined) host.putPolicy(queue.arn, policy === '' ? null : policy);
        return {};
      }),
    ],
    [
      'GetQueueAttributes',
      jsonAction(z.strictObject({ ...url, AttributeNames: z.array(z.string()).optional() }), (input) => {
        const queue = queueOf(input.QueueUrl);
        const all = attributesOf(queue, queues);
        const wanted = input.AttributeNames ?? [];
        const entries = Object.entries(all).filter(([name]) => wanted.includes('All') || wanted.includes(name));
        return { Attributes: Object.fromEntries(entries) };
      }),
    ],
    [
      'GetQueueUrl',
      jsonAction(z.strictObject({ QueueName: z.string(), QueueOwnerAWSAccountId: z.string().optional() }), (input) => ({
        QueueUrl: queueOf(input.QueueName).url,
      })),
    ],
    [
      'ListQueues',
      jsonAction(
        z.strictObject({
          QueueNamePrefix: z.string().optional(),
          MaxResults: z.number().int().min(1).max(1_000).optional(),
          NextToken: z.string().optional(),
        }),
        (input) => {
          const after = input.NextToken ?? '';
          const found = queues
            .list()
            .filter(({ name }) => name.startsWith(input.QueueNamePrefix ?? '') && name > after);
          const page = found.slice(0, input.MaxResults ?? 1_000);
          return {
            QueueUrls: page.map((one) => one.url),
            NextToken: page.length < found.length ? page.at(-1)?.name : undefined,
          };
        },
      ),
    ],
    [
      'DeleteQueue',
      jsonAction(z.strictObject(url), (input) => {
        const queue = queueOf(input.QueueUrl);
        queues.delete(queue.name);
        host.putPolicy(queue.arn, null);
        return {};
      }),
    ],
    [
      'PurgeQueue',
      jsonAction(z.strictObject(url), (input) => {
        queues.purge(input.QueueUrl);
        return {};
      }),
    ],
    ['SendMessage', jsonAction(z.strictObject({ ...url, ...sendInput }), (input) => send(input.QueueUrl, input))],
    [
      'SendMessageBatch',
      jsonAction(
        z.strictObject({
          ...url,
          Entries: z
            .array(z.strictObject({ Id: id, ...sendInput }))
            .min(1)
            .max(10),
        }),
        (input) => {
          queueOf(input.QueueUrl);
          return batch(input.Entries, (entry) => send(input.QueueUrl, entry));
        },
      ),
    ],
    [
      'ReceiveMessage',
      jsonAction(
        z.strictObject({
          ...url,
          MaxNumberOfMessages: z.number().int().min(1).max(10).default(1),
          VisibilityTimeout: z.number().int().min(0).max(43_200).optional(),
          WaitTimeSeconds: z.number().int().min(0).max(20).optional(),
          AttributeNames: z.array(z.string()).optional(),
          MessageSystemAttributeNames: z.array(z.string()).optional(),
          MessageAttributeNames: z.array(z.string()).optional(),
          ReceiveRequestAttemptId: z.string().optional(),
        }),
        async (input) => {
          const messages = await queues.receive(input.QueueUrl, {
            max: input.MaxNumberOfMessages,
            waitMs: input.WaitTimeSeconds === undefined ? undefined : input.WaitTimeSeconds * 1000,
            visibilityMs: input.VisibilityTimeout === undefined ? undefined : input.VisibilityTimeout * queues.secondMs,
          });
          const system = [...(input.AttributeNames ?? []), ...(input.MessageSystemAttributeNames ?? [])];
          const named = input.MessageAttributeNames ?? [];
          return messages.length === 0 ? {} : { Messages: messages.map((one) => messageOut(one, system, named)) };
        },
      ),
    ],
    [
      'DeleteMessage',
      jsonAction(z.strictObject({ ...url, ReceiptHandle: receipt }), (input) => {
        queues.deleteMessage(input.QueueUrl, input.ReceiptHandle);
        return {};
      }),
    ],
    [
      'DeleteMessageBatch',
      jsonAction(
        z.strictObject({
          ...url,
          Entries: z
            .array(z.strictObject({ Id: id, ReceiptHandle: receipt }))
            .min(1)
            .max(10),
        }),
        (input) => {
          queueOf(input.QueueUrl);
          return batch(input.Entries, (entry) => {
            queues.deleteMessage(input.QueueUrl, entry.ReceiptHandle);
            return {};
          });
        },
      ),
    ],
    [
      'ChangeMessageVisibility',
      jsonAction(
        z.strictObject({ ...url, ReceiptHandle: receipt, VisibilityTimeout: z.number().int().min(0).max(43_200) }),
        (input) => {
          queues.changeVisibility(input.QueueUrl, input.ReceiptHandle, input.VisibilityTimeout * queues.secondMs);
          return {};
        },
      ),
    ],
  ];
  return jsonService({ name: 'sqs', targetPrefix: 'AmazonSQS', actions: new Map(actions) });
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

const redrivePolicy = z.object({
  deadLetterTargetArn: z.string().min(1),
  maxReceiveCount: z.coerce.number().int().min(1).max(1_000),
});

const NUMBERS: Readonly<Record<string, keyof QueueAttributes>> = {
  DelaySeconds: 'delaySeconds',
  VisibilityTimeout: 'visibilitySeconds',
  MessageRetentionPeriod: 'retentionSeconds',
  ReceiveMessageWaitTimeSeconds: 'waitSeconds',
};
/** Encryption and sizes change nothing here. */
const WITHOUT_EFFECT = [
  'SqsManagedSseEnabled',
  'KmsMasterKeyId',
  'KmsDataKeyReusePeriodSeconds',
  'MaximumMessageSize',
  'RedriveAllowPolicy',
];

/** Attributes as SQS's API and CloudFormation name them, all as text. @throws AwsError */
export function attributesIn(given: Readonly<Record<string, string>>): {
  readonly attributes: QueueAttributes;
  /** Undefined: not given; empty: taken away. */
  readonly policy: string | undefined;
} {
  const attributes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const number = NUMBERS[name];
    if (number !== undefined) attributes[number] = value === '' ? Number.NaN : Number(value);
    else if (name === 'RedrivePolicy') attributes.redrive = value === '' ? null : redriveIn(value);
    else if (name !== 'Policy' && !WITHOUT_EFFECT.includes(name)) {
      throw new AwsError(
        'InvalidAttributeName',
        `The local cloud doesn't know the queue attribute ${name.slice(0, 80)}`,
      );
    }
  }
  return { attributes: attributes as QueueAttributes, policy: given.Policy };
}

function redriveIn(text: string): NonNullable<QueueAttributes['redrive']> {
  let value: unknown = null;
  try {
    value = JSON.parse(text);
  } catch {
    // Refused below.
  }
  const checked = redrivePolicy.safeParse(value);
  if (!checked.success) throw new AwsError('InvalidAttributeValue', 'RedrivePolicy is not valid');
  return { deadLetterArn: checked.data.deadLetterTargetArn, maxReceiveCount: checked.data.maxReceiveCount };
}

function attributesOf({ name, arn, createdMs, attributes }: Queue, queues: Queues): Record<string, string> {
  const { visible, inFlight, delayed } = queues.counts(name);
  const { redrive } = attributes;
  return {
    QueueArn: arn,
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    CreatedTimestamp: String(Math.floor(createdMs / 1000)),
    LastModifiedTimestamp: String(Math.floor(createdMs / 1000)),
    DelaySeconds: String(attributes.delaySeconds),
    VisibilityTimeout: String(attributes.visibilitySeconds),
    MessageRetentionPeriod: String(attributes.retentionSeconds),
    ReceiveMessageWaitTimeSeconds: String(attributes.waitSeconds),
    ...(redrive === null
      ? {}
      : {
          RedrivePolicy: JSON.stringify({
            deadLetterTargetArn: redrive.deadLetterArn,
            maxReceiveCount: redrive.maxReceiveCount,
          }),
        }),
  };
}

function messageOut(message: Received, system: readonly string[], named: readonly string[]): object {
  const all: Record<string, string> = {
    ApproximateReceiveCount: String(message.receives),
    SentTimestamp: String(message.sentMs),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedMs ?? message.sentMs),
    SenderId: 'AIDACKCEVSQ6C2EXAMPLE',
  };
  const attributes = Object.entries(all).filter(([name]) => system.includes('All') || system.includes(name));
  const own = Object.entries(message.attributes).filter(
    ([name]) => named.includes('All') || named.includes('.*') || named.includes(name),
  );
  return {
    MessageId: message.id,
    ReceiptHandle: message.receipt,
    Body: message.body,
    MD5OfBody: md5(message.body),
    ...(attributes.length === 0 ? {} : { Attributes: Object.fromEntries(attributes) }),
    ...(own.length === 0 ? {} : { MessageAttributes: Object.fromEntries(own) }),
  };
}
