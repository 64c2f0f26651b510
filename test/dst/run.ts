/** Campaigns of fault schedules: `npm run dst -- --seeds 1000 --from 1`; one with its trace: `--from 7 --seeds 1 --trace`. */
import { parseArgs } from 'node:util';
import { World } from './world.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
});
const [seeds, from] = [Number(values.seeds), Number(values.from)];
if (!Number.isSafeInteger(seeds) || seeds < 1 || !Number.isSafeInteger(from)) {
  process.stderr.write('--seeds needs a whole number from 1, --from a whole number.\n');
  process.exit(2);
}

const startedMs = performance.now();
let failed = 0;
let steps = 0;
let launched = 0;
for (let seed = from; seed < from + seeds; seed++) {
  const world = new World(seed, { trace: values.trace });
  try {
    const report = world.run();
    steps += report.steps;
    launched += report.launched;
  } catch (error) {
    failed++;
    process.stdout.write(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}\n`);
    if (values.trace && error instanceof Error) process.stdout.write(`${error.stack}\n`);
    process.stdout.write(`  replay: npm run dst -- --from ${seed} --seeds 1 --trace\n`);
  }
  if (values.trace) process.stdout.write(`${JSON.stringify(world.plan)}\n${world.trace.join('\n')}\n`);
}
const seconds = (performance.now() - startedMs) / 1000;
process.stdout.write(
  `${seeds} schedules from seed ${from}: ${seeds - failed} passed, ${failed} failed; ` +
    `${steps} steps, ${launched} launches, ${seconds.toFixed(1)} s\n`,
);
process.exit(failed === 0 ? 0 : 1);
