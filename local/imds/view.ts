import type { WallMs } from '../../core/time.js';
import type { Ec2Options, InstanceRecord } from '../ec2/model/types.js';
import { macOf, privateDnsName, profileArn } from '../ec2/output.js';
import type { RoleCredentials } from './credentials.js';

/** A leaf is text (null: 404), a directory is listed. Functions are looked at only when asked for. */
export type Tree = { readonly [name: string]: string | Tree | (() => string | null) };

export interface ImdsSubject {
  readonly record: InstanceRecord;
  readonly options: Ec2Options;
  /** Null: the instance has no role. */
  readonly role: { readonly name: string; readonly credentials: () => RoleCredentials } | null;
}

const seconds = (at: WallMs): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

/** Everything that IMDS says of an instance, below `/latest/`. */
export function imdsTree({ record, options, role }: ImdsSubject): Tree {
  const profile = profileArn(record, options);
  const mac = macOf(record.privateIp);
  return {
    dynamic: { 'instance-identity': { document: () => identityDocument(record, options) } },
    'meta-data': {
      'ami-id': record.imageId,
      'ami-launch-index': '0',
      ...(record.metadata.tags ? { tags: { instance: tagTree(record) } } : {}),
      ...(announced(record) ? { spot: spotTree(record) } : {}),
      autoscaling: { 'target-lifecycle-state': 'InService' },
      events: {
        maintenance: { history: '[]', scheduled: () => maintenance(record) },
        ...(record.rebalanceNoticeMs === null
          ? {}
          : {
              recommendations: {
                rebalance: JSON.stringify({ noticeTime: seconds(record.rebalanceNoticeMs) }),
              },
            }),
      },
      hostname: privateDnsName(record.privateIp, options.region),
      ...(role === null || profile === null ? {} : { iam: iamTree(role, profile) }),
      'instance-action': 'none',
      'instance-id': record.instanceId,
      'instance-life-cycle': record.lifecycle,
      'instance-type': record.instanceType,
      'local-hostname': privateDnsName(record.privateIp, options.region),
      'local-ipv4': record.privateIp,
      mac,
      placement: { 'availability-zone': record.zone, region: options.region },
      'reservation-id': record.reservationId,
      'security-groups': record.securityGroupIds.join('\n'),
      services: { domain: 'amazonaws.com', partition: 'aws' },
    },
    ...(record.userData === null ? {} : { 'user-data': Buffer.from(record.userData, 'base64').toString('utf8') }),
  };
}

function announced({ interruption }: InstanceRecord): boolean {
  return interruption !== null && (interruption.announce === 'both' || interruption.announce === 'imds');
}

function spotTree({ interruption }: InstanceRecord): Tree {
  if (interruption === null) return {};
  const { action, atMs } = interruption;
  return {
    'instance-action': JSON.stringify({ action, time: seconds(atMs) }),
    ...(action === 'terminate' ? { 'termination-time': seconds(atMs) } : {}),
  };
}

/** Tag keys are one path segment each, so `instance/` lists them without more. */
function tagTree(record: InstanceRecord): Tree {
  return Object.fromEntries(
    Object.keys(record.tags)
      .sort()
      .map((key) => [key, record.tags[key] ?? '']),
  );
}

function maintenance(record: InstanceRecord): string {
  // Times such as "21 Jan 2026 09:00:43 GMT".
  const time = (at: WallMs): string => new Date(at).toUTCString().replace(/^\w+, /, '');
  return JSON.stringify(
    record.maintenance.map(({ eventId, code, description, notBeforeMs, notAfterMs }) => ({
      NotBefore: time(notBeforeMs),
      Code: code,
      Description: description,
      EventId: eventId,
      NotAfter: time(notAfterMs),
      State: 'active',
    })),
  );
}

function iamTree(role: NonNullable<ImdsSubject['role']>, profileArn: string): Tree {
  return {
    info: () =>
      JSON.stringify({
        Code: 'Success',
        LastUpdated: seconds(role.credentials().issuedMs),
        InstanceProfileArn: profileArn,
        InstanceProfileId: 'AIPA00000000000000000',
      }),
    'security-credentials': {
      [role.name]: () => {
        const { accessKeyId, secretAccessKey, token, issuedMs, expiresMs } = role.credentials();
        return JSON.stringify({
          Code: 'Success',
          LastUpdated: seconds(issuedMs),
          Type: 'AWS-HMAC',
          AccessKeyId: accessKeyId,
          SecretAccessKey: secretAccessKey,
          Token: token,
          Expiration: seconds(expiresMs),
        });
      },
    },
  };
}

function identityDocument(record: InstanceRecord, options: Ec2Options): string {
  return JSON.stringify(
    {
      accountId: options.accountId,
      architecture: 'x86_64',
      availabilityZone: record.zone,
      billingProducts: null,
      devpayProductCodes: null,
      marketplaceProductCodes: null,
      imageId: record.imageId,
      instanceId: record.instanceId,
      instanceType: record.instanceType,
      kernelId: null,
      pendingTime: seconds(record.launchTimeMs),
      privateIp: record.privateIp,
      ramdiskId: null,
      region: options.region,
      version: '2017-09-30',
    },
    null,
    2,
  );
}
