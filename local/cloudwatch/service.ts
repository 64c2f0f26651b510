/**
 * CloudWatch, as far as one asks for the traffic of a load balancer: GetMetricData for AWS/ApplicationELB. Its SDKs speak
 * JSON today and spoke the query protocol before; both are answered in kind.
 */
import { randomUUID } from 'node:crypto';
import type { TrafficSeries } from '../balancer/traffic.js';
import { AwsError } from '../wire/error.js';
import { jsonService } from '../wire/json-service.js';
import { queryError, queryService } from '../wire/query-service.js';
import type { RequestHeaders, Service, WireResponse } from '../wire/service.js';
import { type DataPage, pageOf } from './data.js';
import { plainInput, readDataRequest } from './input.js';

export interface CloudwatchHost {
  /** Wall clock, in ms. */
  readonly now: () => number;
  readonly traffic: () => readonly TrafficSeries[];
}

const NAME = 'monitoring';
const XML_NAMESPACE = 'http://monitoring.amazonaws.com/doc/2010-08-01/';

export function cloudwatchService({ now, traffic }: CloudwatchHost): Service {
  const page = (input: unknown): DataPage => pageOf(readDataRequest(input), traffic(), now());
  const json = jsonService({
    name: NAME,
    targetPrefix: 'GraniteServiceVersion20100801',
    actions: new Map([['GetMetricData', { run: (input) => jsonPage(page(input)) }]]),
  });
  const query = queryService({
    name: NAME,
    protocol: 'query',
    namespace: XML_NAMESPACE,
    actions: new Map([['GetMetricData', (params) => xmlPage(page(plainInput(params)))]]),
  });
  return {
    name: NAME,
    error: (status, code, message, asked) =>
      isJson(asked) ? jsonError(status, code, message) : queryError(status, code, message, XML_NAMESPACE),
    actionOf: (request) => (isJson(request.headers) ? json : query).actionOf(request),
    handle: async (request) => {
      if (!isJson(request.headers) && `${request.headers['smithy-protocol']}`.startsWith('rpc-v2')) {
        throw new AwsError('UnknownOperationException', 'The local cloud speaks JSON and the query protocol, not CBOR');
      }
      const answer = await (isJson(request.headers) ? json : query).handle(request);
      return isJson(request.headers) ? { ...answer, headers: { ...answer.headers, ...JSON_1_0 } } : answer;
    },
  };
}

const JSON_1_0 = { 'content-type': 'application/x-amz-json-1.0' };

const isJson = (headers: RequestHeaders): boolean => headers['x-amz-target'] !== undefined;

/** SDKs take the code from the header, which tells it in the words of the query protocol. */
const jsonError = (status: number, code: string, message: string): WireResponse => ({
  status,
  headers: {
    ...JSON_1_0,
    'x-amzn-requestid': randomUUID(),
    'x-amzn-query-error': `${code};${status >= 500 ? 'Receiver' : 'Sender'}`,
  },
  body: JSON.stringify({ __type: code, message }),
});

const statusOf = (complete: boolean): string => (complete ? 'Complete' : 'PartialData');

const jsonPage = ({ results, nextToken }: DataPage): object => ({
  MetricDataResults: results.map(({ id, label, points, complete }) => ({
    Id: id,
    Label: label,
    Timestamps: points.map(({ atMs }) => atMs / 1_000),
    Values: points.map(({ value }) => value),
    StatusCode: statusOf(complete),
  })),
  Messages: [],
  ...(nextToken === null ? {} : { NextToken: nextToken }),
});

const xmlPage = ({ results, nextToken }: DataPage) => ({
  MetricDataResults: {
    member: results.map(({ id, label, points, complete }) => ({
      Id: id,
      Label: label,
      Timestamps: { member: points.map(({ atMs }) => new Date(atMs)) },
      Values: { member: points.map(({ value }) => value) },
      StatusCode: statusOf(complete),
    })),
  },
  Messages: '',
  NextToken: nextToken ?? undefined,
});
