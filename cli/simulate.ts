import type { Command } from 'commander';
import { reportJson, type SimulationReport, simulate } from '../sim/campaign/simulate.js';
import { SimInputError } from '../sim/error.js';
import { reportHtml } from '../sim/report/html.js';
import { onSignals } from './signals.js';
import { requireWritable, writeWhole } from './simulate/files.js';
import { addSimulationFlags, type Flags, jobsFrom, optionsFrom } from './simulate/flags.js';
import { plotlySource } from './simulate/plotly.js';
import { progressBar } from './simulate/progress.js';
import { groupTable, headline, resultTable } from './simulate/table.js';
import { UserError } from './user-error.js';

const EXAMPLES = `
Examples:
  synkti simulate                                              200 tasks on spot, eight policies, 30 paired runs
  synkti simulate --preemption-rate 0.5 --report out.html      the same in a rougher market, with charts
  synkti simulate --workload job --trace *.json --runs 300     a 48 h job with a deadline on recorded capacity
  synkti simulate --workload service --zones 3                 a service of four replicas over three zones
  synkti simulate --policy ./mine.ts                           your own policy beside the others
  synkti simulate --json | jq '.policies[0]'

Exit code: 0 when it is told, 2 when a trace, a policy or the command line is wrong, 130 after Ctrl-C.`;

/** `synkti simulate`: what policies cost, told honestly. */
export function register(program: Command): void {
  const command = program
    .command('simulate')
    .description('Simulates what policies cost on spot capacity, paired and with confidence intervals.');
  addSimulationFlags(command);
  command
    .option('--jobs <n>', 'worker threads (default: all cores)')
    .option('--output <file>', 'write the results as JSON')
    .option('--report <file>', 'write one HTML page with charts')
    .option('--json', 'JSON instead of text, as --output writes it')
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags) => userErrors(() => run(flags)));
}

async function run(flags: Flags): Promise<void> {
  const options = optionsFrom(flags);
  const output = typeof flags.output === 'string' ? flags.output : null;
  const page = typeof flags.report === 'string' ? flags.report : null;
  if (output !== null) requireWritable(output, '--output');
  if (page !== null) requireWritable(page, '--report');
  const bar = progressBar('simulating');
  const stopper = onSignals();
  const report = await simulate(
    { ...options, withTimeline: page !== null },
    { jobs: jobsFrom(flags), onProgress: bar.update, signal: stopper.signal },
  )
    .catch((error: unknown) => {
      if (stopper.crash() !== null) throw stopper.crash();
      if (!stopper.signal.aborted) throw error;
      process.exitCode = 130;
      return null;
    })
    .finally(() => {
      bar.end();
      stopper.release();
    });
  if (report === null) return;
  process.stdout.write(flags.json === true ? reportJson(report) : reportText(report));
  if (output !== null) writeWhole(output, reportJson(report), '--output');
  if (page !== null) writeWhole(page, reportHtml(report, plotlySource()), '--report');
}

function reportText(report: SimulationReport): string {
  const groups = groupTable(report);
  const head = `${headline(report)}\nmean ± half-width of the 95% interval, over runs\n\n`;
  return `${head}${resultTable(report)}\n${groups === null ? '' : `\n${groups}\n`}`;
}

/** The simulator's complaints are the user's to mend: exit code 2. */
export async function userErrors(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof SimInputError) throw new UserError(error.message);
    throw error;
  }
}
