import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEvent } from '../../../core/fallback/event.js';

const ID = 'i-0123456789abcdef0';
const event = (source: string, type: string, detail: object, more: object = {}) =>
  readEvent(JSON.stringify({ source, 'detail-type': type, time: '2026-01-17T10:30:00Z', detail, ...more }));
const atMs = Date.parse('2026-01-17T10:30:00Z');

describe('events', () => {
  it.each([
    ['EC2 Spot Instance Interruption Warning', { 'instance-action': 'terminate' }, { kind: 'interruption' }],
    ['EC2 Instance Rebalance Recommendation', {}, { kind: 'rebalance' }],
    ['EC2 Instance State-change Notification', { state: 'shutting-down' }, { kind: 'ended', over: false }],
    ['EC2 Instance State-change Notification', { state: 'stopped' }, { kind: 'ended', over: true }],
  ])('%s', (type, detail, expected) => {
    const reading = event('aws.ec2', type, { 'instance-id': ID, ...detail }, { resources: ['malformed'] });
    expect(reading).toEqual({ ok: true, event: { ...expected, instanceIds: [ID], atMs } });
  });

  const health = (detail: object) => event('aws.health', 'AWS Health Event', { service: 'EC2', ...detail });
  const retirement = {
    eventTypeCategory: 'scheduledChange',
    eventTypeCode: 'AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED',
    affectedEntities: [{ entityValue: ID }, { entityValue: 'dh-1' }, { entityValue: ID }, 7],
  };

  it('a scheduled change names its instances once', () => {
    expect(health(retirement)).toEqual({ ok: true, event: { kind: 'maintenance', instanceIds: [ID], atMs } });
  });

  it.each([
    ['an issue', { ...retirement, eventTypeCategory: 'issue' }],
    ['a change that is over', { ...retirement, statusCode: 'closed' }],
    ['maintenance that leaves it running', { ...retirement, eventTypeCode: 'AWS_EC2_INSTANCE_NETWORK_MAINTENANCE' }],
    ['one of no instance', { ...retirement, affectedEntities: [] }],
  ])('%s is irrelevant', (_, detail) => {
    expect(health(detail)).toMatchObject({ ok: true, event: { kind: 'irrelevant' } });
  });

  it('what runs, and what others send, is irrelevant', () => {
    const running = event('aws.ec2', 'EC2 Instance State-change Notification', { 'instance-id': ID, state: 'running' });
    expect(running).toMatchObject({ ok: true, event: { kind: 'irrelevant' } });
    expect(event('my.app', 'x', {})).toMatchObject({ ok: true, event: { kind: 'irrelevant' } });
  });

  it.each([
    '',
    'null',
    '[]',
    '{"source":"aws.ec2"}',
    JSON.stringify({ source: 'aws.ec2', 'detail-type': 'EC2 Spot Instance Interruption Warning', detail: {} }),
    'x'.repeat(70_000),
  ])('poison is told, not thrown: %.40s', (text) => {
    expect(readEvent(text)).toMatchObject({ ok: false, why: expect.stringMatching(/\.$/) });
  });

  it('an id that is none is poison', () => {
    const type = 'EC2 Spot Instance Interruption Warning';
    for (const id of ['i-', 'x', 7, null])
      expect(event('aws.ec2', type, { 'instance-id': id })).toMatchObject({ ok: false });
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void readEvent(text)));
  });
});
