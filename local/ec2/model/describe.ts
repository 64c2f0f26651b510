import type { InstanceState } from '../../../core/cloud.js';
import type { Context } from '../../../core/time.js';
import { AwsError } from '../../wire/error.js';
import { type Filter, type FilterFields, matcher } from './filter.js';
import { noSuchInstance, visibleRecord } from './state.js';
import type { Ec2Model, InstanceRecord } from './types.js';

export interface Query {
  /** Empty: all. */
  readonly instanceIds: readonly string[];
  readonly filters: readonly Filter[];
  readonly maxResults: number | null;
  readonly nextToken: string | null;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextToken: string | null;
}

export const STATE_CODE: Readonly<Record<InstanceState, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

const FIELDS: FilterFields<InstanceRecord> = {
  'instance-id': (one) => [one.instanceId],
  'instance-state-name': (one) => [one.state],
  'instance-state-code': (one) => [String(STATE_CODE[one.state])],
  'availability-zone': (one) => [one.zone],
  'instance-lifecycle': (one) => (one.lifecycle === 'spot' ? ['spot'] : []),
  'private-ip-address': (one) => [one.privateIp],
  'instance-type': (one) => [one.instanceType],
  'subnet-id': (one) => [one.subnetId],
  'image-id': (one) => [one.imageId],
  'client-token': (one) => [one.clientToken],
  'reservation-id': (one) => [one.reservationId],
  'key-name': (one) => (one.keyName === null ? [] : [one.keyName]),
  'instance.group-id': (one) => one.securityGroupIds,
  'network-interface.addresses.private-ip-address': (one) => [one.privateIp],
};

/** DescribeInstances, as of `model.describeLagMs` ago. @throws AwsError */
export function describe(model: Ec2Model, query: Query, ctx: Context): Page<InstanceRecord> {
  const matches = matcher(query.filters, FIELDS);
  return page(visible(model, query, ctx).filter(matches), query, 5);
}

export interface StatusQuery extends Query {
  /** Otherwise only running ones. */
  readonly all: boolean;
}

export interface StatusRecord extends InstanceRecord {
  /** Of both checks, instance and system. */
  readonly status: 'ok' | 'initializing' | 'impaired' | 'not-applicable';
}

const STATUS_FIELDS: FilterFields<StatusRecord> = {
  'availability-zone': (one) => [one.zone],
  'instance-state-name': (one) => [one.state],
  'instance-state-code': (one) => [String(STATE_CODE[one.state])],
  'instance-status.status': (one) => [one.status],
  'system-status.status': (one) => [one.status],
  'event.code': (one) => one.maintenance.map(({ code }) => code),
};

/** DescribeInstanceStatus. @throws AwsError */
export function describeStatus(model: Ec2Model, query: StatusQuery, ctx: Context): Page<StatusRecord> {
  const matches = matcher(query.filters, STATUS_FIELDS);
  const records = visible(model, query, ctx)
    .filter(({ state }) => query.all || state === 'running')
    .map((record): StatusRecord => ({ ...record, status: statusOf(model, record, ctx) }));
  return page(records.filter(matches), query, 5);
}

function statusOf(model: Ec2Model, record: InstanceRecord, ctx: Context): StatusRecord['status'] {
  if (record.state !== 'running') return 'not-applicable';
  if (!record.statusOk) return 'impaired';
  return ctx.wallMs - (record.runningSinceMs ?? ctx.wallMs) < model.options.statusCheckMs ? 'initializing' : 'ok';
}

/** In order of launch. */
function visible(model: Ec2Model, query: Query, ctx: Context): InstanceRecord[] {
  if (query.instanceIds.length > 0) {
    if (query.maxResults !== null) {
      throw new AwsError('InvalidParameterCombination', 'MaxResults and instance IDs cannot be in the same call');
    }
    return [...new Set(query.instanceIds)]
      .map((id) => {
        const instance = model.instances.get(id);
        const record = instance === undefined ? null : visibleRecord(model, instance, ctx.nowMs);
        if (record === null) throw noSuchInstance(id);
        return record;
      })
      .sort((a, b) => a.seq - b.seq);
  }
  return visibleInstances(model, ctx);
}

/** Every instance that describes show now, in order of launch. */
export function visibleInstances(model: Ec2Model, ctx: Context): InstanceRecord[] {
  const records: InstanceRecord[] = [];
  for (const instance of model.instances.values()) {
    const record = visibleRecord(model, instance, ctx.nowMs);
    if (record !== null) records.push(record);
  }
  return records;
}

/** A page of things in an order that doesn't change; the token names the last one seen. @throws AwsError */
export function page<T extends { readonly seq: number }>(
  all: readonly T[],
  query: { readonly maxResults: number | null; readonly nextToken: string | null },
  fewest: number,
): Page<T> {
  const { maxResults, nextToken } = query;
  if (maxResults !== null && (maxResults < fewest || maxResults > 1000)) {
    throw new AwsError(
      'InvalidParameterValue',
      `Value ( ${maxResults} ) for parameter maxResults is invalid. Expecting a value from ${fewest} to 1000.`,
    );
  }
  const from = nextToken === null ? 0 : Number(/^synkti-page-(\d{1,15})$/.exec(nextToken)?.[1] ?? Number.NaN);
  if (Number.isNaN(from)) throw new AwsError('InvalidNextToken', 'The specified NextToken is not valid');
  const rest = all.filter(({ seq }) => seq > from);
  const items = rest.slice(0, maxResults ?? 1000);
  const last = items.at(-1);
  return { items, nextToken: items.length < rest.length && last !== undefined ? `synkti-page-${last.seq}` : null };
}
