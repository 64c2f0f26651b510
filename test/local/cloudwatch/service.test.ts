import { CloudWatchClient, GetMetricDataCommand, type GetMetricDataCommandInput } from '@aws-sdk/client-cloudwatch';
import fc from 'fast-check';
import { XMLParser } from 'fast-xml-parser';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TrafficBook } from '../../../local/balancer/traffic.js';
import { cloudwatchService } from '../../../local/cloudwatch/service.js';
import { AwsError } from '../../../local/wire/error.js';
import { type Endpoint, startEndpoint } from '../../../local/wire/server.js';
import { clientConfig } from '../endpoint.js';

const BALANCER = 'app/front/50dc6c495c0c9188';
const GROUP = 'targetgroup/web/73e2d6bc24d8a067';
const ELB = 'arn:aws:elasticloadbalancing:us-east-1:000000000000';
const balancerArn = `${ELB}:loadbalancer/${BALANCER}`;
const groupArn = `${ELB}:${GROUP}`;
const START = Date.parse('2026-11-24T03:00:00Z');
const minuteMs = (minute: number): number => START + minute * 60_000;

let book = new TrafficBook();
let nowMs = 0;
let denied: AwsError | null = null;
let endpoint: Endpoint;
let client: CloudWatchClient;

beforeAll(async () => {
  endpoint = await startEndpoint({
    host: '127.0.0.1',
    port: 0,
    services: [cloudwatchService({ now: () => nowMs, traffic: () => book.all() })],
    principalOf: (accessKeyId) => ({ kind: 'user', accessKeyId }),
    authorize: () => denied,
  });
  client = new CloudWatchClient(clientConfig(endpoint.url));
});
afterAll(async () => {
  client.destroy();
  await endpoint.close();
});

/** Minute 0: 3 answers of 10, 20 and 400 ms, the last one a 500, and a 502. Minute 2: 2 answers, and a 503 without a target. */
beforeEach(() => {
  book = new TrafficBook();
  denied = null;
  nowMs = minuteMs(10);
  const web = book.of(balancerArn, groupArn);
  const answer = (minute: number, headMs: number, targetStatus = 200): void =>
    web.count(minuteMs(minute) + 1, { chosen: true, targetStatus, headMs, ownStatus: 0 });
  answer(0, 10);
  answer(0, 20);
  answer(0, 400, 500);
  web.count(minuteMs(0), { chosen: true, targetStatus: 0, headMs: 0, ownStatus: 502 });
  answer(2, 10);
  answer(2, 30);
  web.count(minuteMs(2), { chosen: false, targetStatus: 0, headMs: 0, ownStatus: 503 });
  book.of(balancerArn, `${ELB}:targetgroup/other/1`).count(minuteMs(2), {
    chosen: true,
    targetStatus: 200,
    headMs: 1_000,
    ownStatus: 0,
  });
});

const byBalancer = [{ Name: 'LoadBalancer', Value: BALANCER }];
const byGroup = [{ Name: 'TargetGroup', Value: GROUP }, ...byBalancer];
const query = (Id: string, MetricName: string, Stat = 'Sum', Dimensions = byGroup, more: object = {}) => ({
  Id,
  MetricStat: { Metric: { Namespace: 'AWS/ApplicationELB', MetricName, Dimensions }, Period: 60, Stat, ...more },
});
type Queries = GetMetricDataCommandInput['MetricDataQueries'];
const ask = (MetricDataQueries: Queries, more: Partial<GetMetricDataCommandInput> = {}) =>
  client.send(
    new GetMetricDataCommand({
      MetricDataQueries,
      StartTime: new Date(minuteMs(0)),
      EndTime: new Date(minuteMs(10)),
      ScanBy: 'TimestampAscending',
      ...more,
    }),
  );

/** `[minute, value]` of a query's points. */
async function points(one: ReturnType<typeof query>, more: Partial<GetMetricDataCommandInput> = {}) {
  const { MetricDataResults } = await ask([one], more);
  const [result] = MetricDataResults ?? [];
  expect([result?.Id, result?.StatusCode]).toEqual([one.Id, 'Complete']);
  const values = result?.Values ?? [];
  return (result?.Timestamps ?? []).map((at, index) => [(at.getTime() - START) / 60_000, values[index]]);
}

