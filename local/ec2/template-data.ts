import { AwsError } from '../wire/error.js';
import type { Params } from '../wire/form.js';
import type { XmlObject, XmlValue } from '../wire/xml.js';
import { instanceProfileIn, metadataOptionsIn, tagSpecificationsIn } from './inputs.js';
import { DEFAULT_METADATA } from './model/templates.js';
import type { TemplateData } from './model/types.js';

/**
 * LaunchTemplateData: what has an effect here is read; the rest is kept and described again, as EC2 does, since a
 * template is the user's own and a machine on loopback has no use for most of it.
 */
export function templateDataIn(params: Params): { readonly data: TemplateData; readonly echo: XmlObject } {
  if (params.has('InstanceMarketOptions')) {
    // EC2 takes it, and then refuses the template in every fleet: better said at once.
    throw new AwsError('InvalidParameterValue', 'A launch template for fleets cannot have InstanceMarketOptions');
  }
  const echo = echoOf(params, '');
  const groups = params.strings('SecurityGroupId');
  const nicGroups = params.structs('NetworkInterface').flatMap((nic) => nic.strings('SecurityGroupId'));
  const data: TemplateData = {
    imageId: params.string('ImageId') ?? null,
    instanceType: params.string('InstanceType') ?? null,
    keyName: params.string('KeyName') ?? null,
    userData: params.string('UserData') ?? null,
    securityGroupIds: groups.length > 0 ? groups : nicGroups,
    instanceProfile: instanceProfileIn(params),
    metadata: metadataOptionsIn(params) ?? DEFAULT_METADATA,
    tagSpecifications: tagSpecificationsIn(params),
  };
  params.markRead();
  return { data, echo };
}

/** Names of lists in answers that aren't the request's name with `Set`. */
const LIST_NAMES: Readonly<Record<string, string>> = {
  '/LicenseSpecification': 'licenseSet',
  'NetworkInterface/SecurityGroupId': 'groupSet',
  'NetworkInterface/Ipv6Addresses': 'ipv6AddressesSet',
  'NetworkInterface/PrivateIpAddresses': 'privateIpAddressesSet',
};

function echoOf(params: Params, parent: string): XmlObject {
  const out: Record<string, XmlValue> = {};
  for (const name of params.names()) {
    const members = params.structs(name);
    if (members.length > 0) {
      const strings = params.strings(name);
      const set = LIST_NAMES[`${parent}/${name}`] ?? `${lowerFirst(name)}Set`;
      out[set] = {
        [set === 'groupSet' ? 'groupId' : 'item']: members.map((member, i) =>
          member.names().length > 0 ? echoOf(member, name) : (strings[i] ?? ''),
        ),
      };
    } else if (params.struct(name).names().length > 0) out[lowerFirst(name)] = echoOf(params.struct(name), name);
    else out[lowerFirst(name)] = params.string(name);
  }
  return out;
}

const lowerFirst = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
