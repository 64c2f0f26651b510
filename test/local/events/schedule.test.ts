import { describe, expect, test } from 'vitest';
import type { BusEvent, Target } from '../../../local/events/bus.js';
import { payloadOf } from '../../../local/events/input.js';
import { parseSchedule } from '../../../local/events/schedule.js';

const next = (text: string, from: string): string => {
  const schedule = parseSchedule(text);
  if (schedule.kind !== 'cron') throw new Error('not a cron expression');
  return new Date(schedule.next(Date.parse(from))).toISOString();
};

describe('a schedule', () => {
  test.each([
    ['rate(1 minute)', 60_000],
    ['rate(5 minutes)', 300_000],
    ['rate(2 hours)', 7_200_000],
    ['rate(1 day)', 86_400_000],
  ])('%s', (text, periodMs) => {
    expect(parseSchedule(text)).toEqual({ kind: 'rate', periodMs });
  });

  test.each([
    ['cron(0 12 * * ? *)', '2026-01-17T12:00:00.000Z', '2026-01-18T12:00:00.000Z'],
    ['cron(0/15 8-9 ? * MON-FRI *)', '2026-01-16T09:45:00.000Z', '2026-01-19T08:00:00.000Z'],
    ['cron(5,35 14 1 1,7 ? *)', '2026-01-01T14:05:00.000Z', '2026-01-01T14:35:00.000Z'],
    ['cron(0 0 29 FEB ? *)', '2026-01-17T00:00:00.000Z', '2028-02-29T00:00:00.000Z'],
    ['cron(0 0 ? * 1 2027)', '2026-12-31T00:00:00.000Z', '2027-01-03T00:00:00.000Z'],
  ])('%s', (text, from, then) => {
    expect(next(text, from)).toBe(then);
  });

  test('that never comes again', () => {
    const past = parseSchedule('cron(0 0 1 1 ? 2020)');
    expect(past.kind === 'cron' && past.next(Date.parse('2026-01-01'))).toBe(Number.POSITIVE_INFINITY);
  });

  test.each([
    ...['rate(1 minutes)', 'rate(5 minute)', 'rate(0 minutes)', 'rate(1.5 hours)', 'every minute', ''],
    ...['cron(0 12 * * *)', 'cron(0 12 * * * *)', 'cron(0 12 ? * ? *)', 'cron(60 12 * * ? *)', 'cron(0 12 L * ? *)'],
    ...['cron(0 12 ? * FOO *)', 'cron(0/0 12 * * ? *)', 'cron(0 20-8 * * ? *)'],
  ])('%s is refused', (text) => {
    expect(() => parseSchedule(text)).toThrow(/ScheduleExpression/);
  });
});

describe("a target's input", () => {
  const event: BusEvent = {
    version: '0',
    id: '1',
    'detail-type': 't',
    source: 'aws.ec2',
    account: '123456789012',
    time: '2026-01-17T10:30:00Z',
    region: 'us-east-1',
    resources: ['arn:a', 'arn:b'],
    detail: { 'instance-id': 'i-1', n: 2, quoted: 'a "b"' },
  };
  const target = (one: Partial<Target>): Target => ({
    id: '1',
    arn: 'arn:x',
    roleArn: null,
    input: null,
    inputPath: null,
    inputTransformer: null,
    retryPolicy: null,
    deadLetterArn: null,
    ...one,
  });
  const payload = (one: Partial<Target>) => payloadOf(target(one), event, { name: 'rule' }, 'arn:rule');

  test('is the event, a constant, a part or a text', () => {
    expect(JSON.parse(payload({}))).toEqual(event);
    expect(payload({ input: '{"a":1}' })).toBe('{"a":1}');
    expect(payload({ inputPath: '$.detail.instance-id' })).toBe('"i-1"');
    expect(payload({ inputPath: '$.resources[1]' })).toBe('"arn:b"');
    expect(payload({ inputPath: '$.none.at.all' })).toBe('{}');
    const paths = { id: '$.detail.instance-id', n: '$.detail.n', text: '$.detail.quoted' };
    const template =
      '{"id": <id>, "n": <n>, "say": "<id> has <text>", "rule": <aws.events.rule-name>, "all": <aws.events.event>}';
    expect(JSON.parse(payload({ inputTransformer: { paths, template } }))).toEqual({
      id: 'i-1',
      n: 2,
      say: 'i-1 has a "b"',
      rule: 'rule',
      all: event,
    });
    expect(payload({ inputTransformer: { paths, template: '"<unknown>"' } })).toBe('"<unknown>"');
  });
});
