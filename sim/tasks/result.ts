/** What one policy did in one run. All money in USD, all times in hours. */
export interface TaskResult {
  costUsd: number;
  spotUsd: number;
  onDemandUsd: number;
  /** Parts of the cost: starting up, with tasks, without any. */
  bootUsd: number;
  busyUsd: number;
  idleUsd: number;
  /** Not charged: interrupted by AWS in the first hour. Not a part of the cost. */
  forgivenUsd: number;
  /** What the tasks' accounting of the prototype comes to, for the same run. */
  perTaskUsd: number;
  completed: number;
  unfinished: number;
  instances: number;
  onDemandInstances: number;
  /** Spot instances reclaimed, and tasks that had to leave one. */
  interruptions: number;
  displaced: number;
  migratedDirectly: number;
  finishedInNotice: number;
  fullCheckpoints: number;
  partialCheckpoints: number;
  restarts: number;
  lostHours: number;
  /** Sum over displaced tasks of the time from notice to computing again. */
  outageHours: number;
  waitedHours: number;
  meanFlowHours: number;
  p99FlowHours: number;
  /** Mean of (completion - arrival) / length. */
  meanSlowdown: number;
  /** When the last task was done. */
  makespanHours: number;
}

export function emptyResult(): TaskResult {
  return {
    costUsd: 0,
    spotUsd: 0,
    onDemandUsd: 0,
    bootUsd: 0,
    busyUsd: 0,
    idleUsd: 0,
    forgivenUsd: 0,
    perTaskUsd: 0,
    completed: 0,
    unfinished: 0,
    instances: 0,
    onDemandInstances: 0,
    interruptions: 0,
    displaced: 0,
    migratedDirectly: 0,
    finishedInNotice: 0,
    fullCheckpoints: 0,
    partialCheckpoints: 0,
    restarts: 0,
    lostHours: 0,
    outageHours: 0,
    waitedHours: 0,
    meanFlowHours: 0,
    p99FlowHours: 0,
    meanSlowdown: 0,
    makespanHours: 0,
  };
}

const HOUR_MS = 3_600_000;

/** Adds what is known of each task at the end: its length, its time from arrival to completion (-1: not done), its waits. */
export function summarize(
  result: TaskResult,
  lengthMs: Float64Array,
  flowMs: Float64Array,
  waitedMs: Float64Array,
): void {
  const flows: number[] = [];
  let slowdown = 0;
  let waited = 0;
  flowMs.forEach((flow, task) => {
    waited += waitedMs[task] as number;
    if (flow === -1) return;
    flows.push(flow);
    slowdown += flow / (lengthMs[task] as number);
  });
  result.unfinished = flowMs.length - flows.length;
  result.waitedHours = waited / HOUR_MS;
  if (flows.length === 0) return;
  flows.sort((a, b) => a - b);
  result.meanFlowHours = flows.reduce((sum, flow) => sum + flow, 0) / flows.length / HOUR_MS;
  result.p99FlowHours = (flows[Math.ceil(flows.length * 0.99) - 1] as number) / HOUR_MS;
  result.meanSlowdown = slowdown / flows.length;
}

/** What happened when, for a picture of one run. */
export interface Timeline {
  readonly instances: InstanceSpan[];
  readonly tasks: TaskSpan[];
}

export interface InstanceSpan {
  readonly id: number;
  readonly kind: 'spot' | 'on-demand';
  readonly pool: string;
  readonly fromMs: number;
  readonly readyMs: number;
  readonly toMs: number;
  readonly interrupted: boolean;
}

export interface TaskSpan {
  readonly task: number;
  readonly instance: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly end: 'done' | 'interrupted';
}
