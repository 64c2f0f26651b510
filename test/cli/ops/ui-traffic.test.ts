/** Traffic on the page of `synkti ui`: which questions CloudWatch gets, and what its answers become. */
import type { MetricDataResult } from '@aws-sdk/client-cloudwatch';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rememberCall } from '../../../aws/failed-call.js';
import { explain } from '../../../cli/aws/explain.js';
import type { Session } from '../../../cli/aws/session.js';
import { TrafficLooks } from '../../../cli/ops/ui/traffic.js';
import { type BalancedGroup, queriesOf, trafficCard } from '../../../cli/ops/ui/traffic-card.js';
import { specOf } from '../../core/fixtures.js';
import { NOW_MS } from './scene.js';

const arnOf = (name: string) =>
  `arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/${name}/0123456789abcdef`;
const balancerArn = (name: string) =>
  `arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/${name}/50dc6c495c0c9188`;
const group = (name: string, balancer = 'app/front/50dc6c495c0c9188'): BalancedGroup => ({
  group: `targetgroup/${name}/0123456789abcdef`,
  balancer,
});

/** A metric's values by minutes before the end: 1 is the newest. */
const series = (id: string, ...told: (readonly [before: number, value: number])[]) => ({
  id,
  atMs: told.map(([before]) => NOW_MS - before * 60_000),
  values: told.map(([, value]) => value),
});

describe('the traffic of an hour', () => {
  it('is asked for with three metrics of each group, and what a balancer refused once', () => {
    const queries = queriesOf([group('web'), group('api'), group('old', 'app/other/1')]);
    expect(queries.map(({ id, metric, stat, dimensions }) => [id, metric, stat, dimensions.length])).toEqual([
      ...[0, 1, 2].flatMap((i) => [
        [`requests${i}`, 'RequestCount', 'Sum', 2],
        [`failed${i}`, 'HTTPCode_Target_5XX_Count', 'Sum', 2],
        [`time${i}`, 'TargetResponseTime', 'p99', 2],
      ]),
      ['refused0', 'HTTPCode_ELB_5XX_Count', 'Sum', 1],
      ['refused1', 'HTTPCode_ELB_5XX_Count', 'Sum', 1],
    ]);
    expect(queries[0]?.dimensions).toEqual([
      { Name: 'TargetGroup', Value: 'targetgroup/web/0123456789abcdef' },
      { Name: 'LoadBalancer', Value: 'app/front/50dc6c495c0c9188' },
    ]);
  });

  it('has the rate and p99 of the newest minute that CloudWatch has, and counts all of the hour', () => {
    const card = trafficCard(
      [
        series('requests0', [60, 600], [3, 1_200], [2, 3_000]),
        series('requests1', [2, 600]),
        series('failed0', [3, 2]),
        series('refused0', [3, 1], [10, 4]),
        series('time0', [60, 0.02], [3, 0.0123], [2, 0.04]),
        series('time1', [2, 0.1256]),
      ],
      NOW_MS,
    );
    // 600 + 1,200 + 3,600, and the four that were refused before a target was chosen.
    expect(card).toMatchObject({ sent: 5_404, failed: 7, rate: 60, p99Ms: 126, byMinute: { at: '10:58 UTC' } });
    expect(card.p99).toHaveLength(60);
    expect([card.p99[0], card.p99[1], card.p99[57], card.p99[58], card.p99[59]]).toEqual([20, null, 12.3, 126, null]);
    expect([card.failures[50], card.failures[57], card.failures[58]]).toEqual([4, 3, 0]);
  });

  it('with nothing told for five minutes there is none now; with nothing at all it is zero', () => {
    const over = trafficCard([series('requests0', [20, 600]), series('time0', [20, 0.02])], NOW_MS);
    expect(over).toMatchObject({ sent: 600, rate: 0, p99Ms: null, byMinute: { at: '10:55 UTC' } });
    expect(trafficCard([], NOW_MS)).toMatchObject({ sent: 0, failed: 0, rate: 0, p99Ms: null });
    expect(trafficCard([series('requests0', [1, 2])], NOW_MS).rate).toBe(0.03);
  });

  it('whatever is answered, it is an hour of finite numbers, and no more fail than were sent', () => {
    const value = fc.oneof(fc.double(), fc.nat(1_000));
    const one = fc.record({
      id: fc.constantFrom('requests0', 'failed0', 'refused0', 'time0', ''),
      atMs: fc.array(fc.integer({ min: NOW_MS - 7_200_000, max: NOW_MS + 3_600_000 }), { maxLength: 20 }),
      values: fc.array(value, { maxLength: 20 }),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 8 }), (told) => {
        const card = trafficCard(told, NOW_MS);
        expect([card.p99.length, card.failures.length]).toEqual([60, 60]);
        for (const n of [card.rate, card.p99Ms ?? 0, ...card.failures]) expect(n).toBeGreaterThanOrEqual(0);
        expect(card.failed).toBeLessThanOrEqual(card.sent);
      }),
      { numRuns: 100 },
    );
  });
});

