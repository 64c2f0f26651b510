/**
 * Campaigns of fault schedules: `npm run dst -- --seeds 1000 --from 1`; one with its trace: `--from 7 --seeds 1 --trace`.
 * With `--tasks` those of tasks, their leases and checkpoints; with `--copies` the same with workloads that have copies.
 */
import { parseArgs } from 'node:util';
import { TaskWorld } from './tasks/world.js';
import { World } from './world.js';

const USAGE = `Usage: npm run dst -- [options]

  --seeds <number>  how many schedules (default: 200)
  --from <number>   the first one's seed (default: 1)
  --tasks           those of tasks, their leases and checkpoints
  --copies          workloads have a number of copies
  --trace           prints what happens in each of them
  --help            shows this
`;

function flagsOf(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seeds: { type: 'string', default: '200' },
        from: { type: 'string', default: '1' },
        trace: { type: 'boolean', default: false },
        tasks: { type: 'boolean', default: false },
        copies: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    return refuse(error instanceof Error ? (error.message.split('. ')[0] ?? '').replace(/\.$/, '') : String(error));
  }
}

function refuse(why: string): never {
  process.stderr.write(`${why}; npm run dst -- --help shows all of them.\n`);
  process.exit(2);
}

const values = flagsOf(process.argv.slice(2));
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
if (values.tasks && values.copies) refuse('--tasks and --copies are campaigns of their own');
const [seeds, from] = [Number(values.seeds), Number(values.from)];
if (!Number.isSafeInteger(seeds) || seeds < 1 || !Number.isSafeInteger(from)) {
  refuse('--seeds needs a whole number from 1, --from a whole number');
}

const startedMs = performance.now();
let failed = 0;
let steps = 0;
const counted = new Map<string, number>();
const count = (what: string, n: number): void => {
  counted.set(what, (counted.get(what) ?? 0) + n);
};
for (let seed = from; seed < from + seeds; seed++) {
  const world = values.tasks
    ? new TaskWorld(seed, { trace: values.trace })
    : new World(seed, { trace: values.trace, copies: values.copies });
  try {
    const report = world.run();
    steps += report.steps;
    if ('launched' in report) count('launches', report.launched);
    else for (const [what, n] of Object.entries({ ...report.ended, ...report.counters })) count(what, n);
  } catch (error) {
    failed++;
    process.stdout.write(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}\n`);
    if (values.trace && error instanceof Error) process.stdout.write(`${error.stack}\n`);
    process.stdout.write(
      `  replay: npm run dst -- ${values.tasks ? '--tasks ' : ''}${values.copies ? '--copies ' : ''}--from ${seed} --seeds 1 --trace\n`,
    );
  }
  if (values.trace) process.stdout.write(`${JSON.stringify(world.plan)}\n${world.trace.join('\n')}\n`);
}
const seconds = (performance.now() - startedMs) / 1000;
process.stdout.write(
  `${seeds} schedules from seed ${from}: ${seeds - failed} passed, ${failed} failed; ` +
    `${[`${steps} steps`, ...[...counted].map(([what, n]) => `${n} ${what}`)].join(', ')}, ${seconds.toFixed(1)} s\n`,
);
process.exit(failed === 0 ? 0 : 1);
