import type { InstanceView } from './cloud-types.js';
import type { InstanceRecord } from './ec2/model/types.js';

/** What the cloud shows of an instance to those who run it: the model's record, and what only the host knows. */
export const instanceView = (
  record: InstanceRecord,
  host: Pick<InstanceView, 'insideIp' | 'cut' | 'pid'>,
): InstanceView => ({
  instanceId: record.instanceId,
  state: record.state,
  zone: record.zone,
  instanceType: record.instanceType,
  lifecycle: record.lifecycle,
  privateIp: record.privateIp,
  launchTimeMs: record.launchTimeMs,
  tags: record.tags,
  interruption: record.interruption,
  ...host,
});
