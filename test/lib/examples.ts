import { join } from 'node:path';
import {
  type App,
  aws_ec2 as ec2,
  aws_elasticloadbalancingv2 as elbv2,
  aws_iam as iam,
  Stack,
  aws_s3 as s3,
  aws_sns as sns,
  Validations,
} from 'aws-cdk-lib';
import { gpuBatch } from '../../examples/cdk/gpu-batch.js';
import { processBehindAlb } from '../../examples/cdk/process-behind-alb.js';
import { severalWorkloads } from '../../examples/cdk/several-workloads.js';
import { vllm } from '../../examples/cdk/vllm.js';
import { webService } from '../../examples/cdk/web-service.js';
import type { SynktiCluster } from '../../lib/index.js';

/** Each example in a stack of its own; what it needs from elsewhere is imported, so that only Synkti is judged. */
export const EXAMPLES: Readonly<Record<string, (app: App) => SynktiCluster>> = {
  'web-service': (app) => {
    const stack = newStack(app, 'WebService');
    return webService(stack, importedVpc(stack));
  },
  vllm: (app) => {
    const stack = newStack(app, 'Vllm');
    return vllm(stack, importedVpc(stack), s3.Bucket.fromBucketName(stack, 'Models', 'my-models'));
  },
  'process-behind-alb': (app) => {
    const stack = newStack(app, 'ProcessBehindAlb');
    return processBehindAlb(stack, {
      vpc: importedVpc(stack),
      listener: elbv2.ApplicationListener.fromApplicationListenerAttributes(stack, 'Listener', {
        listenerArn:
          'arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/shared/50dc6c495c0c9188/f2f7dc8efc522ab2',
        securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'Balancer', 'sg-0123456789abcdef0'),
      }),
      program: join(import.meta.dirname, 'bundles'),
      alarmTopic: sns.Topic.fromTopicArn(stack, 'Alarms', 'arn:aws:sns:eu-west-1:111122223333:alarms'),
    });
  },
  'several-workloads': (app) => {
    const stack = newStack(app, 'SeveralWorkloads');
    return severalWorkloads(stack, importedVpc(stack));
  },
  'gpu-batch': (app) => {
    const stack = newStack(app, 'GpuBatch');
    const data = s3.Bucket.fromBucketName(stack, 'Data', 'my-data');
    const ci = iam.Role.fromRoleArn(stack, 'Ci', 'arn:aws:iam::111122223333:role/ci');
    Validations.of(ci).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'EC2 shows prices to all or none.',
    });
    return gpuBatch(stack, importedVpc(stack), data, ci);
  },
};

function newStack(app: App, id: string): Stack {
  return new Stack(app, id, { env: { region: 'eu-west-1' } });
}

function importedVpc(stack: Stack): ec2.IVpc {
  const zones = ['a', 'b', 'c'];
  return ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
    vpcId: 'vpc-0123456789abcdef0',
    vpcCidrBlock: '10.0.0.0/16',
    availabilityZones: zones.map((zone) => `eu-west-1${zone}`),
    publicSubnetIds: zones.map((zone) => `subnet-0123456789abcde1${zone}`),
    publicSubnetRouteTableIds: zones.map((zone) => `rtb-0123456789abcde1${zone}`),
    privateSubnetIds: zones.map((zone) => `subnet-0123456789abcde0${zone}`),
    privateSubnetRouteTableIds: zones.map((zone) => `rtb-0123456789abcde0${zone}`),
  });
}