interface Sent {
  readonly input: {
    readonly TargetGroupArns?: readonly string[];
    readonly MetricDataQueries?: readonly { readonly Id: string }[];
    readonly NextToken?: string;
  };
}

const refusal = (name: string, httpStatusCode: number, action: string) => {
  const error = Object.assign(new Error('refused'), { name, $metadata: { httpStatusCode, attempts: 4 } });
  rememberCall(error, { service: 'cloudwatch', action, input: {} });
  return error;
};

/** A session whose groups hang on the balancers named, and whose CloudWatch answers as is told. */
function stubbed(
  balancers: Readonly<Record<string, readonly string[]>>,
  answer: (input: Sent['input']) => { MetricDataResults?: MetricDataResult[]; NextToken?: string },
) {
  const asked: Sent['input'][] = [];
  const send = async ({ input }: Sent) => {
    asked.push(input);
    if (input.TargetGroupArns === undefined) return answer(input);
    const LoadBalancerArns = balancers[input.TargetGroupArns[0] ?? ''];
    if (LoadBalancerArns === undefined) throw refusal('TargetGroupNotFoundException', 400, 'DescribeTargetGroups');
    return { TargetGroups: [{ LoadBalancerArns }] };
  };
  const where = { region: 'us-east-1', endpoint: null, profile: null };
  const session = { client: async () => ({ send }), explain: (error: unknown) => explain(error, where) };
  const metrics = () => asked.filter(({ MetricDataQueries }) => MetricDataQueries !== undefined);
  return { session: session as unknown as Session, asked, metrics };
}

const specWith = (...names: string[]) => ({
  workloads: specOf().workloads.map((one) => ({ ...one, targetGroupArns: names.map(arnOf) })),
});
const MINUTE = 60_000;
const told = (Id: string, value: number) => ({
  Id,
  StatusCode: 'Complete' as const,
  Timestamps: [new Date(NOW_MS - 2 * MINUTE)],
  Values: [value],
});

