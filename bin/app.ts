/** An example app: a web service on six spot nodes behind a load balancer. */
import { App, aws_ec2 as ec2, Stack } from 'aws-cdk-lib';
import { SynktiCluster, Workload } from '../lib/index.js';

const app = new App();
const region = process.env.CDK_DEFAULT_REGION ?? 'us-east-1';
const stack = new Stack(app, 'SynktiExample', { env: { region } });

const vpc = new ec2.Vpc(stack, 'Vpc', {
  // Named, not counted: CDK would have to ask the account for a third zone.
  availabilityZones: ['a', 'b', 'c'].map((zone) => `${region}${zone}`),
  natGateways: 1,
});

new SynktiCluster(stack, 'Web', {
  vpc,
  clusterName: 'example',
  capacity: { desired: 6 },
  workload: Workload.container({
    image: 'public.ecr.aws/nginx/nginx:1.29',
    port: 80,
    healthCheck: { path: '/' },
  }),
});
