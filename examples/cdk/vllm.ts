/**
 * A language model served by vLLM on spot GPU nodes. The model lies in a bucket, so that a new node doesn't fetch it from
 * the Internet, and two of the nodes are always on-demand.
 */
import { Duration, aws_ec2 as ec2, Size, type aws_s3 as s3 } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { FileSource, RebalancePolicy, SynktiCluster, Workload } from '../../lib/index.js';

export function vllm(scope: Construct, vpc: ec2.IVpc, models: s3.IBucket): SynktiCluster {
  return new SynktiCluster(scope, 'Model', {
    vpc,
    clusterName: 'llama',
    capacity: {
      desired: 4,
      onDemandBase: 2,
      // One GPU with 22 GiB and more; EC2 names the types that have it.
      requirements: {
        vCpuMin: 4,
        memoryMin: Size.gibibytes(16),
        acceleratorCountMin: 1,
        acceleratorCountMax: 1,
        acceleratorNames: [ec2.AcceleratorName.A10G, ec2.AcceleratorName.L4, ec2.AcceleratorName.L40S],
      },
    },
    machine: { rootVolumeSize: Size.gibibytes(150) },
    workload: Workload.container({
      image: 'public.ecr.aws/deep-learning-containers/vllm:0.11-gpu-py312',
      args: ['--model', '/models/llama-3.1-8b-instruct', '--port', '8000'],
      port: 8000,
      gpus: 1,
      healthCheck: { path: '/health' },
      files: [{ source: FileSource.bucket(models, 'llama-3.1-8b-instruct'), path: '/models/llama-3.1-8b-instruct' }],
      // An answer may take a while to be written.
      stopGrace: Duration.seconds(60),
    }),
    failover: {
      // A model takes minutes to load: an early warning is worth a spare node.
      rebalance: RebalancePolicy.PRE_WARM,
      bootPatience: Duration.minutes(20),
    },
  });
}
