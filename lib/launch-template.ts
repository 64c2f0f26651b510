import { aws_ec2 as ec2, type aws_iam as iam, Lazy, Stack, Tags } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { MachineOptions } from './machine.js';
import { TAG_CLUSTER, TAG_EPOCH } from './names.js';
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
  const itsEpoch = epoch(Stack.of(scope));
  Tags.of(template).add(TAG_CLUSTER, node.cluster);
  Tags.of(template).add(TAG_EPOCH, itsEpoch);
  const resource = template.node.defaultChild as ec2.CfnLaunchTemplate;
  // The L2 tags instances (0) and volumes (1). A network interface must carry the cluster's tags, too: the nodes' role
  // allows no launch without them, and who cleans up looks for them.
  resource.addPropertyOverride('LaunchTemplateData.TagSpecifications.2', {
    ResourceType: 'network-interface',
    Tags: [
      { Key: TAG_CLUSTER, Value: node.cluster },
      { Key: TAG_EPOCH, Value: itsEpoch },
    ],
  });
  return template;
}

/** Lets containers on a bridge network reach the metadata service: one hop more. */
export function allowContainersMetadata(template: ec2.LaunchTemplate): void {
  const resource = template.node.defaultChild as ec2.CfnLaunchTemplate;
  resource.addPropertyOverride('LaunchTemplateData.MetadataOptions.HttpPutResponseHopLimit', 2);
}
