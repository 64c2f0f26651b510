/** What a node of the cluster has for tasks: one that needs more would wait for ever, and is refused when submitted. */
import { DescribeInstanceTypesCommand } from '@aws-sdk/client-ec2';
import { deniedAction } from '../../aws/failure.js';
import type { Spec, TasksWorkload } from '../../core/spec/spec.js';
import type { TaskSpec } from '../../core/tasks/task.js';
import type { Session } from '../aws/session.js';
import { UserError } from '../user-error.js';
import { showMiB } from './words.js';

export interface Room {
  /** The most that a node has, in MiB; null: not known. */
  readonly memoryMiB: number | null;
  readonly gpuMemoryMiB: number;
  readonly gpus: number | null;
  /** Where the numbers come from, for a sentence. */
  readonly source: string;
}

/** What an agent leaves to the system where the spec doesn't say how much tasks get; MiB. */
const LEFT_FREE_MIB = 512;
/** Values of a filter. */
const NAMES = 200;
const MAX_PAGES = 10;

/** @throws UserError when the cluster runs no tasks */
export function tasksOf(spec: Spec): TasksWorkload {
  const found = spec.workloads.find((workload) => workload.kind === 'tasks');
  if (found !== undefined) return found;
  throw new UserError(`Cluster "${spec.cluster}" runs no tasks: add Workload.tasks() to it, then deploy it.`);
}

/** Asks EC2 for the sizes of the instance types only where the spec leaves them open. */
export async function roomOf(session: Session, spec: Spec): Promise<Room> {
  const { memoryMiB, gpuMemoryMiB } = tasksOf(spec);
  const given = { memoryMiB, gpuMemoryMiB, gpus: null, source: 'Workload.tasks' };
  if (memoryMiB !== null && gpuMemoryMiB === 0) return given;
  const types = [...new Set(spec.launch.pools.map((pool) => pool.instanceType))].sort();
  try {
    const ec2 = await session.client('ec2');
    let most = 0;
    let gpus = 0;
    for (let at = 0; at < types.length; at += NAMES) {
      // By a filter: a name that EC2 doesn't know here isn't refused then.
      const Filters = [{ Name: 'instance-type', Values: types.slice(at, at + NAMES) }];
      let NextToken: string | undefined;
      for (let page = 0; page < MAX_PAGES; page++) {
        const answer = await ec2.send(new DescribeInstanceTypesCommand({ Filters, NextToken }));
        for (const { MemoryInfo, GpuInfo } of answer.InstanceTypes ?? []) {
          most = Math.max(most, (MemoryInfo?.SizeInMiB ?? 0) - LEFT_FREE_MIB);
          gpus = Math.max(gpus, GpuInfo?.Gpus?.reduce((sum, { Count }) => sum + (Count ?? 0), 0) ?? 0);
        }
        NextToken = answer.NextToken;
        if (NextToken === undefined) break;
      }
    }
    if (most <= 0) return given;
    return memoryMiB === null
      ? {
          memoryMiB: most,
          gpuMemoryMiB,
          gpus,
          source: types.length === 1 ? 'its instance type' : `the largest of its ${types.length} instance types`,
        }
      : { ...given, gpus };
  } catch (error) {
    // The check is a kindness: a right that is missing mustn't keep tasks back.
    if (deniedAction(error) !== null) return given;
    throw error;
  }
}

/** What a task needs and no node has, as the end of a sentence; null: it fits. */
export function misfit(task: TaskSpec, room: Room, cluster: string): string | null {
  const { memoryMiB, gpuMemoryMiB, work } = task;
  if (room.memoryMiB !== null && memoryMiB > room.memoryMiB) {
    const [needs, has] = apart(memoryMiB, room.memoryMiB);
    return `needs ${needs} of memory, but a node of "${cluster}" has ${has} for tasks (${room.source}); ask for less, or give the cluster larger nodes.`;
  }
  const gpus = work.kind === 'container' ? work.gpus : 0;
  if (gpuMemoryMiB > room.gpuMemoryMiB || (gpus > 0 && room.gpuMemoryMiB === 0)) {
    const needs = gpuMemoryMiB > 0 ? `${showMiB(gpuMemoryMiB)} of GPU memory` : `${gpus} GPU${gpus > 1 ? 's' : ''}`;
    const has = room.gpuMemoryMiB === 0 ? 'no GPU for tasks' : `${showMiB(room.gpuMemoryMiB)} of it`;
    return `needs ${needs}, but a node of "${cluster}" has ${has} (gpuMemory of Workload.tasks).`;
  }
  if (room.gpus !== null && gpus > room.gpus) {
    return `needs ${gpus} GPUs, but a node of "${cluster}" has ${room.gpus} at most.`;
  }
  return null;
}

/** Two amounts that differ, also where they are rounded. */
function apart(a: number, b: number): readonly [string, string] {
  return showMiB(a) === showMiB(b) ? [`${a} MiB`, `${b} MiB`] : [showMiB(a), showMiB(b)];
}
