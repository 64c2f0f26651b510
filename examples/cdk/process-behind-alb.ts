/** A program of one's own, uploaded with the app, on a path of a load balancer that stands already. */
import { aws_ec2 as ec2, aws_elasticloadbalancingv2 as elbv2, type aws_sns as sns } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { FileSource, LoadBalancing, SynktiCluster, Workload } from '../../lib/index.js';

export interface ProcessBehindAlbProps {
  readonly vpc: ec2.IVpc;
  readonly listener: elbv2.IApplicationListener;
  /** Folder with `server.mjs`. */
  readonly program: string;
  readonly alarmTopic: sns.ITopic;
}

export function processBehindAlb(scope: Construct, props: ProcessBehindAlbProps): SynktiCluster {
  const { vpc, listener, program, alarmTopic } = props;
  return new SynktiCluster(scope, 'Api', {
    vpc,
    clusterName: 'api',
    capacity: { desired: 3, architecture: ec2.InstanceArchitecture.ARM_64 },
    workload: Workload.process({
      command: ['/usr/local/bin/synkti-node', '/opt/api/server.mjs'],
      port: 8080,
      healthCheck: { path: '/health' },
      inFlightPath: '/in-flight',
      files: [{ source: FileSource.asset(program), path: '/opt/api' }],
    }),
    loadBalancing: LoadBalancing.listener(listener, {
      priority: 10,
      conditions: [elbv2.ListenerCondition.pathPatterns(['/api/*'])],
    }),
    monitoring: { alarmTopic, dashboard: true },
  });
}
