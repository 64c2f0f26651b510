import type { CloudCall, CloudOp, CloudValues, Outcome } from '../core/cloud.js';
import { type ClientConfig, lazy } from './client.js';
import { createEc2, ec2Client } from './ec2.js';
import { createElbv2, elbv2Client } from './elbv2.js';
import { createS3, s3Client } from './s3.js';
import { createSecrets } from './secrets.js';
import { createSsm, ssmClient } from './ssm.js';
import { type Answer, within } from './within.js';

/**
 * Carries out the calls of core/cloud.ts. Nothing here throws or decides: a call ends within its time-out with what is
 * known of it. Each service's client is made when it is first needed.
 */
export interface Cloud {
  call<Op extends CloudOp>(call: CallOf<Op>, timeoutMs: number): Promise<Outcome<Op>>;
  /** The text of a secret; not one of the brain's calls, since a brain has no use for keys. */
  readSecret(id: string, timeoutMs: number): Promise<Answer<string>>;
  /** Closes idle sockets. */
  close(): void;
}

export type CallOf<Op extends CloudOp> = Extract<CloudCall, { readonly op: Op }>;
export type { Answer } from './within.js';

export function createCloud(config: ClientConfig): Cloud {
  const ec2 = lazy(() => createEc2(ec2Client(config)));
  const elbv2 = lazy(() => createElbv2(elbv2Client(config)));
  const s3 = lazy(() => createS3(s3Client(config)));
  const ssm = lazy(() => createSsm(ssmClient(config)));
  const secrets = lazy(() => createSecrets(config));

  function send(call: CloudCall, signal: AbortSignal): Promise<CloudValues[CloudOp]> {
    switch (call.op) {
      case 'launch':
        return ec2.get().launch(call.request, signal);
      case 'findNodes':
        return ec2.get().findNodes(call.cluster, call.epoch, call.slot, signal);
      case 'describeNode':
        return ec2.get().describeNode(call.instanceId, signal);
      case 'terminate':
        return ec2.get().terminate(call.instanceId, signal);
      case 'tagNode':
        return ec2.get().tagNode(call.instanceId, call.tags, signal);
      case 'registerTarget':
        return elbv2.get().register(call.targetGroupArn, call.instanceId, call.port, signal);
      case 'deregisterTarget':
        return elbv2.get().deregister(call.targetGroupArn, call.instanceId, call.port, signal);
      case 'readHint':
        return s3.get().readHint(call.bucket, call.slot, signal);
      case 'writeHint':
        return s3.get().writeHint(call.bucket, call.slot, call.position, call.etag, signal);
      case 'putObject':
        return s3.get().putObject(call.bucket, call.key, call.body, signal);
      case 'readSpec':
        return ssm.get().readParameter(call.parameter, signal);
    }
  }

  return {
    call: (call, timeoutMs) => within(timeoutMs, (signal) => send(call, signal) as Promise<never>),
    readSecret: (id, timeoutMs) => within(timeoutMs, (signal) => secrets.get().readSecret(id, signal)),
    close() {
      for (const service of [ec2, elbv2, s3, ssm, secrets]) service.current()?.close();
    },
  };
}
