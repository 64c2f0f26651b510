import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { parseGrid, scenariosOf } from '../sim/sweep/grid.js';
import { heatMapHtml } from '../sim/sweep/heat-map.js';
import { sweep, sweepCsv, sweepId, sweepJson } from '../sim/sweep/sweep.js';
import { onSignals } from './signals.js';
import { readText, writeWhole } from './simulate/files.js';
import { type Flags, jobsFrom } from './simulate/flags.js';
import { progressBar } from './simulate/progress.js';
import { openSweep } from './simulate/sweep-folder.js';
import { userErrors } from './simulate.js';

const EXAMPLES = `
Examples:
  synkti sweep examples/grid.json                 243 scenarios: model size, network, volatility, context, quantization
  synkti sweep grid.json --output out --jobs 2    again after Ctrl-C: goes on where it stopped

Exit code: 0 when all is done, 2 when the grid or the command line is wrong, 130 after Ctrl-C.`;

/** `synkti sweep`: every combination of a grid. */
export function register(program: Command): void {
  program
    .command('sweep')
    .description('Simulates every combination of a grid, over all cores; a stopped sweep goes on where it was.')
    .argument('<grid>', 'a JSON file: {"base": {...}, "axes": [{"name", "values": [{"label", "set": {...}}]}]}')
    .option('--output <folder>', 'folder for results.json, results.csv, heat-map.html and what is done', 'sweep')
    .option('--jobs <n>', 'worker threads (default: all cores)')
    .option('--json', 'JSON instead of text, as results.json has it')
    .addHelpText('after', EXAMPLES)
    .action((file: string, flags: Flags) => userErrors(() => run(file, flags)));
}

async function run(file: string, flags: Flags): Promise<void> {
  const grid = parseGrid(readText(file, 'grid'), basename(file));
  const count = scenariosOf(grid).length;
  const folder = String(flags.output);
  const jobs = jobsFrom(flags);
  const store = openSweep(folder, sweepId(grid));
  if (store.done.size > 0 && flags.json !== true)
    process.stdout.write(`${store.done.size} of ${count} scenarios are done already\n`);
  const bar = progressBar('scenarios');
  const stopper = onSignals();
  const results = await sweep(grid, store, { jobs, onProgress: bar.update, signal: stopper.signal }).finally(() => {
    bar.end();
    stopper.release();
  });
  const json = sweepJson(grid, results);
  writeWhole(join(folder, 'results.json'), json, '--output');
  writeWhole(join(folder, 'results.csv'), sweepCsv(grid, results), '--output');
  writeWhole(join(folder, 'heat-map.html'), heatMapHtml(grid, results, count), '--output');
  const told = `${results.length} of ${count} scenarios in ${folder}: results.json, results.csv, heat-map.html\n`;
  process.stdout.write(flags.json === true ? json : told);
  if (results.length < count) process.exitCode = 130;
}