describe('GetMetricData through the SDK', () => {
  it('tells requests, errors and times by minute; a minute without data has none', async () => {
    const { MetricDataResults, NextToken } = await ask([
      query('requests', 'RequestCount'),
      query('errors', 'HTTPCode_Target_5XX_Count'),
      query('p99', 'TargetResponseTime', 'p99'),
      query('own', 'HTTPCode_ELB_5XX_Count', 'Sum', byBalancer),
    ]);
    expect(NextToken).toBeUndefined();
    const [first, third] = [new Date(minuteMs(0)), new Date(minuteMs(2))];
    expect(MetricDataResults).toMatchObject([
      { Id: 'requests', Label: 'RequestCount', Timestamps: [first, third], Values: [4, 2], StatusCode: 'Complete' },
      { Id: 'errors', Timestamps: [first], Values: [1], StatusCode: 'Complete' },
      { Id: 'p99', Timestamps: [first, third], StatusCode: 'Complete' },
      { Id: 'own', Timestamps: [first, third], Values: [1, 1], StatusCode: 'Complete' },
    ]);
    const times = MetricDataResults?.[2]?.Values ?? [];
    expect(Math.abs((times[0] ?? 0) - 0.4)).toBeLessThanOrEqual(0.004);
    expect(Math.abs((times[1] ?? 0) - 0.03)).toBeLessThanOrEqual(0.0003);
  });

  it('knows metrics by their very dimensions', async () => {
    expect(await points(query('all', 'RequestCount', 'Sum', byBalancer))).toEqual([
      [0, 4],
      [2, 3],
    ]);
    expect(await points(query('max', 'TargetResponseTime', 'Maximum', byBalancer))).toEqual([
      [0, 0.4],
      [2, 1],
    ]);
    const stray = [
      query('a', 'HTTPCode_ELB_5XX_Count', 'Sum', byGroup),
      query('b', 'RequestCount', 'Sum', byGroup.slice(0, 1)),
      query('c', 'RequestCount', 'Sum', []),
      query('d', 'RequestCount', 'Sum', [...byGroup, { Name: 'AvailabilityZone', Value: 'us-east-1a' }]),
      query('e', 'RequestCount', 'Sum', [{ Name: 'LoadBalancer', Value: 'app/front/1' }]),
      query('f', 'NoSuchMetric'),
      query('g', 'toString'),
      query('h', 'RequestCount', 'Sum', byGroup, { Unit: 'Seconds' }),
      {
        ...query('i', 'RequestCount'),
        MetricStat: {
          ...query('i', 'RequestCount').MetricStat,
          Metric: { Namespace: 'AWS/EC2', MetricName: 'RequestCount', Dimensions: byGroup },
        },
      },
    ];
    const { MetricDataResults } = await ask(stray);
    expect(MetricDataResults?.map(({ Id, Values, StatusCode }) => [Id, Values, StatusCode])).toEqual(
      stray.map(({ Id }) => [Id, [], 'Complete']),
    );
  });

  it('sums up longer periods, from the one that the start lies in, to the end', async () => {
    const wide = query('wide', 'RequestCount', 'Sum', byGroup, { Period: 300 });
    expect(await points(wide, { StartTime: new Date(minuteMs(1)) })).toEqual([[0, 6]]);
    expect(await points(query('cut', 'RequestCount'), { StartTime: new Date(minuteMs(0) + 30_000) })).toHaveLength(2);
    expect(await points(query('late', 'RequestCount'), { StartTime: new Date(minuteMs(1)) })).toEqual([[2, 2]]);
    expect(await points(query('end', 'RequestCount'), { EndTime: new Date(minuteMs(2)) })).toEqual([[0, 4]]);
    const average = await points(query('mean', 'TargetResponseTime', 'Average'));
    expect(average[1]?.[1]).toBeCloseTo(0.02, 9);
  });

  it('tells a minute when it is over', async () => {
    nowMs = minuteMs(3) - 1;
    expect(await points(query('requests', 'RequestCount'))).toEqual([[0, 4]]);
    nowMs = minuteMs(3);
    expect(await points(query('requests', 'RequestCount'))).toHaveLength(2);
  });

  it('goes on where the last page ended, in either order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 7 }),
        fc.boolean(),
        async (minutes, MaxDatapoints, descending) => {
          book = new TrafficBook();
          nowMs = minuteMs(30);
          for (const minute of [...minutes].sort((a, b) => a - b)) {
            const one = { chosen: true, targetStatus: minute % 2 === 0 ? 200 : 500, headMs: 1, ownStatus: 0 };
            book.of(balancerArn, groupArn).count(minuteMs(minute), one);
          }
          const queries = [query('a', 'RequestCount'), query('b', 'HTTPCode_Target_5XX_Count')];
          const range = {
            EndTime: new Date(minuteMs(30)),
            ScanBy: descending ? ('TimestampDescending' as const) : ('TimestampAscending' as const),
          };
          const told = new Map<string, string[]>();
          const add = (results: Awaited<ReturnType<typeof ask>>['MetricDataResults'], into: Map<string, string[]>) => {
            for (const { Id = '', Timestamps = [], Values = [] } of results ?? []) {
              const lines = Timestamps.map((at, index) => `${at.toISOString()} ${Values[index]}`);
              into.set(Id, [...(into.get(Id) ?? []), ...lines]);
            }
          };
          let NextToken: string | undefined;
          for (let page = 0; page < 50; page++) {
            const answer = await ask(queries, {
              ...range,
              MaxDatapoints,
              ...(NextToken === undefined ? {} : { NextToken }),
            });
            const size = (answer.MetricDataResults ?? []).reduce((sum, { Values }) => sum + (Values?.length ?? 0), 0);
            expect(size).toBeLessThanOrEqual(MaxDatapoints);
            const partial = answer.MetricDataResults?.some(({ StatusCode }) => StatusCode === 'PartialData');
            expect(partial).toBe(answer.NextToken !== undefined);
            add(answer.MetricDataResults, told);
            NextToken = answer.NextToken;
            if (NextToken === undefined) break;
          }
          const whole = new Map<string, string[]>();
          add((await ask(queries, range)).MetricDataResults, whole);
          expect(told).toEqual(whole);
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('bad input of GetMetricData', () => {
  const refused = async (sent: Promise<unknown>, name: string, message: RegExp): Promise<void> => {
    await expect(sent).rejects.toMatchObject({ name, message: expect.stringMatching(message) });
  };
  const good = query('a', 'RequestCount');

  it('is told with its place, all mistakes at once', async () => {
    const cases: [Parameters<typeof ask>, RegExp][] = [
      [[[]], /MetricDataQueries must not have a size less than 1/],
      [[Array.from({ length: 501 }, (_, i) => query(`a${i}`, 'RequestCount'))], /size greater than 500/],
      [[undefined], /MetricDataQueries is required/],
      [[[good], { StartTime: undefined }], /StartTime is required/],
      [[[good], { EndTime: undefined }], /EndTime is required/],
      [[[good], { EndTime: new Date(minuteMs(0)) }], /StartTime must be less than the parameter EndTime/],
      [[[good], { MaxDatapoints: 0 }], /MaxDatapoints must be from 1/],
      [[[good], { ScanBy: 'Sideways' as 'TimestampAscending' }], /Sideways for parameter ScanBy/],
      [[[good, good]], /member\.2\.Id is not unique/],
      [[[query('Big', 'RequestCount')]], /Big for parameter MetricDataQueries\.member\.1\.Id/],
      [[[query('a', '')]], /member\.1\.MetricStat\.Metric\.MetricName is required/],
      [[[query('a', 'RequestCount', 'Median')]], /Median for parameter .*member\.1\.MetricStat\.Stat is not a valid/],
      [[[query('a', 'RequestCount', 'p101')]], /p101/],
      [[[{ Id: 'a' }]], /member\.1\.MetricStat is required/],
      [[[{ Id: 'a', Expression: 'b/c' }]], /Expression is not supported/],
      [[[{ ...good, ReturnData: false }]], /must return data/],
      [[[{ ...good, AccountId: '1' }]], /member\.1 .*not supported/],
    ];
    for (const period of [0, -60, 7, 61, 90, 1.5]) {
      cases.push([
        [[query('a', 'RequestCount', 'Sum', byGroup, { Period: period })]],
        new RegExp(`${period} for .*Period`),
      ]);
    }
    for (const [input, message] of cases) await refused(ask(...input), 'ValidationException', message);
    await refused(
      ask([query('a', 'RequestCount', 'No', byGroup, { Period: 61 })], { StartTime: undefined }),
      'ValidationException',
      /StartTime is required\.\n.*Period.*\n.*Stat/,
    );
  });

  it('takes a token for the request alone that it was given to', async () => {
    const { NextToken } = await ask([good], { MaxDatapoints: 1 });
    expect(NextToken).toMatch(/./);
    await refused(ask([query('b', 'RequestCount')], { NextToken }), 'InvalidNextToken', /not valid/);
    await refused(ask([good], { NextToken: 'rubbish' }), 'InvalidNextToken', /not valid/);
  });

  it('denies in the words of the protocol', async () => {
    denied = new AwsError('AccessDenied', 'no', 403);
    await refused(ask([good]), 'AccessDenied', /no/);
    const answer = await plainQuery({});
    expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('<Code>AccessDenied</Code>')]);
  });
});

/** As the AWS CLI of Debian (2.9) asks: with the query protocol. */
async function plainQuery(more: Record<string, string>): Promise<{ status: number; text: string }> {
  const stat = 'MetricDataQueries.member.1.MetricStat';
  const body = new URLSearchParams({
    Action: 'GetMetricData',
    Version: '2010-08-01',
    'MetricDataQueries.member.1.Id': 'm',
    [`${stat}.Metric.Namespace`]: 'AWS/ApplicationELB',
    [`${stat}.Metric.MetricName`]: 'RequestCount',
    [`${stat}.Metric.Dimensions.member.1.Name`]: 'LoadBalancer',
    [`${stat}.Metric.Dimensions.member.1.Value`]: BALANCER,
    [`${stat}.Period`]: '60',
    [`${stat}.Stat`]: 'Sum',
    'MetricDataQueries.member.1.ReturnData': 'true',
    StartTime: '2026-11-24T03:00:00Z',
    EndTime: '2026-11-24T03:10:00Z',
    ...more,
  });
  const response = await fetch(endpoint.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      authorization:
        'AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/monitoring/aws4_request, SignedHeaders=host, Signature=0',
    },
    body,
  });
  return { status: response.status, text: await response.text() };
}

