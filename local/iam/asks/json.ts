/** Which permissions the calls of the JSON services need: SSM, Secrets Manager, EventBridge, SQS. */
import type { Ask } from '../evaluate.js';

export interface JsonAsks {
  readonly region: string;
  readonly accountId: string;
  /** ARN of a secret by its name, ARN or ARN without suffix; null when there is none. */
  secretArn(id: string): string | null;
  /** Tags of an instance; null when there is none. */
  instanceTags(instanceId: string): Readonly<Record<string, string>> | null;
  /** Instances that carry all of these tags. */
  instancesWith(tags: Readonly<Record<string, readonly string[]>>): readonly string[];
  tagsOf(arn: string): Readonly<Record<string, string>>;
}

type Json = Readonly<Record<string, unknown>>;

export function jsonAsks(host: JsonAsks, service: string, action: string, body: Buffer): Ask[] {
  const input = parsed(body);
  switch (service) {
    case 'ssm':
      return ssmAsks(host, action, input);
    case 'secretsmanager': {
      const id = text(input, 'SecretId') || text(input, 'Name');
      const arn = host.secretArn(id) ?? (id.startsWith('arn:') ? id : arnOf(host, service, `secret:${id}-??????`));
      return [ofResource(host, `secretsmanager:${action}`, arn, 'secretsmanager')];
    }
    case 'events':
      return eventsAsks(host, action, input);
    case 'sqs':
      return sqsAsks(host, action, input);
    default:
      return [{ action: `${service}:${action}`, resource: '*', context: {} }];
  }
}

function ssmAsks(host: JsonAsks, action: string, input: Json): Ask[] {
  const named = `ssm:${action}`;
  const parameter = (name: string): Ask => {
    const plain = name.startsWith('arn:') ? name : arnOf(host, 'ssm', `parameter/${name.replace(/^\//, '')}`);
    return ofResource(host, named, plain.replace(/(:parameter\/[^:]*):.*$/, '$1'), 'ssm');
  };
  switch (action) {
    case 'GetParameter':
    case 'PutParameter':
    case 'DeleteParameter':
      return [parameter(text(input, 'Name'))];
    case 'GetParametersByPath':
      return [parameter(text(input, 'Path'))];
    case 'SendCommand': {
      const ids = new Set(list(input, 'InstanceIds'));
      const wanted: Record<string, readonly string[]> = {};
      for (const target of objects(input, 'Targets')) {
        const key = text(target, 'Key');
        if (key === 'InstanceIds') for (const id of list(target, 'Values')) ids.add(id);
        else if (key.startsWith('tag:')) wanted[key.slice(4)] = list(target, 'Values');
      }
      if (Object.keys(wanted).length > 0) for (const id of host.instancesWith(wanted)) ids.add(id);
      return [
        ofResource(host, named, documentArn(host, text(input, 'DocumentName')), 'ssm'),
        ...[...ids].map((id): Ask => {
          const tags = Object.entries(host.instanceTags(id) ?? {});
          return {
            action: named,
            resource: `arn:aws:ec2:${host.region}:${host.accountId}:instance/${id}`,
            context: Object.fromEntries(
              tags.flatMap(([key, value]) => [
                [`ssm:resourceTag/${key}`, value],
                [`aws:ResourceTag/${key}`, value],
              ]),
            ),
          };
        }),
      ];
    }
    case 'CreateDocument':
    case 'DeleteDocument':
    case 'DescribeDocument':
    case 'GetDocument':
      return [ofResource(host, named, documentArn(host, text(input, 'Name')), 'ssm')];
    default:
      return [{ action: named, resource: '*', context: {} }];
  }
}

function eventsAsks(host: JsonAsks, action: string, input: Json): Ask[] {
  const named = `events:${action}`;
  if (action === 'PutEvents') {
    const buses = new Set(objects(input, 'Entries').map((one) => text(one, 'EventBusName') || 'default'));
    return [...buses].map((bus) => ({
      action: named,
      resource: bus.startsWith('arn:') ? bus : arnOf(host, 'events', `event-bus/${bus}`),
      context: {},
    }));
  }
  const rule = text(input, 'Rule') || text(input, 'Name');
  return [ofResource(host, named, rule === '' ? '*' : arnOf(host, 'events', `rule/${rule}`), null)];
}

function sqsAsks(host: JsonAsks, action: string, input: Json): Ask[] {
  // Batches need the permission of the single action.
  const named = `sqs:${action.replace(/Batch$/, '')}`;
  if (action === 'ListQueues') return [{ action: named, resource: '*', context: {} }];
  const name = text(input, 'QueueName') || (text(input, 'QueueUrl').split('/').at(-1) ?? '');
  return [ofResource(host, named, arnOf(host, 'sqs', name), null)];
}

function ofResource(host: JsonAsks, action: string, resource: string, prefix: string | null): Ask {
  const context: Record<string, string> = {};
  for (const [key, value] of Object.entries(host.tagsOf(resource))) {
    context[`aws:ResourceTag/${key}`] = value;
    if (prefix !== null) context[`${prefix}:resourceTag/${key}`] = value;
  }
  return { action, resource, context };
}

/** AWS's own documents have no account. */
const documentArn = (host: JsonAsks, name: string): string =>
  name.startsWith('arn:')
    ? name
    : `arn:aws:ssm:${host.region}:${name.startsWith('AWS-') ? '' : host.accountId}:document/${name}`;

const arnOf = (host: JsonAsks, service: string, rest: string): string =>
  `arn:aws:${service}:${host.region}:${host.accountId}:${rest}`;

/** An input that isn't right is for the call itself to refuse. */
function parsed(body: Buffer): Json {
  try {
    const value: unknown = JSON.parse(body.toString('utf8') || '{}');
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const text = (input: Json, name: string): string => {
  const value = input[name];
  return typeof value === 'string' ? value : '';
};

function list(input: Json, name: string): string[] {
  const value = input[name];
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string').slice(0, 1_000) : [];
}

function objects(input: Json, name: string): Json[] {
  const value = input[name];
  return Array.isArray(value) ? value.filter(isObject).slice(0, 1_000) : [];
}
