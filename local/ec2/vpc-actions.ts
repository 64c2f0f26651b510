import { AwsError } from '../wire/error.js';
import type { QueryAction } from '../wire/query-service.js';
import type { Ec2Host } from './host.js';
import { filtersIn, pagingIn, refuseDryRun } from './inputs.js';
import { matcher } from './model/filter.js';
import { VPC_ID } from './output.js';

/** Addresses that subnets are shown with; nodes have loopback addresses in truth. */
const CIDR = '10.0.0.0/16';
const ROUTE_TABLE_ID = 'rtb-00000000000000001';
const GATEWAY_ID = 'igw-00000000000000001';

/** The one VPC that the local cloud has, the default one, and its main route table. */
export function vpcActions({ model }: Ec2Host): [string, QueryAction][] {
  const { accountId } = model.options;
  return [
    [
      'DescribeVpcs',
      (params) => {
        const ids = params.strings('VpcId');
        const matches = matcher<object>(filtersIn(params), {
          'vpc-id': () => [VPC_ID],
          'is-default': () => ['true'],
          isDefault: () => ['true'],
          cidr: () => [CIDR],
          'owner-id': () => [accountId],
          state: () => ['available'],
        });
        pagingIn(params);
        refuseDryRun(params);
        params.refuseUnread();
        const unknown = ids.find((id) => id !== VPC_ID);
        if (unknown !== undefined) {
          throw new AwsError('InvalidVpcID.NotFound', `The vpc ID '${unknown.slice(0, 100)}' does not exist`);
        }
        const vpc = {
          vpcId: VPC_ID,
          ownerId: accountId,
          state: 'available',
          cidrBlock: CIDR,
          dhcpOptionsId: 'dopt-00000000000000001',
          instanceTenancy: 'default',
          isDefault: true,
          cidrBlockAssociationSet: {
            item: [
              {
                associationId: 'vpc-cidr-assoc-00000000000000001',
                cidrBlock: CIDR,
                cidrBlockState: { state: 'associated' },
              },
            ],
          },
          tagSet: { item: [] },
        };
        return { vpcSet: { item: matches({}) ? [vpc] : [] } };
      },
    ],
    [
      'DescribeRouteTables',
      (params) => {
        const ids = params.strings('RouteTableId');
        const matches = matcher<object>(filtersIn(params), {
          'vpc-id': () => [VPC_ID],
          'route-table-id': () => [ROUTE_TABLE_ID],
          'association.main': () => ['true'],
          // The main table is nobody's by name.
          'association.subnet-id': () => [],
          'route.gateway-id': () => ['local', GATEWAY_ID],
        });
        pagingIn(params);
        refuseDryRun(params);
        params.refuseUnread();
        const unknown = ids.find((id) => id !== ROUTE_TABLE_ID);
        if (unknown !== undefined) {
          throw new AwsError(
            'InvalidRouteTableID.NotFound',
            `The routeTable ID '${unknown.slice(0, 100)}' does not exist`,
          );
        }
        const route = (destinationCidrBlock: string, gatewayId: string, origin: string) => ({
          destinationCidrBlock,
          gatewayId,
          state: 'active',
          origin,
        });
        const table = {
          routeTableId: ROUTE_TABLE_ID,
          vpcId: VPC_ID,
          ownerId: accountId,
          routeSet: {
            item: [route(CIDR, 'local', 'CreateRouteTable'), route('0.0.0.0/0', GATEWAY_ID, 'CreateRoute')],
          },
          associationSet: {
            item: [
              {
                routeTableAssociationId: 'rtbassoc-00000000000000001',
                routeTableId: ROUTE_TABLE_ID,
                main: true,
                associationState: { state: 'associated' },
              },
            ],
          },
          propagatingVgwSet: { item: [] },
          tagSet: { item: [] },
        };
        return { routeTableSet: { item: matches({}) ? [table] : [] } };
      },
    ],
  ];
}
