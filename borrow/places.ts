/** Where the nodes stand: the VPC and one subnet a zone. The choice is pure; the looking isn't. */
import { DescribeSubnetsCommand, DescribeVpcsCommand } from '@aws-sdk/client-ec2';
import { classify } from '../aws/errors.js';
import type { Aws } from './aws.js';
import { BorrowError } from './error.js';

export interface Subnet {
  readonly id: string;
  readonly vpcId: string;
  readonly zone: string;
  readonly freeAddresses: number;
  /** Whether what is launched there gets a public address. */
  readonly isPublic: boolean;
}

export interface Place {
  readonly vpcId: string;
  readonly cidr: string;
  /** One a zone, by zone. */
  readonly subnets: readonly Subnet[];
}

/** What the wish says of the place. */
export interface PlaceWish {
  readonly region: string;
  readonly vpcId: string | null;
  readonly subnetIds: readonly string[];
  /** A load balancer needs two. */
  readonly zones: number;
}

const MAX_PAGES = 20;

/** @throws BorrowError NETWORK, or what the SDK throws */
export async function findPlace(aws: Aws, wish: PlaceWish, signal: AbortSignal): Promise<Place> {
  const found = wish.subnetIds.length > 0 ? await subnets(aws, { SubnetIds: [...wish.subnetIds] }, signal) : null;
  if (found !== null) {
    const missing = wish.subnetIds.find((id) => !found.some((subnet) => subnet.id === id));
    if (missing !== undefined) throw unknownSubnet(missing, wish.region);
  }
  const vpc = await findVpc(aws, wish.vpcId ?? found?.[0]?.vpcId ?? null, wish.region, signal);
  const all = found ?? (await subnets(aws, { Filters: [{ Name: 'vpc-id', Values: [vpc.id] }] }, signal));
  return { vpcId: vpc.id, cidr: vpc.cidr, subnets: chooseSubnets(all, { ...wish, vpcId: vpc.id }) };
}

/**
 * Given subnets are taken as they are, however they reach AWS; of a whole VPC those that give public addresses. Of several in
 * a zone the one with the most free addresses, ties by id. Pure.
 *
 * @throws BorrowError NETWORK
 */
export function chooseSubnets(all: readonly Subnet[], wish: PlaceWish & { readonly vpcId: string }): Subnet[] {
  const { vpcId, zones } = wish;
  const given = wish.subnetIds.length > 0;
  const stranger = all.find((subnet) => subnet.vpcId !== vpcId);
  if (stranger !== undefined) {
    throw bad(`The subnet ${stranger.id} is in ${stranger.vpcId}, not in ${vpcId}: give subnets of one VPC.`);
  }
  const usable = given ? all : all.filter(({ isPublic }) => isPublic);
  if (usable.length === 0) {
    throw bad(
      `${vpcId} has no subnet that gives public addresses: give the option subnetIds, with subnets that have a way to AWS.`,
    );
  }
  const byZone = new Map<string, Subnet>();
  for (const subnet of usable) {
    const other = byZone.get(subnet.zone);
    if (other === undefined || isBetter(subnet, other)) byZone.set(subnet.zone, subnet);
  }
  if (byZone.size < zones) {
    throw bad(
      `A load balancer needs subnets in two zones, and ${given ? 'the given ones are' : `those of ${vpcId} are`} all in ${[...byZone.keys()].join(', ')}: give more subnetIds, or LoadBalancing.none().`,
    );
  }
  return [...byZone.values()].sort((a, b) => (a.zone < b.zone ? -1 : 1));
}

const isBetter = (a: Subnet, b: Subnet): boolean =>
  a.freeAddresses === b.freeAddresses ? a.id < b.id : a.freeAddresses > b.freeAddresses;

async function findVpc(
  aws: Aws,
  id: string | null,
  region: string,
  signal: AbortSignal,
): Promise<{ readonly id: string; readonly cidr: string }> {
  const query = id === null ? { Filters: [{ Name: 'is-default', Values: ['true'] }] } : { VpcIds: [id] };
  const gone = (): BorrowError =>
    id === null
      ? bad(`${region} has no default VPC: give the option vpcId or subnetIds.`)
      : bad(`There is no VPC ${id} in ${region}: look at the option vpcId, and at the Region.`);
  try {
    const { Vpcs } = await aws.ec2.send(new DescribeVpcsCommand(query), { abortSignal: signal });
    const vpc = Vpcs?.[0];
    if (vpc?.VpcId === undefined) throw gone();
    return { id: vpc.VpcId, cidr: vpc.CidrBlock ?? '' };
  } catch (error) {
    if (classify(error).code.startsWith('InvalidVpcID')) throw gone();
    throw error;
  }
}

async function subnets(
  aws: Aws,
  query: { readonly SubnetIds?: string[]; readonly Filters?: { Name: string; Values: string[] }[] },
  signal: AbortSignal,
): Promise<Subnet[]> {
  const found: Subnet[] = [];
  let NextToken: string | undefined;
  try {
    for (let page = 0; page < MAX_PAGES; page++) {
      const answer = await aws.ec2.send(new DescribeSubnetsCommand({ ...query, NextToken }), { abortSignal: signal });
      for (const subnet of answer.Subnets ?? []) {
        const { SubnetId, VpcId, AvailabilityZone, AvailableIpAddressCount, MapPublicIpOnLaunch } = subnet;
        if (SubnetId === undefined || VpcId === undefined || AvailabilityZone === undefined) continue;
        found.push({
          id: SubnetId,
          vpcId: VpcId,
          zone: AvailabilityZone,
          freeAddresses: AvailableIpAddressCount ?? 0,
          isPublic: MapPublicIpOnLaunch ?? false,
        });
      }
      NextToken = answer.NextToken;
      if (NextToken === undefined) break;
    }
  } catch (error) {
    const { code, message } = classify(error);
    const id = /subnet-[0-9a-z-]+/.exec(message)?.[0] ?? query.SubnetIds?.[0];
    if (code.startsWith('InvalidSubnetID') && id !== undefined) throw unknownSubnet(id, aws.region);
    throw error;
  }
  return found;
}

const unknownSubnet = (id: string, region: string): BorrowError =>
  bad(`There is no subnet ${id} in ${region}: look at the option subnetIds, and at the Region.`);

const bad = (message: string): BorrowError => new BorrowError('NETWORK', message);
