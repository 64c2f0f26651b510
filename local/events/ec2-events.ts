import type { WallMs } from '../../core/time.js';
import type { Transition } from '../ec2/model/types.js';
import type { BusEvent } from './bus.js';

export interface EventOrigin {
  readonly account: string;
  readonly region: string;
  zoneOf(instanceId: string): string | null;
  newId(): string;
}

/** EC2's own event of a transition, as AWS writes it; null where AWS sends none. */
export function ec2Event(transition: Transition, origin: EventOrigin): BusEvent | null {
  const { instanceId } = transition;
  const arn = `arn:aws:ec2:${origin.region}:${origin.account}:instance/${instanceId}`;
  const event = (
    source: string,
    detailType: string,
    resources: readonly string[],
    detail: Readonly<Record<string, unknown>>,
  ): BusEvent => ({
    version: '0',
    id: origin.newId(),
    'detail-type': detailType,
    source,
    account: origin.account,
    time: isoSeconds(transition.wallMs),
    region: origin.region,
    resources,
    detail,
  });
  switch (transition.type) {
    case 'state':
      return event('aws.ec2', 'EC2 Instance State-change Notification', [arn], {
        'instance-id': instanceId,
        state: transition.to,
      });
    case 'interruption-notice': {
      const { action, announce } = transition.interruption;
      if (announce !== 'both' && announce !== 'event') return null;
      // AWS's own resource is malformed: the zone in the region's place, and no account.
      const malformed = `arn:aws:ec2:${origin.zoneOf(instanceId) ?? origin.region}:instance/${instanceId}`;
      return event('aws.ec2', 'EC2 Spot Instance Interruption Warning', [malformed], {
        'instance-id': instanceId,
        'instance-action': action,
      });
    }
    case 'rebalance-recommendation':
      return event('aws.ec2', 'EC2 Instance Rebalance Recommendation', [arn], { 'instance-id': instanceId });
    case 'maintenance-scheduled': {
      const { code, description, notBeforeMs, notAfterMs, eventId } = transition.event;
      return event('aws.health', 'AWS Health Event', [instanceId], {
        eventArn: `arn:aws:health:${origin.region}::event/EC2/${healthCode(code)}/${eventId}`,
        service: 'EC2',
        eventTypeCode: healthCode(code),
        eventTypeCategory: 'scheduledChange',
        startTime: new Date(notBeforeMs).toUTCString(),
        endTime: new Date(notAfterMs).toUTCString(),
        eventDescription: [{ language: 'en_US', latestDescription: description }],
        affectedEntities: [{ entityValue: instanceId }],
      });
    }
    case 'failed':
    case 'reclaimed':
      return null;
  }
}

const healthCode = (code: string): string => `AWS_EC2_${code.replaceAll('-', '_').toUpperCase()}_SCHEDULED`;

export const isoSeconds = (at: WallMs): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
