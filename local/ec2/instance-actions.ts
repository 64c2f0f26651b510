import { AwsError, invalidValue } from '../wire/error.js';
import type { Params } from '../wire/form.js';
import type { QueryAction } from '../wire/query-service.js';
import type { XmlObject } from '../wire/xml.js';
import type { Ec2Host } from './host.js';
import {
  filtersIn,
  instanceProfileIn,
  metadataOptionsIn,
  pagingIn,
  refuseDryRun,
  tagSpecificationsIn,
} from './inputs.js';
import { describe, describeStatus, type StatusRecord } from './model/describe.js';
import { terminate } from './model/life.js';
import { type RunRequest, runInstances } from './model/run.js';
import type { InstanceRecord } from './model/types.js';
import { instanceXml, stateXml } from './output.js';

export function instanceActions(host: Ec2Host): [string, QueryAction][] {
  const { model } = host;
  return [
    [
      'RunInstances',
      (params) => {
        const request = runRequestIn(params);
        params.refuseUnread();
        refuseDryRun(params);
        const records = runInstances(model, request, host.context());
        host.changed();
        return reservationXml(host, records);
      },
    ],
    [
      'DescribeInstances',
      (params) => {
        const query = { instanceIds: params.strings('InstanceId'), filters: filtersIn(params), ...pagingIn(params) };
        params.boolean('IncludeManagedResources');
        refuseDryRun(params);
        params.refuseUnread();
        const { items, nextToken } = describe(model, query, host.context());
        return {
          reservationSet: { item: byReservation(items).map((records) => reservationXml(host, records)) },
          nextToken,
        };
      },
    ],
    [
      'DescribeInstanceStatus',
      (params) => {
        const query = {
          instanceIds: params.strings('InstanceId'),
          filters: filtersIn(params),
          ...pagingIn(params),
          all: params.boolean('IncludeAllInstances') ?? false,
        };
        params.boolean('IncludeManagedResources');
        refuseDryRun(params);
        params.refuseUnread();
        const { items, nextToken } = describeStatus(model, query, host.context());
        return { instanceStatusSet: { item: items.map(statusXml) }, nextToken };
      },
    ],
    [
      'TerminateInstances',
      (params) => {
        const ids = params.strings('InstanceId');
        if (ids.length === 0)
          throw new AwsError('MissingParameter', 'The request must contain the parameter InstanceId');
        params.boolean('Force');
        params.boolean('SkipOsShutdown');
        params.refuseUnread();
        refuseDryRun(params);
        const changes = terminate(model, ids, host.context());
        host.changed();
        return {
          instancesSet: {
            item: changes.map(({ instanceId, previous, current }) => ({
              instanceId,
              currentState: stateXml(current),
              previousState: stateXml(previous),
            })),
          },
        };
      },
    ],
  ];
}

function runRequestIn(params: Params): RunRequest {
  const template = params.struct('LaunchTemplate');
  const market = params.struct('InstanceMarketOptions');
  const spot = market.struct('SpotOptions');
  const minCount = params.integer('MinCount', 1, 1000);
  const maxCount = params.integer('MaxCount', 1, 1000);
  if (minCount === undefined || maxCount === undefined) {
    throw new AwsError('MissingParameter', 'The request must contain the parameters MinCount and MaxCount');
  }
  const type = spot.oneOf('SpotInstanceType', ['one-time', 'persistent']);
  if (type === 'persistent') throw invalidValue('SpotInstanceType', type, 'The local cloud knows one-time only.');
  // These change nothing here: machines are processes on loopback, without disks, keys or options of a processor.
  for (const name of ['BlockDeviceMapping', 'Monitoring', 'CreditSpecification']) params.struct(name).markRead();
  for (const name of ['EbsOptimized', 'DisableApiTermination']) params.boolean(name);
  const metadata = metadataOptionsIn(params);
  const imageId = params.string('ImageId');
  const keyName = params.string('KeyName');
  const userData = params.string('UserData');
  const groups = params.strings('SecurityGroupId');
  const profile = instanceProfileIn(params);
  return {
    clientToken: params.string('ClientToken') ?? null,
    minCount,
    maxCount,
    template: params.has('LaunchTemplate')
      ? {
          id: template.string('LaunchTemplateId') ?? null,
          name: template.string('LaunchTemplateName') ?? null,
          version: template.string('Version') ?? '$Default',
        }
      : null,
    instanceType: params.string('InstanceType') ?? null,
    subnetId: params.string('SubnetId') ?? null,
    zone: params.struct('Placement').string('AvailabilityZone') ?? null,
    market: market.oneOf('MarketType', ['spot']) ?? 'on-demand',
    interruptionBehavior: spot.oneOf('InstanceInterruptionBehavior', ['terminate', 'stop', 'hibernate']) ?? 'terminate',
    tagSpecifications: tagSpecificationsIn(params),
    overrides: {
      ...(imageId === undefined ? {} : { imageId }),
      ...(keyName === undefined ? {} : { keyName }),
      ...(userData === undefined ? {} : { userData }),
      ...(groups.length === 0 ? {} : { securityGroupIds: groups }),
      ...(profile === null ? {} : { instanceProfile: profile }),
      ...(metadata === null ? {} : { metadata }),
    },
  };
}

function byReservation(records: readonly InstanceRecord[]): InstanceRecord[][] {
  const reservations = new Map<string, InstanceRecord[]>();
  for (const record of records) {
    const known = reservations.get(record.reservationId);
    if (known === undefined) reservations.set(record.reservationId, [record]);
    else known.push(record);
  }
  return [...reservations.values()];
}

function reservationXml(host: Ec2Host, records: readonly InstanceRecord[]): XmlObject {
  const { options } = host.model;
  return {
    reservationId: records[0]?.reservationId,
    ownerId: options.accountId,
    groupSet: { item: [] },
    instancesSet: { item: records.map((record) => instanceXml(record, options)) },
  };
}

function statusXml(record: StatusRecord): XmlObject {
  const detail = record.status === 'ok' ? 'passed' : record.status === 'impaired' ? 'failed' : 'initializing';
  const check = {
    status: record.status,
    details: { item: record.status === 'not-applicable' ? [] : [{ name: 'reachability', status: detail }] },
  };
  return {
    instanceId: record.instanceId,
    availabilityZone: record.zone,
    instanceState: stateXml(record.state),
    systemStatus: check,
    instanceStatus: check,
    eventsSet: {
      item: record.maintenance.map(({ eventId, code, description, notBeforeMs, notAfterMs }) => ({
        instanceEventId: eventId,
        code,
        description,
        notBefore: new Date(notBeforeMs),
        notAfter: new Date(notAfterMs),
      })),
    },
  };
}
