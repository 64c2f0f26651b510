/**
 * A listener of another stack, which a rule of this one names: a load balancer of the rehearsal's own stands for it, so
 * that requests get to the rule. It goes with the last rule.
 */
import { DescribeSubnetsCommand } from '@aws-sdk/client-ec2';
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  DeleteLoadBalancerCommand,
  DescribeListenersCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { type Host, known } from '../handler.js';

export interface ImportedListener {
  readonly arn: string;
  readonly balancerArn: string;
  /** Rules that hang on it. */
  rules: number;
}

/** The listener itself when it is of this cloud, else its stand-in. */
export async function listenerFor(
  host: Host,
  arn: string,
): Promise<{ readonly arn: string; readonly imported: boolean }> {
  const imported = host.importedListeners.get(arn);
  if (imported !== undefined) {
    imported.rules++;
    return { arn: imported.arn, imported: true };
  }
  if (await stands(host, arn)) return { arn, imported: false };
  const { ec2, elb } = host.clients;
  const { Subnets } = await ec2.send(new DescribeSubnetsCommand({}));
  const oneAZone = new Map((Subnets ?? []).map((one) => [one.AvailabilityZone, one.SubnetId ?? '']));
  const name = `imported-${host.importedListeners.size + 1}`;
  const { LoadBalancers } = await elb.send(
    new CreateLoadBalancerCommand({ Name: name, Scheme: 'internal', Subnets: [...oneAZone.values()] }),
  );
  const balancerArn = known(LoadBalancers?.[0]?.LoadBalancerArn, 'load balancer');
  const { Listeners } = await elb.send(
    new CreateListenerCommand({
      LoadBalancerArn: balancerArn,
      Protocol: 'HTTP',
      Port: 80,
      DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }],
    }),
  );
  const own = known(Listeners?.[0]?.ListenerArn, 'listener');
  host.importedListeners.set(arn, { arn: own, balancerArn, rules: 1 });
  host.note(null, `The listener ${arn} is of another stack; the load balancer ${name} stands for it.`);
  return { arn: own, imported: true };
}

/** A rule of a stand-in is gone. */
export async function letGo(host: Host, arn: string): Promise<void> {
  const imported = host.importedListeners.get(arn);
  if (imported === undefined || --imported.rules > 0) return;
  host.importedListeners.delete(arn);
  await host.clients.elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: imported.balancerArn }));
}

async function stands(host: Host, arn: string): Promise<boolean> {
  try {
    await host.clients.elb.send(new DescribeListenersCommand({ ListenerArns: [arn] }));
    return true;
  } catch (error) {
    if (error instanceof Error && /ListenerNotFound/.test(error.name)) return false;
    throw error;
  }
}
