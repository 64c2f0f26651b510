/** A service, its admin pages and a worker without a port, all on the same nodes. */
import { type aws_ec2 as ec2, aws_elasticloadbalancingv2 as elbv2 } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { LoadBalancing, SynktiCluster, Workload } from '../../lib/index.js';

export function severalWorkloads(scope: Construct, vpc: ec2.IVpc): SynktiCluster {
  const cluster = new SynktiCluster(scope, 'Shop', {
    vpc,
    clusterName: 'shop',
    workload: Workload.container({
      name: 'shop',
      image: 'public.ecr.aws/nginx/nginx:1.29',
      port: 80,
      healthCheck: { path: '/' },
    }),
  });
  if (cluster.listener !== undefined) {
    cluster.addWorkload(
      Workload.container({ name: 'admin', image: 'public.ecr.aws/docker/library/httpd:2.4', port: 8081 }),
      LoadBalancing.listener(cluster.listener, {
        priority: 1,
        conditions: [elbv2.ListenerCondition.pathPatterns(['/admin/*'])],
      }),
    );
  }
  cluster.addWorkload(
    Workload.container({
      name: 'worker',
      image: 'public.ecr.aws/docker/library/busybox:1.37',
      args: ['sh', '-c', 'while sleep 60; do date; done'],
    }),
  );
  return cluster;
}
