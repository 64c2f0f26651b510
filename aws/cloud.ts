import type { CloudCall, CloudError, CloudOp, CloudValues, Outcome } from '../core/cloud.js';
import { type ClientConfig, lazy } from './client.js';
import { createEc2 } from './ec2.js';
import { createElbv2 } from './elbv2.js';
import { classify } from './errors.js';
import { createS3 } from './s3.js';
import { createSecrets } from './secrets.js';
import { createSsm } from './ssm.js';

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
export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: CloudError };

export function createCloud(config: ClientConfig): Cloud {
  const ec2 = lazy(() => createEc2(config));
  const elbv2 = lazy(() => createElbv2(config));
  const s3 = lazy(() => createS3(config));
  const ssm = lazy(() => createSsm(config));
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

/** Ends within the time-out, also when the SDK doesn't heed the signal (while it fetches credentials, for one). */
async function within<T>(timeoutMs: number, send: (signal: AbortSignal) => Promise<T>): Promise<Answer<T>> {
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new TimeoutError(`No answer within ${timeoutMs} ms`));
        abort.abort();
      }, timeoutMs);
    });
    const sent = send(abort.signal);
    sent.catch(() => {});
    return { ok: true, value: await Promise.race([sent, late]) };
  } catch (error) {
    return { ok: false, error: classify(error) };
  } finally {
    clearTimeout(timer);
  }
}

class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}
