import { aws_ec2 as ec2, Size } from 'aws-cdk-lib';
import type { Capacity } from './capacity.js';

/** The machine that a node is. */
export interface MachineOptions {
  /**
   * Machine image. It needs systemd, and Node.js 20.19 or newer or else Amazon Linux's `dnf` to install it with; for
   * containers also Docker or `dnf`.
   *
   * @default - Amazon Linux 2023; with GPUs the Deep Learning Base image of it, which has NVIDIA's drivers and Docker
   */
  readonly image?: ec2.IMachineImage;
  /**
   * Size of the root volume, where images, models and data lie. At least the size of the image's own.
   *
   * @default - 20 GiB; with GPUs 100 GiB
   */
  readonly rootVolumeSize?: Size;
  /**
   * Device name of the root volume in the image.
   *
   * @default '/dev/xvda'
   */
  readonly rootDeviceName?: string;
  /**
   * Leave a node that can't boot, or whose agent keeps crashing, as it is, to look at it. It costs until it is ended by
   * hand.
   *
   * @default false
   */
  readonly keepBrokenNodes?: boolean;
}

/** {@link MachineOptions} with their defaults. */
export function resolveMachine(options: MachineOptions, capacity: Capacity): Required<MachineOptions> {
  const { architecture, gpu } = capacity;
  return {
    image: options.image ?? (gpu ? gpuImage(architecture) : plainImage(architecture)),
    rootVolumeSize: options.rootVolumeSize ?? Size.gibibytes(gpu ? 100 : 20),
    rootDeviceName: options.rootDeviceName ?? '/dev/xvda',
    keepBrokenNodes: options.keepBrokenNodes ?? false,
  };
}

const isArm = (architecture: ec2.InstanceArchitecture): boolean => architecture === ec2.InstanceArchitecture.ARM_64;

const plainImage = (architecture: ec2.InstanceArchitecture): ec2.IMachineImage =>
  ec2.MachineImage.latestAmazonLinux2023({
    cpuType: isArm(architecture) ? ec2.AmazonLinuxCpuType.ARM_64 : ec2.AmazonLinuxCpuType.X86_64,
  });

const gpuImage = (architecture: ec2.InstanceArchitecture): ec2.IMachineImage =>
  ec2.MachineImage.fromSsmParameter(
    `/aws/service/deeplearning/ami/${isArm(architecture) ? 'arm64' : 'x86_64'}/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id`,
  );