describe('GetMetricData through the query protocol', () => {
  it('answers in XML, the newest first unless told', async () => {
    const { status, text } = await plainQuery({});
    expect(status).toBe(200);
    const { GetMetricDataResponse } = new XMLParser({ isArray: (name) => name === 'member' }).parse(text);
    expect(GetMetricDataResponse.GetMetricDataResult.MetricDataResults.member).toEqual([
      {
        Id: 'm',
        Label: 'RequestCount',
        Timestamps: { member: ['2026-11-24T03:02:00.000Z', '2026-11-24T03:00:00.000Z'] },
        Values: { member: [3, 4] },
        StatusCode: 'Complete',
      },
    ]);
  });

  it('refuses what it does not know, and mistakes', async () => {
    const stat = 'MetricDataQueries.member.1.MetricStat';
    for (const [more, message] of [
      [{ StartTime: 'yesterday' }, 'StartTime'],
      [{ [`${stat}.Period`]: '61' }, 'Period'],
      [{ [`${stat}.Stat`]: '' }, 'Stat is required'],
      [{ Colour: 'red' }, 'Colour'],
      [{ 'MetricDataQueries.member.1.AccountId': '1' }, 'AccountId'],
    ] as const) {
      const { status, text } = await plainQuery(more as Record<string, string>);
      expect([status, text]).toEqual([400, expect.stringContaining(message)]);
    }
  });
});
