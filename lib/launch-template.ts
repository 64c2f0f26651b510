import { aws_ec2 as ec2, type aws_iam as iam, Lazy, Stack, TagManager, Tags } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { MachineOptions } from './machine.js';
import { REQUEST_TAGS, TAG_CLUSTER, TAG_EPOCH } from './names.js';
import { epoch } from './spec-json.js';

interface NodeTemplate extends Required<MachineOptions> {
  readonly cluster: string;
  readonly role: iam.IRole;
  readonly securityGroup: ec2.ISecurityGroup;
  /** Asked for at synth, when all workloads are known. */
  readonly userData: () => string;
}

/** The template of every node; agents launch from a pinned version of it. */
export function nodeLaunchTemplate(scope: Construct, node: NodeTemplate): ec2.LaunchTemplate {
  const template = new ec2.LaunchTemplate(scope, 'LaunchTemplate', {
    machineImage: node.image,
    role: node.role,
    securityGroup: node.securityGroup,
    userData: ec2.UserData.custom(Lazy.string({ produce: node.userData })),
    requireImdsv2: true,
    httpEndpoint: true,
    httpPutResponseHopLimit: 1,
    // An agent learns its cluster and its seat from its own tags.
    instanceMetadataTags: true,
    // A node that can't boot gives itself back by powering off.
    instanceInitiatedShutdownBehavior: ec2.InstanceInitiatedShutdownBehavior.TERMINATE,
    blockDevices: [
      {
        deviceName: node.rootDeviceName,
        volume: ec2.BlockDeviceVolume.ebs(node.rootVolumeSize.toGibibytes(), {
          volumeType: ec2.EbsDeviceVolumeType.GP3,
          encrypted: true,
          deleteOnTermination: true,
        }),
      },
    ],
  });
  Tags.of(template).add(TAG_CLUSTER, node.cluster);
  Tags.of(template).add(TAG_EPOCH, epoch(Stack.of(scope)));
  const resource = template.node.defaultChild as ec2.CfnLaunchTemplate;
  resource.addPropertyOverride(
    'LaunchTemplateData.TagSpecifications',
    Lazy.any({ produce: () => tagSpecifications(TagManager.of(template)?.renderTags() ?? []) }),
  );
  return template;
}

/**
 * A volume and a network interface get the cluster's tags from here: the nodes' role allows no launch without them, and
 * who cleans up looks for them. An instance gets from here only what the app adds: AWS doesn't say what becomes of a key
 * that both the template and the launch request give.
 */
function tagSpecifications(tags: readonly Tag[]): readonly object[] {
  const specification = (ResourceType: string, Tags: readonly Tag[]): readonly object[] =>
    Tags.length === 0 ? [] : [{ ResourceType, Tags }];
  const added = tags.filter(({ Key }) => !REQUEST_TAGS.includes(Key));
  return [
    ...specification('instance', added),
    ...specification('volume', tags),
    ...specification('network-interface', tags),
  ];
}

interface Tag {
  readonly Key: string;
  readonly Value: string;
}

/** Lets containers on a bridge network reach the metadata service: one hop more. */
export function allowContainersMetadata(template: ec2.LaunchTemplate): void {
  const resource = template.node.defaultChild as ec2.CfnLaunchTemplate;
  resource.addPropertyOverride('LaunchTemplateData.MetadataOptions.HttpPutResponseHopLimit', 2);
}
