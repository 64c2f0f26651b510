/**
 * What EC2's network consists of. Nodes of the local cloud reach each other over loopback, so most of it is only kept in
 * mind; subnets are real, since nodes are launched into them.
 */

import { VPC_ID } from '../../ec2/output.js';
import { DeployError } from '../errors.js';
import type { Call, Handler, Handlers, Host, Made } from '../handler.js';
import { newResourceId, textOf } from '../handler.js';
import type { JsonObject } from '../json.js';
import type { Props } from '../props.js';

const UNFILTERED = 'Security groups and routes filter nothing: all nodes and balancers are on loopback.';

interface Kept {
  readonly prefix: string;
  readonly immutable?: readonly string[];
  readonly attributes?: (id: string, props: Props, host: Host) => JsonObject;
  readonly id?: string;
}

/** A resource that gets an id and has no effect. */
const kept = ({ prefix, immutable, attributes, id }: Kept): Handler => {
  const make = ({ props, host }: Call, physicalId: string): Made => {
    host.note(null, UNFILTERED);
    return { physicalId, attributes: attributes?.(physicalId, props, host) ?? {} };
  };
  return {
    immutable: immutable ?? [],
    create: (call) => make(call, id ?? newResourceId(prefix)),
    update: (call, { physicalId }) => make(call, physicalId),
    remove: () => {},
  };
};

const rule = (prefix: string): Handler => kept({ prefix, attributes: (id) => ({ Id: id }) });

const subnet: Handler = {
  immutable: ['AvailabilityZone', 'AvailabilityZoneId', 'CidrBlock', 'VpcId'],
  create: ({ props, host, logicalId }) => {
    const zone = props.text('AvailabilityZone');
    const zones = host.cloud.zones();
    const found = zone === undefined ? zones[0] : zones.find((name) => name === zone);
    if (found === undefined) {
      throw new DeployError(
        'RESOURCE',
        `${logicalId} is in the zone ${zone}, but the local cloud has ${zones.join(', ')}: start it with the template's zones.`,
        logicalId,
      );
    }
    const physicalId = newResourceId('subnet');
    host.cloud.addSubnet(physicalId, found);
    return {
      physicalId,
      attributes: {
        SubnetId: physicalId,
        AvailabilityZone: found,
        CidrBlock: props.text('CidrBlock') ?? '',
        VpcId: textOf(props.json('VpcId')),
        Ipv6CidrBlocks: [],
      },
    };
  },
  update: (_call, { physicalId, attributes }) => ({ physicalId, attributes }),
  remove: ({ physicalId }, { cloud }) => cloud.removeSubnet(physicalId),
};

export const NETWORK: Handlers = {
  'AWS::EC2::VPC': kept({
    prefix: 'vpc',
    id: VPC_ID,
    immutable: ['CidrBlock'],
    attributes: (id, props) => ({
      VpcId: id,
      CidrBlock: props.text('CidrBlock') ?? '',
      DefaultSecurityGroup: 'sg-00000000000000001',
      DefaultNetworkAcl: 'acl-00000000000000001',
      CidrBlockAssociations: [],
      Ipv6CidrBlocks: [],
    }),
  }),
  'AWS::EC2::Subnet': subnet,
  'AWS::EC2::RouteTable': kept({ prefix: 'rtb', attributes: (id) => ({ RouteTableId: id }) }),
  'AWS::EC2::SubnetRouteTableAssociation': kept({ prefix: 'rtbassoc', attributes: (id) => ({ Id: id }) }),
  'AWS::EC2::Route': kept({
    prefix: 'r',
    attributes: (_id, props) => ({ CidrBlock: props.text('DestinationCidrBlock') ?? '' }),
  }),
  'AWS::EC2::InternetGateway': kept({ prefix: 'igw', attributes: (id) => ({ InternetGatewayId: id }) }),
  'AWS::EC2::EgressOnlyInternetGateway': kept({ prefix: 'eigw', attributes: (id) => ({ Id: id }) }),
  'AWS::EC2::VPCGatewayAttachment': kept({ prefix: 'vpcgw', attributes: () => ({ AttachmentType: 'IGW' }) }),
  'AWS::EC2::EIP': kept({
    prefix: 'eip',
    // From a block that is for documentation.
    attributes: () => ({ AllocationId: newResourceId('eipalloc'), PublicIp: '203.0.113.10' }),
  }),
  'AWS::EC2::NatGateway': kept({ prefix: 'nat', attributes: (id) => ({ NatGatewayId: id }) }),
  'AWS::EC2::VPCEndpoint': kept({
    prefix: 'vpce',
    attributes: (id) => ({
      Id: id,
      DnsEntries: [],
      NetworkInterfaceIds: [],
      CreationTimestamp: '1970-01-01T00:00:00Z',
    }),
  }),
  'AWS::EC2::FlowLog': kept({ prefix: 'fl', attributes: (id) => ({ Id: id }) }),
  'AWS::EC2::VPCCidrBlock': kept({ prefix: 'vpc-cidr-assoc', attributes: (id) => ({ Id: id }) }),
  'AWS::EC2::SecurityGroup': kept({
    prefix: 'sg',
    immutable: ['GroupDescription', 'GroupName', 'VpcId'],
    attributes: (id, props) => ({ GroupId: id, Id: id, VpcId: props.text('VpcId') ?? VPC_ID }),
  }),
  'AWS::EC2::SecurityGroupIngress': rule('sgr'),
  'AWS::EC2::SecurityGroupEgress': rule('sgr'),
};
