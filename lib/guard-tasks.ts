/** What of a workload of tasks an agent would refuse, or what would surprise its owner. */
import { Annotations, type Duration } from 'aws-cdk-lib';
import type { SynktiCluster } from './cluster.js';
import type { Workload } from './workload.js';

export function guardTasks(cluster: SynktiCluster, workloads: readonly Workload[], gpuNodes: boolean): void {
  const say = Annotations.of(cluster);
  const found = workloads.filter((workload) => workload._tasks !== undefined);
  if (found.length > 1) {
    const names = found.map(({ name }) => name).join(' and ');
    say.addError(`Workloads ${names} are both of tasks, but one queue serves a cluster: leave one out.`);
  }
  for (const workload of found) {
    for (const problem of problems(workload)) say.addError(`Workload ${workload.name}: ${problem}`);
    if (gpuNodes && workload.gpus === 0) {
      say.addWarningV2(
        'synkti:gpuMemory',
        `Workload ${workload.name}: the nodes have GPUs, but without gpuMemory no task gets one. Give the memory of the smallest type's GPUs.`,
      );
    }
  }
}

function* problems(workload: Workload): Generator<string> {
  const { memory, maxTasksPerNode: most, lease, containers, images } = workload._tasks ?? {};
  const kibibytes = memory?.toKibibytes();
  if (kibibytes !== undefined && kibibytes < 1_024) yield 'memory must be at least 1 MiB.';
  if (most !== undefined && !(Number.isInteger(most) && most >= 1 && most <= 256)) {
    yield `maxTasksPerNode must be a whole number from 1 to 256, not ${most}.`;
  }
  if (lease !== undefined && !between(lease, 10, 3_600)) {
    yield `lease must be from 10 seconds to an hour, not ${seconds(lease)} s.`;
  }
  if (containers === false && (images ?? []).length > 0) {
    yield 'it has images, but containers is false: leave one of them out.';
  }
}

const seconds = (time: Duration): number => time.toSeconds({ integral: false });

const between = (time: Duration, low: number, high: number): boolean => seconds(time) >= low && seconds(time) <= high;
