import { aws_ec2 as ec2, type aws_iam as iam, type Size, Tags } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { TAG_CLUSTER, TAG_EPOCH } from './names.js';

interface NodeTemplate {
  readonly cluster: string;
  readonly epoch: string;
  readonly machineImage: ec2.IMachineImage;
  readonly rootVolumeSize: Size;
  readonly role: iam.IRole;
  readonly securityGroup: ec2.ISecurityGroup;
  readonly userData: ec2.UserData;
  readonly hopLimit: number;
}

/** The template of every node; agents launch from a pinned version of it. */
export function nodeLaunchTemplate(scope: Construct, node: NodeTemplate): ec2.LaunchTemplate {
  const template = new ec2.LaunchTemplate(scope, 'LaunchTemplate', {
    machineImage: node.machineImage,
    role: node.role,
    securityGroup: node.securityGroup,
    userData: node.userData,
    requireImdsv2: true,
    httpEndpoint: true,
    httpPutResponseHopLimit: node.hopLimit,
    // An agent learns its cluster and its seat from its own tags.
    instanceMetadataTags: true,
    // A node that can't boot gives itself back by powering off.
    instanceInitiatedShutdownBehavior: ec2.InstanceInitiatedShutdownBehavior.TERMINATE,
    blockDevices: [
      {
        deviceName: '/dev/xvda',
        volume: ec2.BlockDeviceVolume.ebs(node.rootVolumeSize.toGibibytes(), {
          volumeType: ec2.EbsDeviceVolumeType.GP3,
          encrypted: true,
          deleteOnTermination: true,
        }),
      },
    ],
  });
  Tags.of(template).add(TAG_CLUSTER, node.cluster);
  Tags.of(template).add(TAG_EPOCH, node.epoch);
  const resource = template.node.defaultChild as ec2.CfnLaunchTemplate;
  // The L2 tags instances (0) and volumes (1). A network interface must carry the cluster's tags, too: the nodes' role
  // allows no launch without them, and who cleans up looks for them.
  resource.addPropertyOverride('LaunchTemplateData.TagSpecifications.2', {
    ResourceType: 'network-interface',
    Tags: [
      { Key: TAG_CLUSTER, Value: node.cluster },
      { Key: TAG_EPOCH, Value: node.epoch },
    ],
  });
  return template;
}
