import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { Answered, AnyCall, ValueOf } from '../../core/fallback/port.js';
import { type ClientConfig, clientOptions, lazy } from '../client.js';
import { createEc2, ec2Client } from '../ec2.js';
import { createElbv2, elbv2Client } from '../elbv2.js';
import { createS3, s3Client } from '../s3.js';
import { createSsm, ssmClient } from '../ssm.js';
import { within } from '../within.js';
import { createFallbackEc2 } from './ec2.js';
import { createFallbackElbv2 } from './elbv2.js';
import { findInstanceTypes } from './instance-types.js';
import { createLeaseCalls } from './lease.js';
import { createFallbackS3 } from './s3.js';
import { createFallbackSsm } from './ssm.js';

/** Carries out the calls of the Lambdas, as aws/cloud.ts does those of a brain: nothing throws, everything ends in time. */
export interface FallbackCloud {
  call<C extends AnyCall>(call: C, timeoutMs: number): Promise<Answered<ValueOf<C>>>;
  /** Closes idle sockets. */
  close(): void;
}

export function createFallbackCloud(config: ClientConfig): FallbackCloud {
  const ec2 = lazy(() => ec2Client(config));
  const elbv2 = lazy(() => elbv2Client(config));
  const s3 = lazy(() => s3Client(config));
  const ssm = lazy(() => ssmClient(config));
  const cloudformation = lazy(() => new CloudFormationClient(clientOptions(config, 2)));
  const lease = createLeaseCalls(s3.get, cloudformation.get);

  function send(call: AnyCall, signal: AbortSignal): Promise<unknown> {
    switch (call.op) {
      case 'launch':
        return createEc2(ec2.get()).launch(call.request, signal);
      case 'findNodes':
        return createEc2(ec2.get()).findNodes(call.cluster, call.epoch, call.slot, signal);
      case 'describeNode':
        return createEc2(ec2.get()).describeNode(call.instanceId, signal);
      case 'terminate':
        return createEc2(ec2.get()).terminate(call.instanceId, signal);
      case 'tagNode':
        return createEc2(ec2.get()).tagNode(call.instanceId, call.tags, signal);
      case 'findImpaired':
        return createFallbackEc2(ec2.get()).findImpaired(call.instanceIds, signal);
      case 'findOrphans':
        return createFallbackEc2(ec2.get()).findOrphans(call.cluster, call.epoch, signal);
      case 'deleteOrphan':
        return createFallbackEc2(ec2.get()).deleteOrphan(call.kind, call.id, signal);
      case 'findSpotPrices':
        return createFallbackEc2(ec2.get()).findSpotPrices(call.pools, signal);
      case 'findInstanceTypes':
        return findInstanceTypes(ec2.get(), call.wish, signal);
      case 'registerTarget':
        return createElbv2(elbv2.get()).register(call.targetGroupArn, call.instanceId, call.port, signal);
      case 'deregisterTarget':
        return createElbv2(elbv2.get()).deregister(call.targetGroupArn, call.instanceId, call.port, signal);
      case 'findTargets':
        return createFallbackElbv2(elbv2.get()).findTargets(call.targetGroupArn, signal);
      case 'readHint':
        return createS3(s3.get()).readHint(call.bucket, call.slot, signal);
      case 'writeHint':
        return createS3(s3.get()).writeHint(call.bucket, call.slot, call.position, call.etag, signal);
      case 'putObject':
        return createS3(s3.get()).putObject(call.bucket, call.key, call.body, signal);
      case 'findReport':
        return createFallbackS3(s3.get()).findReport(call.bucket, call.instanceId, signal);
      case 'readReport':
        return createFallbackS3(s3.get()).readReport(call.bucket, call.instanceId, signal);
      case 'findVersions':
        return createFallbackS3(s3.get()).findVersions(call.bucket, signal);
      case 'deleteVersions':
        return createFallbackS3(s3.get()).deleteVersions(call.bucket, call.versions, signal);
      case 'beginLease':
        return lease.beginLease(call.bucket, call.key, signal);
      case 'readLease':
        return lease.readLease(call.bucket, call.key, signal);
      case 'deleteStack':
        return lease.deleteStack(call.stackId, signal);
      case 'readSpec':
        return createSsm(ssm.get()).readParameter(call.parameter, signal);
      case 'readWish':
        return createFallbackSsm(ssm.get()).readWish(call.parameter, signal);
      case 'writeWish':
        return createFallbackSsm(ssm.get()).writeWish(call.parameter, call.text, signal);
      case 'sendDrain':
        return createFallbackSsm(ssm.get()).sendDrain(call.document, call.instanceId, signal);
    }
  }

  return {
    call: (call, timeoutMs) => within(timeoutMs, (signal) => send(call, signal) as Promise<never>),
    close() {
      for (const client of [ec2, elbv2, s3, ssm, cloudformation]) client.current()?.destroy();
    },
  };
}
