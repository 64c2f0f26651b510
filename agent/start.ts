import { freemem } from 'node:os';
import type { Cloud } from '../aws/cloud.js';
import { createNode } from '../core/node/node.js';
import type { NodeState } from '../core/node/state.js';
import { parseSpec } from '../core/spec/parse.js';
import { type Spec, specParameterName, type WorkloadSpec } from '../core/spec/spec.js';
import type { Context } from '../core/time.js';
import { createDockerDriver } from './drivers/docker.js';
import type { Driver, DriverContext } from './drivers/driver.js';
import { createProcessDriver } from './drivers/process.js';
import type { Identity } from './identity.js';
import type { Attempt } from './retry.js';

/** The parts of the start that need no loop: each is one attempt, or pure. */

const CALL_TIMEOUT_MS = 5_000;

/** The spec of the cluster that this instance's tags name. */
export async function readSpec(cloud: Cloud, { cluster, epoch }: Identity): Promise<Attempt<Spec>> {
  const parameter = specParameterName(cluster);
  const answer = await cloud.call({ op: 'readSpec', parameter }, CALL_TIMEOUT_MS);
  if (!answer.ok)
    return { ok: false, problem: `SSM parameter ${parameter}: ${answer.error.code}: ${answer.error.message}` };
  return checkSpec(answer.value, parameter, cluster, epoch);
}

export function checkSpec(text: string, parameter: string, cluster: string, epoch: string): Attempt<Spec> {
  const parsed = parseSpec(text);
  if (!parsed.ok) return { ok: false, problem: `SSM parameter ${parameter}: ${parsed.problem}` };
  const spec = parsed.value;
  if (spec.cluster !== cluster || spec.epoch !== epoch) {
    const problem = `SSM parameter ${parameter} is of cluster ${spec.cluster}, epoch ${spec.epoch}, but this instance's tags say ${cluster}, ${epoch}`;
    return { ok: false, problem };
  }
  return { ok: true, value: spec };
}

export async function readSecret(cloud: Cloud, id: string): Promise<Attempt<string>> {
  const answer = await cloud.readSecret(id, CALL_TIMEOUT_MS);
  if (answer.ok) return answer;
  return { ok: false, problem: `Secret ${id}: ${answer.error.code}: ${answer.error.message}` };
}

export function createBrain(
  identity: Identity,
  spec: Spec,
  keepInstance: boolean,
  ctx: Context,
  freeGpuMemoryMiB = 0,
): NodeState {
  const { instanceId: id, privateIp, seat, templateVersion, zone, instanceType, lifecycle } = identity;
  return createNode(
    {
      identity: {
        id,
        address: { host: privateIp, port: spec.gossip.port },
        seat,
        templateVersion,
        zone,
        instanceType,
        lifecycle,
        freeMemoryMiB: Math.floor(freemem() / 1_048_576),
        freeGpuMemoryMiB,
      },
      spec,
      keepInstance,
    },
    ctx,
  );
}

/** What a workload may want to know of its node. */
export function workloadEnvironment({ instanceId, instanceType, zone, region, lifecycle, cluster, seat }: Identity) {
  return {
    SYNKTI_CLUSTER: cluster,
    SYNKTI_SLOT: String(seat.slot),
    SYNKTI_GENERATION: String(seat.generation),
    SYNKTI_INSTANCE_ID: instanceId,
    SYNKTI_INSTANCE_TYPE: instanceType,
    SYNKTI_LIFECYCLE: lifecycle,
    SYNKTI_REGION: region,
    SYNKTI_ZONE: zone,
  };
}

export function createDriver(workload: Exclude<WorkloadSpec, { kind: 'tasks' }>, context: DriverContext): Driver {
  switch (workload.kind) {
    case 'process':
      return createProcessDriver(workload, context);
    case 'container':
      return createDockerDriver(workload, context);
  }
}
