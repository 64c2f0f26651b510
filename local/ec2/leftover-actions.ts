import { AwsError } from '../wire/error.js';
import type { QueryAction } from '../wire/query-service.js';
import type { XmlObject } from '../wire/xml.js';
import type { Ec2Host } from './host.js';
import { filtersIn, pagingIn, refuseDryRun } from './inputs.js';
import { page } from './model/describe.js';
import { matcher } from './model/filter.js';
import type { Leftover } from './model/types.js';
import { tagSet, VPC_ID } from './output.js';

/**
 * Volumes and network interfaces. Machines here are processes without disks, so all that there is are those that an
 * instance left behind.
 */
export function leftoverActions(host: Ec2Host): [string, QueryAction][] {
  return [
    describe(host, 'volume', 'DescribeVolumes', 'VolumeId', 'volumeSet', (one) => ({
      volumeId: one.id,
      status: 'available',
      size: 8,
      volumeType: 'gp3',
      encrypted: true,
      availabilityZone: one.zone,
      createTime: new Date(one.createTimeMs),
      attachmentSet: { item: [] },
      tagSet: tagSet(one.tags),
    })),
    describe(
      host,
      'network-interface',
      'DescribeNetworkInterfaces',
      'NetworkInterfaceId',
      'networkInterfaceSet',
      (one) => ({
        networkInterfaceId: one.id,
        status: 'available',
        availabilityZone: one.zone,
        subnetId: host.model.options.zones.find(({ name }) => name === one.zone)?.subnetId,
        vpcId: VPC_ID,
        interfaceType: 'interface',
        tagSet: tagSet(one.tags),
      }),
    ),
    remove(host, 'volume', 'DeleteVolume', 'VolumeId', 'InvalidVolume.NotFound'),
    remove(
      host,
      'network-interface',
      'DeleteNetworkInterface',
      'NetworkInterfaceId',
      'InvalidNetworkInterfaceID.NotFound',
    ),
  ];
}

function describe(
  { model }: Ec2Host,
  kind: Leftover['kind'],
  action: string,
  idName: string,
  setName: string,
  xml: (one: Leftover) => XmlObject,
): [string, QueryAction] {
  return [
    action,
    (params) => {
      const ids = params.strings(idName);
      const matches = matcher<Leftover & { seq: number }>(filtersIn(params), {
        status: () => ['available'],
        'availability-zone': ({ zone }) => [zone],
      });
      const paging = pagingIn(params);
      params.boolean('IncludeManagedResources');
      refuseDryRun(params);
      params.refuseUnread();
      const all = [...model.leftovers.values()].filter((one) => one.kind === kind);
      const found = all
        .filter(({ id }) => ids.length === 0 || ids.includes(id))
        .map((one, i) => ({ ...one, seq: i + 1 }))
        .filter(matches);
      const { items, nextToken } = page(found, paging, 5);
      return { [setName]: { item: items.map(xml) }, nextToken };
    },
  ];
}

function remove(
  { model }: Ec2Host,
  kind: Leftover['kind'],
  action: string,
  idName: string,
  notFound: string,
): [string, QueryAction] {
  return [
    action,
    (params) => {
      const id = params.required(idName);
      params.refuseUnread();
      refuseDryRun(params);
      if (model.leftovers.get(id)?.kind !== kind) {
        throw new AwsError(notFound, `The ${kind} '${id.slice(0, 100)}' does not exist.`);
      }
      model.leftovers.delete(id);
      return { return: true };
    },
  ];
}
