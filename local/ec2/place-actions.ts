import { AwsError } from '../wire/error.js';
import type { QueryAction } from '../wire/query-service.js';
import type { Ec2Host } from './host.js';
import { filtersIn, pagingIn, refuseDryRun } from './inputs.js';
import { page } from './model/describe.js';
import { matcher } from './model/filter.js';
import { VPC_ID } from './output.js';

interface PriceRow {
  readonly seq: number;
  readonly instanceType: string;
  readonly zone: string;
  readonly price: number;
  readonly atMs: number;
}

const PRODUCT = 'Linux/UNIX';

/** Zones, subnets and the prices of pools. */
export function placeActions(host: Ec2Host): [string, QueryAction][] {
  const { model } = host;
  const { zones, region, accountId } = model.options;
  // `use1-az1` of us-east-1, `apse2-az1` of ap-southeast-2.
  const shortRegion = region
    .replaceAll('-', '')
    .replace(/(north|south|east|west|central)+/, (direction) =>
      direction.replaceAll(/([nsewc])(?:orth|outh|ast|est|entral)/g, '$1'),
    );
  const zoneId = (index: number): string => `${shortRegion}-az${index + 1}`;
  const places = zones.map((zone, index) => ({ ...zone, seq: index + 1, zoneId: zoneId(index) }));
  return [
    [
      'DescribeAvailabilityZones',
      (params) => {
        const names = params.strings('ZoneName');
        const matches = matcher<(typeof places)[number]>(filtersIn(params), {
          'zone-name': ({ name }) => [name],
          'zone-id': (one) => [one.zoneId],
          'region-name': () => [region],
          state: () => ['available'],
          'zone-type': () => ['availability-zone'],
          'opt-in-status': () => ['opt-in-not-required'],
        });
        params.boolean('AllAvailabilityZones');
        refuseDryRun(params);
        params.refuseUnread();
        const unknown = names.find((name) => !places.some((place) => place.name === name));
        if (unknown !== undefined) {
          throw new AwsError('InvalidParameterValue', `Invalid availability zone: [${unknown}]`);
        }
        const found = places.filter((place) => (names.length === 0 || names.includes(place.name)) && matches(place));
        return {
          availabilityZoneInfo: {
            item: found.map((place) => ({
              zoneName: place.name,
              zoneId: place.zoneId,
              zoneState: 'available',
              zoneType: 'availability-zone',
              regionName: region,
              groupName: region,
              networkBorderGroup: region,
              optInStatus: 'opt-in-not-required',
              messageSet: { item: [] },
            })),
          },
        };
      },
    ],
    [
      'DescribeSubnets',
      (params) => {
        const ids = params.strings('SubnetId');
        const isDefault = (id: string): boolean => zones.some(({ subnetId }) => subnetId === id);
        const matches = matcher<(typeof places)[number]>(filtersIn(params), {
          'default-for-az': ({ subnetId }) => [String(isDefault(subnetId))],
          'subnet-id': ({ subnetId }) => [subnetId],
          'vpc-id': () => [VPC_ID],
          'availability-zone': ({ name }) => [name],
          'availability-zone-id': (one) => [one.zoneId],
          state: () => ['available'],
        });
        const paging = pagingIn(params);
        refuseDryRun(params);
        params.refuseUnread();
        const subnets = model.subnets.map((subnet, index) => ({
          ...subnet,
          seq: index + 1,
          zoneId: zoneId(zones.findIndex(({ name }) => name === subnet.name)),
        }));
        const unknown = ids.find((id) => !subnets.some(({ subnetId }) => subnetId === id));
        if (unknown !== undefined) {
          throw new AwsError('InvalidSubnetID.NotFound', `The subnet ID '${unknown}' does not exist`);
        }
        const found = subnets.filter((place) => (ids.length === 0 || ids.includes(place.subnetId)) && matches(place));
        const { items, nextToken } = page(found, paging, 5);
        return {
          subnetSet: {
            item: items.map((place) => ({
              subnetId: place.subnetId,
              subnetArn: `arn:aws:ec2:${region}:${accountId}:subnet/${place.subnetId}`,
              state: 'available',
              vpcId: VPC_ID,
              ownerId: accountId,
              availabilityZone: place.name,
              availabilityZoneId: place.zoneId,
              cidrBlock: `10.0.${place.seq}.0/24`,
              availableIpAddressCount: 240,
              defaultForAz: isDefault(place.subnetId),
              mapPublicIpOnLaunch: isDefault(place.subnetId),
              tagSet: { item: [] },
            })),
          },
          nextToken,
        };
      },
    ],
    [
      'DescribeSpotPriceHistory',
      (params) => {
        const types = params.strings('InstanceType');
        const products = params.strings('ProductDescription');
        const zone = params.string('AvailabilityZone');
        const from = params.time('StartTime');
        const to = params.time('EndTime') ?? Number.POSITIVE_INFINITY;
        const matches = matcher<PriceRow>(filtersIn(params), {
          'availability-zone': (row) => [row.zone],
          'instance-type': (row) => [row.instanceType],
          'product-description': () => [PRODUCT],
          'spot-price': ({ price }) => [price.toFixed(6)],
        });
        const paging = pagingIn(params);
        refuseDryRun(params);
        params.refuseUnread();
        const rows: Omit<PriceRow, 'seq'>[] = [];
        for (const { options, prices } of model.pools.values()) {
          if (types.length > 0 && !types.includes(options.instanceType)) continue;
          if (zone !== undefined && zone !== options.zone) continue;
          if (products.length > 0 && !products.some((product) => product.startsWith(PRODUCT))) continue;
          for (const { atMs, price } of prices) {
            if (atMs > to) continue;
            rows.push({ instanceType: options.instanceType, zone: options.zone, price, atMs });
            // The price at the start is the last one set before it.
            if (from !== undefined && atMs <= from) break;
          }
        }
        rows.sort((a, b) => b.atMs - a.atMs || (`${a.instanceType}${a.zone}` < `${b.instanceType}${b.zone}` ? -1 : 1));
        const found = rows.map((row, i) => ({ ...row, seq: i + 1 })).filter(matches);
        const { items, nextToken } = page(found, paging, 1);
        return {
          spotPriceHistorySet: {
            item: items.map((row) => ({
              instanceType: row.instanceType,
              productDescription: PRODUCT,
              spotPrice: row.price.toFixed(6),
              timestamp: new Date(row.atMs),
              availabilityZone: row.zone,
            })),
          },
          nextToken: nextToken ?? '',
        };
      },
    ],
  ];
}