describe('looking at traffic again and again', () => {
  it('asks CloudWatch once a minute, for the hour of whole minutes before, and the balancers once', async () => {
    const both = { [arnOf('web')]: [balancerArn('app/front')], [arnOf('api')]: [balancerArn('app/front')] };
    const { session, asked, metrics } = stubbed(both, ({ NextToken }) =>
      NextToken === undefined
        ? { MetricDataResults: [told('requests0', 600), told('refused0', 3)], NextToken: 'more' }
        : { MetricDataResults: [told('requests1', 600)], NextToken: '' },
    );
    const looks = new TrafficLooks();
    for (const after of [1_000, 11_000, 21_000]) {
      const { card, unseen } = await looks.look(session, specWith('web', 'api'), NOW_MS + after);
      expect(card).toMatchObject({ sent: 1_200, failed: 3, rate: 20 });
      expect(unseen).toBeNull();
    }
    expect(metrics()).toHaveLength(2);
    expect(metrics()[0]).toMatchObject({ StartTime: new Date(NOW_MS - 60 * MINUTE), EndTime: new Date(NOW_MS) });
    expect(metrics()[0]?.MetricDataQueries).toHaveLength(7);
    await looks.look(session, specWith('web', 'api'), NOW_MS + 61_000);
    expect(metrics()).toHaveLength(4);
    expect(asked).toHaveLength(6);
  });

  it.each<[string, Readonly<Record<string, readonly string[]>>]>([
    ['hangs on a network load balancer', { [arnOf('web')]: [balancerArn('net/front')] }],
    ['hangs on none', { [arnOf('web')]: [] }],
    ['isn’t there', {}],
  ])('of a group that %s nothing is asked, and nothing is amiss', async (_, balancers) => {
    const { session, asked, metrics } = stubbed(balancers, () => ({}));
    const looks = new TrafficLooks();
    for (let minute = 0; minute < 4; minute++) {
      expect(await looks.look(session, specWith('web'), NOW_MS + minute * MINUTE)).toEqual({
        card: null,
        unseen: null,
      });
    }
    expect(metrics()).toEqual([]);
    expect(asked).toHaveLength(1);
  });

  it('finds the balancer that a group gets later, and other groups at once', async () => {
    const balancers: Record<string, string[]> = { [arnOf('web')]: [], [arnOf('api')]: [balancerArn('app/front')] };
    const { session } = stubbed(balancers, () => ({ MetricDataResults: [told('requests0', 60)] }));
    const looks = new TrafficLooks();
    expect((await looks.look(session, specWith('web'), NOW_MS)).card).toBeNull();
    expect((await looks.look(session, specWith('api'), NOW_MS + 1_000)).card?.rate).toBe(1);
    balancers[arnOf('web')] = [balancerArn('app/front')];
    expect((await looks.look(session, specWith('web'), NOW_MS + 2_000)).card?.rate).toBe(1);
    expect(await looks.look(session, specWith(), NOW_MS + 3_000)).toEqual({ card: null, unseen: null });
  });

  it.each([
    ['is denied', () => refusal('AccessDenied', 403, 'GetMetricData'), 300, 'may not call cloudwatch:GetMetricData.'],
    ['is throttled', () => refusal('Throttling', 400, 'GetMetricData'), 300, 'AWS throttles cloudwatch:GetMetricData'],
    ['fails', () => refusal('InternalServiceFault', 500, 'GetMetricData'), 60, 'cloudwatch:GetMetricData failed'],
  ])('who %s sees no traffic and why, and comes again later', async (_, error, againS, why) => {
    let well = false;
    const { session, metrics } = stubbed({ [arnOf('web')]: [balancerArn('app/front')] }, () => {
      if (well) return { MetricDataResults: [] };
      throw error();
    });
    const looks = new TrafficLooks();
    const first = await looks.look(session, specWith('web'), NOW_MS);
    expect(first).toMatchObject({ card: null, unseen: { what: 'traffic', why: expect.stringContaining(why) } });
    well = true;
    expect(await looks.look(session, specWith('web'), NOW_MS + againS * 1_000 - 1)).toEqual(first);
    expect(metrics()).toHaveLength(1);
    const later = await looks.look(session, specWith('web'), NOW_MS + againS * 1_000);
    expect(later).toMatchObject({ card: { rate: 0 }, unseen: null });
  });

  it('a metric that CloudWatch refuses is no zero', async () => {
    const { session } = stubbed({ [arnOf('web')]: [balancerArn('app/front')] }, () => ({
      MetricDataResults: [{ Id: 'requests0', StatusCode: 'Forbidden' }],
    }));
    const { card, unseen } = await new TrafficLooks().look(session, specWith('web'), NOW_MS);
    expect([card, unseen?.why]).toEqual([null, 'CloudWatch answered Forbidden to a metric.']);
  });
});
