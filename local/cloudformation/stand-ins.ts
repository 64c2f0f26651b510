/**
 * What a stack imports from elsewhere, and its nodes can't do without: made up under the same name for as long as the
 * stack stands. Each is said in the stack's notes. Listeners have a file of their own (types/imported.ts), since they come
 * and go with their rules.
 */
import { DescribeSubnetsCommand } from '@aws-sdk/client-ec2';
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  DeleteLoadBalancerCommand,
  DeleteTargetGroupCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { DeleteBucketCommand, DeleteObjectCommand, HeadBucketCommand } from '@aws-sdk/client-s3';
import { type Host, known } from './handler.js';

export class StandIns {
  readonly #host: Pick<Host, 'cloud' | 'clients' | 'note'>;
  /** Load balancers, by the target groups that they send to. */
  readonly #groups = new Map<string, string>();
  readonly #buckets = new Set<string>();

  constructor(host: Pick<Host, 'cloud' | 'clients' | 'note'>) {
    this.#host = host;
  }

  /** With a load balancer that sends every request to it. */
  async targetGroup(arn: string, healthPath: string): Promise<void> {
    const { cloud, clients, note } = this.#host;
    if (cloud.targetGroups().some((one) => one.arn === arn)) return;
    cloud.adoptTargetGroup(arn, healthPath);
    const { Subnets } = await clients.ec2.send(new DescribeSubnetsCommand({}));
    const oneAZone = new Map((Subnets ?? []).map((one) => [one.AvailabilityZone, one.SubnetId ?? '']));
    const name = `imported-group-${this.#groups.size + 1}`;
    const { LoadBalancers } = await clients.elb.send(
      new CreateLoadBalancerCommand({ Name: name, Scheme: 'internal', Subnets: [...oneAZone.values()] }),
    );
    const balancerArn = known(LoadBalancers?.[0]?.LoadBalancerArn, 'load balancer');
    this.#groups.set(arn, balancerArn);
    await clients.elb.send(
      new CreateListenerCommand({
        LoadBalancerArn: balancerArn,
        Protocol: 'HTTP',
        Port: 80,
        DefaultActions: [{ Type: 'forward', TargetGroupArn: arn }],
      }),
    );
    note(
      null,
      `The target group ${arn} is of another stack; the load balancer ${name} sends to it here, and it is checked at ${healthPath} every 5 s.`,
    );
  }

  /** Empty: what lies in the real one, nobody here knows. */
  async bucket(name: string): Promise<void> {
    const { clients, cloud, note } = this.#host;
    try {
      await clients.s3.send(new HeadBucketCommand({ Bucket: name }));
      return;
    } catch (error) {
      if (!(error instanceof Error && error.name === 'NotFound')) throw error;
    }
    cloud.createBucket(name);
    this.#buckets.add(name);
    note(null, `The bucket ${name} is of another stack; an empty one stands for it.`);
  }

  async remove(): Promise<void> {
    const { clients, cloud } = this.#host;
    for (const [arn, balancerArn] of this.#groups) {
      await clients.elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: balancerArn }));
      await clients.elb.send(new DeleteTargetGroupCommand({ TargetGroupArn: arn }));
    }
    this.#groups.clear();
    for (const Bucket of this.#buckets) {
      for (const { bucket, key } of cloud.objects()) {
        if (bucket === Bucket) await clients.s3.send(new DeleteObjectCommand({ Bucket, Key: key }));
      }
      await clients.s3.send(new DeleteBucketCommand({ Bucket }));
    }
    this.#buckets.clear();
  }
}
