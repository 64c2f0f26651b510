/**
 * EventBridge's events to what the fallback makes of them. What is no event at all is poison: told apart from events
 * that are none of ours, so that it is recorded.
 */
import { show } from '../show.js';
import { type WallMs, wallMs } from '../time.js';

export type FallbackEvent =
  | { readonly kind: 'interruption'; readonly instanceIds: readonly string[]; readonly atMs: WallMs }
  | { readonly kind: 'rebalance'; readonly instanceIds: readonly string[]; readonly atMs: WallMs }
  /** A scheduled change of the host that ends or restarts the instance. */
  | { readonly kind: 'maintenance'; readonly instanceIds: readonly string[]; readonly atMs: WallMs }
  /** The instance ends, has ended or was stopped. */
  | {
      readonly kind: 'ended';
      readonly instanceIds: readonly string[];
      readonly atMs: WallMs;
      /** Terminated or stopped: the last event of its end. */
      readonly over: boolean;
    }
  /** Well formed, and nothing to do. */
  | { readonly kind: 'irrelevant'; readonly why: string };

export type EventReading =
  | { readonly ok: true; readonly event: FallbackEvent }
  | { readonly ok: false; readonly why: string };

/** SQS allows 256 kB; the longest of these events has some 3 kB. */
const MAX_TEXT = 65_536;
/** A Health event names the instances of one account and host. */
const MAX_INSTANCES = 100;
const INSTANCE_ID = /^i-[0-9a-f]{8,17}$/;

/** Health's codes for what IMDS calls instance-retirement, instance-stop, instance-reboot, system-reboot, system-maintenance. */
const DISRUPTIVE: ReadonlySet<string> = new Set([
  'AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED',
  'AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED',
  'AWS_EC2_INSTANCE_STOP_SCHEDULED',
  'AWS_EC2_INSTANCE_REBOOT_SCHEDULED',
  'AWS_EC2_INSTANCE_REBOOT_MAINTENANCE_SCHEDULED',
  'AWS_EC2_SYSTEM_REBOOT_SCHEDULED',
  'AWS_EC2_SYSTEM_REBOOT_MAINTENANCE_SCHEDULED',
  'AWS_EC2_SYSTEM_MAINTENANCE_SCHEDULED',
  'AWS_EC2_SYSTEM_MAINTENANCE_EVENT',
]);

const ENDS: ReadonlySet<unknown> = new Set(['shutting-down', 'terminated', 'stopping', 'stopped']);

export function readEvent(text: string): EventReading {
  if (text.length > MAX_TEXT) return poison(`It has ${text.length} characters.`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return poison("It isn't JSON.");
  }
  if (!isObject(json)) return poison(`It is ${show(json)}.`);
  const { source, detail, time } = json;
  const detailType = json['detail-type'];
  if (typeof detailType !== 'string' || typeof source !== 'string') return poison('It has no source or detail-type.');
  if (!isObject(detail)) return poison('It has no detail.');
  const atMs = typeof time === 'string' && time.length <= 64 ? Date.parse(time) : Number.NaN;
  if (!Number.isFinite(atMs)) return poison(`Its time is ${show(time)}.`);
  return read(`${source}/${detailType}`, detail, wallMs(atMs));
}

function read(type: string, detail: Json, atMs: WallMs): EventReading {
  switch (type) {
    case 'aws.ec2/EC2 Spot Instance Interruption Warning':
      return ofInstance('interruption', detail, atMs);
    case 'aws.ec2/EC2 Instance Rebalance Recommendation':
      return ofInstance('rebalance', detail, atMs);
    case 'aws.ec2/EC2 Instance State-change Notification':
      if (!ENDS.has(detail.state)) return irrelevant(`The instance is ${show(detail.state)}.`);
      return ofEnd(detail, atMs);
    case 'aws.health/AWS Health Event':
      return ofHealth(detail, atMs);
    default:
      return irrelevant(`Nothing listens to ${show(type)}.`);
  }
}

/** The warning's `resources` are malformed: the id in the detail counts. */
function ofInstance(kind: 'interruption' | 'rebalance', detail: Json, atMs: WallMs): EventReading {
  const id = detail['instance-id'];
  if (typeof id !== 'string' || !INSTANCE_ID.test(id)) return poison(`Its instance-id is ${show(id)}.`);
  return { ok: true, event: { kind, instanceIds: [id], atMs } };
}

function ofEnd(detail: Json, atMs: WallMs): EventReading {
  const reading = ofInstance('interruption', detail, atMs);
  if (!reading.ok || reading.event.kind !== 'interruption') return reading;
  const over = detail.state === 'terminated' || detail.state === 'stopped';
  return { ok: true, event: { ...reading.event, kind: 'ended', over } };
}

function ofHealth(detail: Json, atMs: WallMs): EventReading {
  const { service, eventTypeCategory, eventTypeCode, statusCode, affectedEntities } = detail;
  if (service !== 'EC2' || eventTypeCategory !== 'scheduledChange') return irrelevant('No scheduled change of EC2.');
  if (statusCode === 'closed') return irrelevant('The change is over.');
  if (typeof eventTypeCode !== 'string' || !DISRUPTIVE.has(eventTypeCode)) {
    return irrelevant(`${show(eventTypeCode)} leaves instances running.`);
  }
  if (!Array.isArray(affectedEntities)) return poison('Its affectedEntities is no list.');
  const ids = new Set<string>();
  for (const entity of affectedEntities.slice(0, MAX_INSTANCES)) {
    const id = isObject(entity) ? entity.entityValue : undefined;
    // It may name other things, such as dedicated hosts.
    if (typeof id === 'string' && INSTANCE_ID.test(id)) ids.add(id);
  }
  if (ids.size === 0) return irrelevant('It names no instance.');
  return { ok: true, event: { kind: 'maintenance', instanceIds: [...ids].sort(), atMs } };
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const poison = (why: string): EventReading => ({ ok: false, why });
const irrelevant = (why: string): EventReading => ({ ok: true, event: { kind: 'irrelevant', why } });
