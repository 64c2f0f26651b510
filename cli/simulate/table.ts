import Table from 'cli-table3';
import pc from 'picocolors';
import type { PolicyReport, SimulationReport } from '../../sim/campaign/simulate.js';
import type { Estimate } from '../../sim/campaign/stats.js';

interface Column {
  readonly title: string;
  readonly cell: (policy: PolicyReport, report: SimulationReport) => string;
}

const metric = (title: string, key: string, digits: number): Column => ({
  title,
  cell: (policy) => shown(policy.metrics[key], digits),
});

const saved: Column = {
  title: 'saved %',
  cell: (policy, report) => (policy.policy === report.baseline ? 'baseline' : shown(policy.savedPercent, 1)),
};

const COLUMNS: Readonly<Record<SimulationReport['options']['workload'], readonly Column[]>> = {
  tasks: [
    metric('cost $', 'costUsd', 2),
    saved,
    {
      title: 'diff. $',
      cell: (policy, report) => (policy.policy === report.baseline ? '' : shown(policy.versusBaseline.costUsd, 2)),
    },
    metric('done', 'completed', 1),
    metric('interrupted', 'interruptions', 1),
    metric('restarts', 'restarts', 1),
    metric('lost h', 'lostHours', 2),
    metric('mean h', 'meanFlowHours', 2),
    metric('slowdown', 'meanSlowdown', 4),
    metric('idle $', 'idleUsd', 2),
  ],
  job: [
    metric('cost $', 'costUsd', 2),
    saved,
    metric('missed', 'missed', 3),
    metric('changeovers', 'changeovers', 1),
    metric('interrupted', 'interruptions', 1),
    metric('spot h', 'spotHours', 1),
    metric('on-demand h', 'onDemandHours', 1),
  ],
  service: [
    metric('cost $', 'costUsd', 2),
    saved,
    metric('available %', 'availabilityPercent', 2),
    metric('dropped %', 'droppedPercent', 3),
    metric('slow %', 'slowPercent', 3),
    metric('interrupted', 'interruptions', 1),
    metric('ready', 'meanReady', 2),
  ],
};

/** Means with the half-width of their 95% intervals, a row a policy. */
export function resultTable(report: SimulationReport): string {
  const columns = COLUMNS[report.options.workload].filter((column) =>
    report.policies.some((policy) => column.cell(policy, report) !== ''),
  );
  const table = new Table({
    head: ['policy', ...columns.map((column) => column.title)],
    colAligns: ['left', ...columns.map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const policy of report.policies) {
    table.push([pc.bold(policy.policy), ...columns.map((column) => column.cell(policy, report))]);
  }
  return table.toString();
}

/** Savings by trace, for a job on several. */
export function groupTable(report: SimulationReport): string | null {
  const groups = report.policies[0]?.groups ?? [];
  if (groups.length < 2) return null;
  const others = report.policies.filter((policy) => policy.policy !== report.baseline);
  const table = new Table({
    head: ['saved %', ...others.map((policy) => policy.policy)],
    colAligns: ['left', ...others.map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
  });
  groups.forEach((group, g) => {
    table.push([group.name, ...others.map((policy) => shown(policy.groups[g]?.savedPercent, 1))]);
  });
  return table.toString();
}

function shown(value: Estimate | undefined, digits: number): string {
  if (value === undefined) return '';
  const mean = value.mean.toFixed(digits);
  return value.ci95 === null ? mean : `${mean} ±${value.ci95.toFixed(digits)}`;
}

export function headline(report: SimulationReport): string {
  const o = report.options;
  const market =
    o.traces.length > 0
      ? `${o.traces.length} recorded ${o.traces.length === 1 ? 'trace' : 'traces'}`
      : `${o.market} market, ${o.zones * o.types} ${o.zones * o.types === 1 ? 'pool' : 'pools'}, ` +
        `spot $${o.spotPrice}, on-demand $${o.onDemandPrice}, ${o.preemptionRate} interruptions/h`;
  const what =
    o.workload === 'tasks'
      ? `${o.tasks} tasks, ${o.duration} h, ${o.bandwidthGbps} Gbit/s, billed by ${o.billing}`
      : o.workload === 'job'
        ? `${o.workHours} h of work in ${o.deadlineHours} h, changeover ${o.changeoverHours} h`
        : `${o.replicas} replicas, ${o.duration} h`;
  return `${what}; ${market}; seed ${o.seed}, ${o.runs} runs${o.workload === 'job' ? ' a trace' : ''}`;
}
