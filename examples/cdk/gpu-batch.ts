/**
 * GPU batch tasks on spot nodes: a queue that `synkti submit` fills, with data in a bucket and a role for CI that may
 * submit. With `--cluster training`:
 *
 *     {"id": "tune-7b", "image": "...", "gpus": 1, "gpuMemory": "20GiB", "checkpoint": "ckpt", "expected": "10h"}
 */
import { Duration, aws_ec2 as ec2, type aws_iam as iam, Size, type aws_s3 as s3 } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { RebalancePolicy, SynktiCluster, Workload } from '../../lib/index.js';

export function gpuBatch(scope: Construct, vpc: ec2.IVpc, data: s3.IBucket, ci: iam.IRole): SynktiCluster {
  const cluster = new SynktiCluster(scope, 'Training', {
    vpc,
    clusterName: 'training',
    capacity: {
      desired: 4,
      instanceTypes: ['g5.xlarge', 'g5.2xlarge', 'g6.xlarge', 'g6.2xlarge'].map((name) => new ec2.InstanceType(name)),
      // Tasks can wait for spot capacity; those with a deadline ask for on-demand nodes themselves.
      spotAttempts: 20,
    },
    machine: { rootVolumeSize: Size.gibibytes(200) },
    workload: Workload.tasks({
      // Of the smallest type: 24 GB of GPU memory, 16 GiB of memory.
      gpuMemory: Size.gibibytes(22),
      memory: Size.gibibytes(13),
      maxTasksPerNode: 2,
      environment: { HF_HUB_OFFLINE: '1' },
      dataBuckets: [data],
      keepEnded: Duration.days(365),
    }),
    // A task moves by its checkpoint; a spare node would only wait.
    failover: { rebalance: RebalancePolicy.IGNORE },
  });
  cluster.grantSubmit(ci);
  return cluster;
}
