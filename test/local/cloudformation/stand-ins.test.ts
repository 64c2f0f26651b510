/** What a stack imports, made up for it, and gone with it. */
import { DescribeTargetHealthCommand, RegisterTargetsCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type LocalCloud, startLocalCloud } from '../../../local/cloud.js';
import { type Clients, openClients } from '../../../local/cloudformation/clients.js';
import { placesOf } from '../../../local/cloudformation/places.js';
import { StandIns } from '../../../local/cloudformation/stand-ins.js';

const ARN = 'arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/shared/6d0ecf831eec9f09';
const zones = [{ name: 'eu-west-1a', subnetId: 'subnet-a' }];

let cloud: LocalCloud;
let clients: Clients;
let notes: string[];
let standIns: StandIns;
beforeEach(async () => {
  cloud = await startLocalCloud({ seed: 1, region: 'eu-west-1', zones, pools: [], machine: null });
  clients = openClients(cloud);
  notes = [];
  standIns = new StandIns({ cloud, clients, note: (_id, text) => notes.push(text) });
});
afterEach(async () => {
  clients.close();
  await cloud.stop();
});

it('is a target group under its own ARN, with a load balancer before it', async () => {
  await standIns.targetGroup(ARN, '/health');
  await standIns.targetGroup(ARN, '/health');
  expect(cloud.targetGroups().map(({ arn, name }) => [arn, name])).toEqual([[ARN, 'shared']]);
  expect(cloud.balancers().map(({ name }) => name)).toEqual(['imported-group-1']);
  expect(notes).toEqual([expect.stringMatching(/shared\/6d0ecf831eec9f09 is of another stack.* checked at \/health/)]);
  const targets = { TargetGroupArn: ARN, Targets: [{ Id: 'i-0123456789abcdef0', Port: 8080 }] };
  await expect(clients.elb.send(new RegisterTargetsCommand(targets))).rejects.toMatchObject({
    name: 'InvalidTargetException',
  });
  const health = await clients.elb.send(new DescribeTargetHealthCommand({ TargetGroupArn: ARN }));
  expect(health.TargetHealthDescriptions ?? []).toEqual([]);
  await standIns.remove();
  expect(cloud.targetGroups()).toEqual([]);
  expect(cloud.balancers()).toEqual([]);
});

it('is an empty bucket, but never in the place of one that stands', async () => {
  cloud.createBucket('own');
  await standIns.bucket('own');
  await standIns.bucket('models');
  await standIns.bucket('models');
  expect(notes).toEqual(['The bucket models is of another stack; an empty one stands for it.']);
  for (const Bucket of ['own', 'models']) await clients.s3.send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'x' }));
  await standIns.remove();
  expect(cloud.objects().map(({ bucket }) => bucket)).toEqual(['own']);
});

it('is known before the deployment: the workloads name what the template makes only by reference', () => {
  const workload = { kind: 'process', name: 'a', command: ['x'], port: 80, health: { path: '/up' } };
  const spec = (groups: string): string =>
    `{"format":1,"version":1,"cluster":"web","epoch":"e","desired":1,"launch":{"instanceTypes":["m7g.large"],"subnets":[{"zone":"eu-west-1b","subnetId":"subnet-x"}]},"workloads":[${JSON.stringify(workload).slice(0, -1)},"targetGroupArns":[${groups}]}]}`;
  const places = placesOf(
    {
      Resources: {
        Targets: { Type: 'AWS::ElasticLoadBalancingV2::TargetGroup' },
        Spec: {
          Type: 'AWS::SSM::Parameter',
          Properties: {
            Name: '/synkti/web/spec',
            Type: 'String',
            Value: { 'Fn::Sub': spec(`"${ARN}","\${Targets}"`) },
          },
        },
      },
    },
    { region: 'eu-west-1' },
  );
  expect(places.targetGroups).toEqual([{ arn: ARN, healthPath: '/up' }]);
  expect(places.pools).toEqual([{ instanceType: 'm7g.large', zone: 'eu-west-1b' }]);
  expect(places.subnets).toEqual([{ subnetId: 'subnet-x', zone: 'eu-west-1b' }]);
});
