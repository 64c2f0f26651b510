import type { Command } from 'commander';
import { TASK_FLAG_DEFAULTS as DEFAULTS, type TaskFlags } from './settings.js';

type Collect = (value: string, before: unknown) => readonly string[];

/** The options that make a rehearsal one of tasks. */
export function addTaskOptions(command: Command, collect: Collect): void {
  command
    .optionsGroup('Batch tasks (instead of a service, unless --workload is given, too):')
    .option('--tasks <number>', 'submits so many tasks that compute something checkable')
    .option('--task-file <file>', 'submits your own tasks, one JSON object a line, as `synkti submit` does')
    .option('--task-length <time>', `what a task of --tasks takes undisturbed (default: ${DEFAULTS.taskLength})`)
    .option('--checkpoint-every <time>', `its checkpoint interval (default: ${DEFAULTS.checkpointEvery})`)
    .option('--task-state <size>', `what a checkpoint of it holds (default: ${DEFAULTS.taskState})`)
    .option('--tasks-per-node <number>', `tasks that run together on a node (default: ${DEFAULTS.tasksPerNode})`)
    .option('--task-limit <time>', 'gives up when they take longer (default: three times what they should, and 2m)')
    .option('--pause <slots@time+time>', 'nodes stand still past their leases, such as 2@10s+12s; repeatable', collect);
}

export const taskFlagsOf = (flags: TaskFlags): TaskFlags => ({
  tasks: flags.tasks,
  taskFile: flags.taskFile,
  taskLength: flags.taskLength,
  checkpointEvery: flags.checkpointEvery,
  taskState: flags.taskState,
  tasksPerNode: flags.tasksPerNode,
  taskLimit: flags.taskLimit,
});
