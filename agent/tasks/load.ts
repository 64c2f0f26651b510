import { freemem } from 'node:os';
import type { ClientConfig } from '../../aws/client.js';
import { createStore } from '../../aws/store.js';
import { createTransfer } from '../../aws/transfer.js';
import type { Address, WorkloadHealth } from '../../core/gossip/member.js';
import type { LogFields, LogLevel } from '../../core/node/port.js';
import { safetyView } from '../../core/node/safety.js';
import type { NodeState } from '../../core/node/state.js';
import type { Spec, TasksWorkload } from '../../core/spec/spec.js';
import { bankersAdmission } from '../../core/tasks/admission.js';
import type { Context } from '../../core/time.js';
import { createEngine } from '../drivers/docker-engine.js';
import type { Identity } from '../identity.js';
import { removeLeftovers } from './container.js';
import { dataDir, warmIn } from './data.js';
import { endLeftovers } from './execution.js';
import { createTasksHost, type Publish, type TasksHost } from './host.js';
import { createBrain } from './worker-brain.js';

/** Everything that tasks need, put together when it is needed first: see door.ts. */
export interface TasksParts {
  readonly spec: Spec;
  readonly workload: TasksWorkload;
  readonly identity: Identity;
  readonly client: ClientConfig;
  readonly clock: () => Context;
  /** Of the node's brain; null: there is none yet. */
  readonly node: () => NodeState | null;
  readonly stateDir: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly ask: (to: Address, note: string, timeoutMs: number) => Promise<string | null>;
  readonly answer: (connection: number, note: string) => void;
  readonly log: (level: LogLevel, code: string, fields: LogFields) => void;
  readonly onPublish: (publish: Publish) => void;
}

/** What the node keeps for itself, in MiB, where the spec doesn't say how much tasks may take. */
const KEPT_MIB = 512;

export async function loadTasks(parts: TasksParts, onHealth: (health: WorkloadHealth) => void): Promise<TasksHost> {
  const { spec, workload, identity, clock, log, stateDir } = parts;
  const engine = () => createEngine(process.env.SYNKTI_DOCKER_SOCKET);
  const left = (await endLeftovers(stateDir)) + (await removeLeftovers(engine()));
  if (left > 0) log('warn', 'task-leftovers-ended', { tasks: left });
  const memoryMiB = workload.memoryMiB ?? Math.max(0, Math.floor(freemem() / 1_048_576) - KEPT_MIB);
  const config = { ...parts.client, bucket: spec.bucket };
  return createTasksHost({
    brain: createBrain(
      {
        identity: {
          id: identity.instanceId,
          instanceType: identity.instanceType,
          zone: identity.zone,
          lifecycle: identity.lifecycle,
        },
        workload,
        room: { memoryMiB, gpuMemoryMiB: workload.gpuMemoryMiB },
        writer: identity.instanceId,
        preset: spec.gossip.preset,
        warm: await warmIn(dataDir(stateDir)),
        admit: bankersAdmission(() => {
          const node = parts.node();
          return node === null ? null : safetyView(node);
        }),
      },
      clock(),
    ),
    nodeId: identity.instanceId,
    clock,
    store: createStore(config),
    transfer: createTransfer(config),
    ask: parts.ask,
    answer: parts.answer,
    stateDir,
    environment: parts.environment,
    workloadEnvironment: workload.environment,
    engine,
    log,
    onPublish: parts.onPublish,
    onHealth,
  });
}
