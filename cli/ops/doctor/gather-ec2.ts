import {
  type _InstanceType,
  DescribeImagesCommand,
  DescribeInstanceTypesCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  GetSpotPlacementScoresCommand,
} from '@aws-sdk/client-ec2';
import { classify } from '../../../aws/errors.js';
import type { Spec } from '../../../core/spec/spec.js';
import type { Session } from '../../aws/session.js';
import { inParallel } from '../../parallel.js';
import type { ImageFacts, RuleFacts, ScoreFacts, SubnetFacts, TemplateFacts, TypeFacts } from './facts.js';

const typesOf = (spec: Spec): _InstanceType[] => [
  ...new Set(spec.launch.pools.map(({ instanceType }) => instanceType as _InstanceType)),
];

/** DescribeInstanceTypes takes 100 at most. */
const TYPES_AT_ONCE = 100;

export async function readTypes(session: Session, spec: Spec): Promise<TypeFacts[]> {
  const ec2 = await session.client('ec2');
  const types = typesOf(spec);
  const pages = Array.from({ length: Math.ceil(types.length / TYPES_AT_ONCE) }, (_, i) =>
    types.slice(i * TYPES_AT_ONCE, (i + 1) * TYPES_AT_ONCE),
  );
  const answers = await inParallel(pages, (InstanceTypes) =>
    ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes })),
  );
  return answers
    .flatMap((answer) => answer.InstanceTypes ?? [])
    .flatMap(({ InstanceType, VCpuInfo, ProcessorInfo }) => {
      const vCpus = VCpuInfo?.DefaultVCpus;
      if (InstanceType === undefined || vCpus === undefined) return [];
      return [{ instanceType: InstanceType, vCpus, architectures: ProcessorInfo?.SupportedArchitectures ?? [] }];
    });
}

/** Those that are there: EC2 refuses a list with one that isn't, so they are found by filter. */
export async function readSubnets(session: Session, spec: Spec): Promise<SubnetFacts[]> {
  const ec2 = await session.client('ec2');
  const ids = [...new Set(spec.launch.pools.map(({ subnetId }) => subnetId))];
  const answer = await ec2.send(new DescribeSubnetsCommand({ Filters: [{ Name: 'subnet-id', Values: ids }] }));
  return (answer.Subnets ?? []).flatMap(
    ({ SubnetId, AvailabilityZone, AvailabilityZoneId, VpcId, AvailableIpAddressCount }) => {
      if (SubnetId === undefined || AvailabilityZone === undefined) return [];
      return [
        {
          subnetId: SubnetId,
          zone: AvailabilityZone,
          zoneId: AvailabilityZoneId ?? null,
          vpcId: VpcId ?? '',
          freeAddresses: AvailableIpAddressCount ?? 0,
        },
      ];
    },
  );
}

const MAX_FILES = 50;

export async function readTemplate(session: Session, spec: Spec): Promise<TemplateFacts | null> {
  const ec2 = await session.client('ec2');
  const { templateId, templateVersion } = spec.launch;
  try {
    const answer = await ec2.send(
      new DescribeLaunchTemplateVersionsCommand({
        LaunchTemplateId: templateId,
        Versions: [String(templateVersion), '$Latest'],
      }),
    );
    const versions = answer.LaunchTemplateVersions ?? [];
    const data = versions.find(({ VersionNumber }) => VersionNumber === templateVersion)?.LaunchTemplateData;
    if (data === undefined) return null;
    const ownGroups = data.SecurityGroupIds ?? [];
    const nicGroups = (data.NetworkInterfaces ?? []).flatMap(({ Groups }) => Groups ?? []);
    return {
      imageId: data.ImageId ?? null,
      instanceProfile: data.IamInstanceProfile?.Arn ?? data.IamInstanceProfile?.Name ?? null,
      securityGroupIds: ownGroups.length > 0 ? ownGroups : nicGroups,
      tokensRequired: data.MetadataOptions?.HttpTokens === 'required',
      tagsInMetadata: data.MetadataOptions?.InstanceMetadataTags === 'enabled',
      files: filesIn(data.UserData ?? ''),
      newestVersion: Math.max(0, ...versions.map(({ VersionNumber }) => VersionNumber ?? 0)) || null,
    };
  } catch (error) {
    if (/^InvalidLaunchTemplateId/.test(classify(error).code)) return null;
    throw error;
  }
}

/** `s3://bucket/key` of a script, given as base64. */
export function filesIn(userData: string): string[] {
  const script = Buffer.from(userData, 'base64').toString('utf8');
  const found = script.match(/s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/[^\s'"`$\\;|&<>()]+/g) ?? [];
  return [...new Set(found)].slice(0, MAX_FILES);
}

export async function readImage(session: Session, imageId: string | null): Promise<ImageFacts | null> {
  // `resolve:ssm:...` is resolved by EC2 at the launch.
  if (imageId === null || !imageId.startsWith('ami-')) return null;
  const ec2 = await session.client('ec2');
  try {
    const answer = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
    const [image] = answer.Images ?? [];
    if (image === undefined) return null;
    return { imageId, state: image.State ?? 'unknown', architecture: image.Architecture ?? 'unknown' };
  } catch (error) {
    if (/^InvalidAMIID/.test(classify(error).code)) return null;
    throw error;
  }
}

export async function readRules(session: Session, groupIds: readonly string[]): Promise<RuleFacts[]> {
  if (groupIds.length === 0) return [];
  const ec2 = await session.client('ec2');
  const answer = await ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [...groupIds] }));
  return (answer.SecurityGroups ?? []).flatMap(({ GroupId, IpPermissions }) =>
    (IpPermissions ?? []).map((rule) => ({
      groupId: GroupId ?? '',
      protocol: rule.IpProtocol ?? '',
      fromPort: rule.FromPort ?? null,
      toPort: rule.ToPort ?? null,
      groups: (rule.UserIdGroupPairs ?? []).flatMap((pair) => pair.GroupId ?? []),
      cidrs: [
        ...(rule.IpRanges ?? []).flatMap(({ CidrIp }) => CidrIp ?? []),
        ...(rule.Ipv6Ranges ?? []).flatMap(({ CidrIpv6 }) => CidrIpv6 ?? []),
      ],
    })),
  );
}

/** Scores of zones, for all nodes at once. */
export async function readScores(session: Session, spec: Spec): Promise<ScoreFacts[]> {
  const ec2 = await session.client('ec2');
  const answer = await ec2.send(
    new GetSpotPlacementScoresCommand({
      InstanceTypes: typesOf(spec),
      TargetCapacity: Math.max(1, spec.desired),
      SingleAvailabilityZone: true,
      RegionNames: [session.region],
    }),
  );
  return (answer.SpotPlacementScores ?? []).flatMap(({ AvailabilityZoneId, Score }) =>
    AvailabilityZoneId === undefined || Score === undefined ? [] : [{ zoneId: AvailabilityZoneId, score: Score }],
  );
}
