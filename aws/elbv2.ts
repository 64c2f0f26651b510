import {
  DeregisterTargetsCommand,
  ElasticLoadBalancingV2Client,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { type ClientConfig, clientOptions } from './client.js';

/** Target groups. Both calls may be repeated: the state asked for is what counts. */
export interface Elbv2 {
  register(targetGroupArn: string, instanceId: string, port: number, signal: AbortSignal): Promise<null>;
  /** Of a target that isn't registered: succeeds. */
  deregister(targetGroupArn: string, instanceId: string, port: number, signal: AbortSignal): Promise<null>;
  close(): void;
}

export const elbv2Client = (config: ClientConfig): ElasticLoadBalancingV2Client =>
  new ElasticLoadBalancingV2Client(clientOptions(config, 2));

export function createElbv2(client: ElasticLoadBalancingV2Client): Elbv2 {
  const input = (TargetGroupArn: string, Id: string, Port: number) => ({ TargetGroupArn, Targets: [{ Id, Port }] });
  return {
    async register(arn, id, port, signal) {
      await client.send(new RegisterTargetsCommand(input(arn, id, port)), { abortSignal: signal });
      return null;
    },
    async deregister(arn, id, port, signal) {
      await client.send(new DeregisterTargetsCommand(input(arn, id, port)), { abortSignal: signal });
      return null;
    },
    close: () => client.destroy(),
  };
}
