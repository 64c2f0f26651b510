import type { Sample } from '../metrics.js';
import type { TasksHost } from './host.js';

/** What the agent shows of its tasks. */
export function tasksPage(host: TasksHost | null): unknown {
  if (host === null) return { phase: 'none', tasks: [] };
  return { ...host.view, host: host.counters };
}

export function taskSamples(host: TasksHost | null): Sample[] {
  if (host === null) return [];
  const { view, counters } = host;
  const running = view.tasks.filter(({ program }) => program === 'running').length;
  return [
    { name: 'tasks_running', help: 'Tasks whose program runs', label: null, values: { '': running } },
    { name: 'tasks_held', help: "Tasks that aren't settled", label: null, values: { '': view.tasks.length } },
    { name: 'tasks_queued', help: 'Open tasks seen in the queue', label: null, values: { '': view.queued } },
    {
      name: 'tasks_total',
      help: 'Tasks of this node by what became of them, its requests, checkpoints and lost leases',
      label: 'kind',
      values: view.counters,
    },
    {
      name: 'task_requests_total',
      help: 'Requests to S3 for tasks by operation and result',
      label: 'call',
      values: counters.requests,
    },
    {
      name: 'task_checkpoint_bytes_total',
      help: 'Bytes of files sent for checkpoints',
      label: null,
      values: { '': counters.checkpointBytes },
    },
    {
      name: 'task_saves_failed_total',
      help: "Checkpoints that couldn't be saved",
      label: null,
      values: { '': counters.savesFailed },
    },
  ];
}
