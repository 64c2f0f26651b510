/** A web service on six spot nodes behind a load balancer of its own: the least that one has to write. */
import type { aws_ec2 as ec2 } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { SynktiCluster, Workload } from '../../lib/index.js';

export function webService(scope: Construct, vpc: ec2.IVpc): SynktiCluster {
  return new SynktiCluster(scope, 'Web', {
    vpc,
    clusterName: 'web',
    capacity: { desired: 6 },
    workload: Workload.container({
      image: 'public.ecr.aws/nginx/nginx:1.29',
      port: 80,
      healthCheck: { path: '/' },
    }),
  });
}
