import type { XmlObject } from '../wire/xml.js';
import { STATE_CODE } from './model/describe.js';
import type { Ec2Options, InstanceRecord, Tags } from './model/types.js';

/** XML that several actions share. */

export const tagSet = (tags: Tags): XmlObject => ({
  item: Object.keys(tags)
    .sort()
    .map((key) => ({ key, value: tags[key] ?? '' })),
});

export const VPC_ID = 'vpc-00000000000000001';

export const stateXml = (state: InstanceRecord['state']): XmlObject => ({ code: STATE_CODE[state], name: state });

/** Ids that must look like AWS's and that nothing else is known of, made from the instance's own. */
const siblingId = (prefix: string, instanceId: string): string => `${prefix}-${instanceId.slice(2)}`;

/** Locally administered, unique by the loopback address. */
export const macOf = (privateIp: string): string =>
  ['02', '00', ...privateIp.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'))].join(':');

export const privateDnsName = (privateIp: string, region: string): string =>
  `ip-${privateIp.replaceAll('.', '-')}.${region === 'us-east-1' ? 'ec2' : `${region}.compute`}.internal`;

/** An ended instance has no address any more. */
export function instanceXml(record: InstanceRecord, options: Ec2Options): XmlObject {
  const gone = record.state === 'terminated' || record.state === 'shutting-down';
  const ip = gone ? undefined : record.privateIp;
  const profile = profileArn(record, options);
  const groups = { item: record.securityGroupIds.map((groupId) => ({ groupId, groupName: groupId })) };
  return {
    instanceId: record.instanceId,
    imageId: record.imageId,
    instanceState: stateXml(record.state),
    privateDnsName: ip === undefined ? '' : privateDnsName(ip, options.region),
    dnsName: '',
    reason: record.transitionReason,
    keyName: record.keyName,
    amiLaunchIndex: 0,
    instanceType: record.instanceType,
    launchTime: new Date(record.launchTimeMs),
    placement: { availabilityZone: record.zone, groupName: '', tenancy: 'default' },
    monitoring: { state: 'disabled' },
    subnetId: gone ? undefined : record.subnetId,
    vpcId: gone ? undefined : VPC_ID,
    privateIpAddress: ip,
    architecture: 'x86_64',
    rootDeviceType: 'ebs',
    rootDeviceName: '/dev/xvda',
    virtualizationType: 'hvm',
    hypervisor: 'xen',
    clientToken: record.clientToken,
    ebsOptimized: false,
    enaSupport: true,
    instanceLifecycle: record.lifecycle === 'spot' ? 'spot' : undefined,
    spotInstanceRequestId: record.lifecycle === 'spot' ? siblingId('sir', record.instanceId) : undefined,
    stateReason: record.stateReason,
    iamInstanceProfile: profile === null ? undefined : { arn: profile, id: 'AIPA00000000000000000' },
    groupSet: groups,
    tagSet: tagSet(record.tags),
    networkInterfaceSet: {
      item:
        ip === undefined
          ? []
          : [
              {
                networkInterfaceId: siblingId('eni', record.instanceId),
                subnetId: record.subnetId,
                vpcId: VPC_ID,
                macAddress: macOf(ip),
                privateIpAddress: ip,
                status: 'in-use',
                groupSet: groups,
                attachment: { deviceIndex: 0, status: 'attached' },
                privateIpAddressesSet: { item: [{ privateIpAddress: ip, primary: true }] },
              },
            ],
    },
    metadataOptions: {
      state: 'applied',
      httpTokens: record.metadata.httpTokens,
      httpPutResponseHopLimit: record.metadata.hopLimit,
      httpEndpoint: record.metadata.enabled ? 'enabled' : 'disabled',
      httpProtocolIpv6: 'disabled',
      instanceMetadataTags: record.metadata.tags ? 'enabled' : 'disabled',
    },
  };
}

/** Profiles are given by ARN or by name. */
export function profileArn(record: InstanceRecord, options: Ec2Options): string | null {
  const given = record.instanceProfile;
  return given === null || given.startsWith('arn:')
    ? given
    : `arn:aws:iam::${options.accountId}:instance-profile/${given}`;
}
