/** An example app: a web service on six spot nodes behind a load balancer, in a VPC of its own. */
import { App, aws_ec2 as ec2, Stack, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { SynktiCluster, Workload } from '../lib/index.js';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

const region = process.env.CDK_DEFAULT_REGION ?? 'us-east-1';
const stack = new Stack(app, 'SynktiExample', { env: { region } });
const vpc = new ec2.Vpc(stack, 'Vpc', {
  // Named, not counted: CDK would have to ask the account for a third zone.
  availabilityZones: ['a', 'b', 'c'].map((zone) => `${region}${zone}`),
  natGateways: 1,
});
Validations.of(vpc).acknowledge({
  id: 'AwsSolutions-VPC7',
  reason: 'An example to try: flow logs cost more than the rest of the VPC.',
});

new SynktiCluster(stack, 'Web', {
  vpc,
  clusterName: 'web',
  capacity: { desired: 6 },
  workload: Workload.container({
    image: 'public.ecr.aws/nginx/nginx:1.29',
    port: 80,
    healthCheck: { path: '/' },
  }),
});
