/** CloudFormation's own API, in front of stacks.ts. Change sets, stack sets and drift aren't there. */
import type { LocalCloud } from '../cloud-types.js';
import { AwsError } from '../wire/error.js';
import type { Params } from '../wire/form.js';
import { type QueryAction, queryService } from '../wire/query-service.js';
import type { Principal, Service } from '../wire/service.js';
import type { XmlObject } from '../wire/xml.js';
import { isObject, type JsonObject } from './json.js';
import { wishOf } from './stack-input.js';
import type { StackEvent, StackRecord } from './stack-record.js';
import type { Stacks } from './stacks.js';

export interface CloudformationOptions {
  readonly stacks: Stacks;
  readonly cloud: () => LocalCloud;
}

const EVENTS_A_PAGE = 100;

export function cloudformationService({ stacks, cloud }: CloudformationOptions): Service {
  const named = (params: Params, message: (name: string) => string): StackRecord => {
    const name = params.required('StackName');
    const record = stacks.find(name);
    params.refuseUnread();
    if (record === null) throw new AwsError('ValidationError', message(name));
    return record;
  };
  const actions: [string, QueryAction][] = [
    ['CreateStack', async (params) => ({ StackId: stacks.create(await wishOf(params, cloud(), null)) })],
    [
      'UpdateStack',
      async (params) => {
        const name = params.required('StackName');
        const former = stacks.find(name)?.wish ?? null;
        if (former === null) throw new AwsError('ValidationError', `Stack [${name}] does not exist`);
        return { StackId: stacks.update(name, await wishOf(params, cloud(), former)) };
      },
    ],
    [
      'DeleteStack',
      (params, { principal }) => {
        const name = params.required('StackName');
        const roleArn = params.string('RoleARN') ?? null;
        params.string('ClientRequestToken');
        params.refuseUnread();
        stacks.delete(name, roleOf(principal), roleArn);
        return {};
      },
    ],
    [
      'DescribeStacks',
      (params) => {
        if (!params.has('StackName')) {
          params.string('NextToken');
          params.refuseUnread();
          const standing = stacks.list().filter(({ status }) => status !== 'DELETE_COMPLETE');
          return { Stacks: { member: standing.map(stackXml) } };
        }
        params.string('NextToken');
        return { Stacks: { member: [stackXml(named(params, (name) => `Stack with id ${name} does not exist`))] } };
      },
    ],
    [
      'ListStacks',
      (params) => {
        const wanted = params.strings('StackStatusFilter');
        params.string('NextToken');
        params.refuseUnread();
        const found = stacks.list().filter(({ status }) => wanted.length === 0 || wanted.includes(status));
        return { StackSummaries: { member: found.map(summaryXml) } };
      },
    ],
    [
      'DescribeStackEvents',
      (params) => {
        const token = params.string('NextToken');
        const record = named(params, (name) => `Stack [${name}] does not exist`);
        const from = token === undefined ? 0 : Number(token);
        if (!Number.isSafeInteger(from) || from < 0) throw new AwsError('ValidationError', 'NextToken is not valid');
        const newest = [...record.events].reverse();
        const more = from + EVENTS_A_PAGE < newest.length;
        return {
          StackEvents: { member: newest.slice(from, from + EVENTS_A_PAGE).map((event) => eventXml(record, event)) },
          NextToken: more ? String(from + EVENTS_A_PAGE) : undefined,
        };
      },
    ],
    [
      'DescribeStackResources',
      (params) => {
        const logicalId = params.string('LogicalResourceId');
        const record = named(params, (name) => `Stack with id ${name} does not exist`);
        const found = [...record.resources.values()].filter(
          (one) => logicalId === undefined || one.logicalId === logicalId,
        );
        return { StackResources: { member: found.map((one) => resourceXml(record, one)) } };
      },
    ],
  ];
  return queryService({
    name: 'cloudformation',
    protocol: 'query',
    namespace: 'http://cloudformation.amazonaws.com/doc/2010-05-15/',
    actions: new Map(actions),
  });
}

const roleOf = (principal: Principal): string | null => (principal.kind === 'user' ? null : principal.roleArn);

function stackXml(record: StackRecord): XmlObject {
  const { wish, id, name, createdMs, updatedMs, deletedMs, status, reason } = record;
  const description = wish.template.Description;
  return {
    StackId: id,
    StackName: name,
    Description: typeof description === 'string' ? description : undefined,
    Parameters: {
      member: Object.entries(wish.parameters).map(([ParameterKey, ParameterValue]) => ({
        ParameterKey,
        ParameterValue,
      })),
    },
    CreationTime: new Date(createdMs),
    LastUpdatedTime: dateOf(updatedMs),
    DeletionTime: dateOf(deletedMs),
    StackStatus: status,
    StackStatusReason: reason ?? undefined,
    DisableRollback: false,
    TimeoutInMinutes: wish.timeoutMinutes ?? undefined,
    Capabilities: { member: [...wish.capabilities] },
    RoleARN: wish.roleArn ?? undefined,
    Tags: { member: wish.tags.map(({ key, value }) => ({ Key: key, Value: value })) },
    Outputs: { member: outputsXml(record) },
    NotificationARNs: { member: [] },
    EnableTerminationProtection: false,
    DriftInformation: { StackDriftStatus: 'NOT_CHECKED' },
  };
}

function outputsXml({ wish, stack, status }: StackRecord): XmlObject[] {
  if (stack === null || status === 'CREATE_IN_PROGRESS') return [];
  const declared = wish.template.Outputs;
  return Object.entries(stack.outputs()).map(([OutputKey, OutputValue]) => {
    const output = isObject(declared) ? (declared[OutputKey] as JsonObject | undefined) : undefined;
    const text = output?.Description;
    const exported = isObject(output?.Export) ? output.Export.Name : undefined;
    return {
      OutputKey,
      OutputValue,
      Description: typeof text === 'string' ? text : undefined,
      ExportName: typeof exported === 'string' ? exported : undefined,
    };
  });
}

const summaryXml = ({ id, name, createdMs, updatedMs, deletedMs, status, reason }: StackRecord): XmlObject => ({
  StackId: id,
  StackName: name,
  CreationTime: new Date(createdMs),
  LastUpdatedTime: dateOf(updatedMs),
  DeletionTime: dateOf(deletedMs),
  StackStatus: status,
  StackStatusReason: reason ?? undefined,
  DriftInformation: { StackDriftStatus: 'NOT_CHECKED' },
});

const eventXml = (record: StackRecord, event: StackEvent): XmlObject => ({
  StackId: record.id,
  StackName: record.name,
  EventId: event.eventId,
  LogicalResourceId: event.logicalId,
  PhysicalResourceId: event.physicalId,
  ResourceType: event.type,
  Timestamp: new Date(event.atMs),
  ResourceStatus: event.status,
  ResourceStatusReason: event.reason ?? undefined,
  ClientRequestToken: event.token ?? undefined,
});

const resourceXml = (record: StackRecord, event: StackEvent): XmlObject => ({
  StackId: record.id,
  StackName: record.name,
  LogicalResourceId: event.logicalId,
  PhysicalResourceId: event.physicalId,
  ResourceType: event.type,
  Timestamp: new Date(event.atMs),
  ResourceStatus: event.status,
  ResourceStatusReason: event.reason ?? undefined,
  DriftInformation: { StackResourceDriftStatus: 'NOT_CHECKED' },
});

const dateOf = (ms: number | null): Date | undefined => (ms === null ? undefined : new Date(ms));
