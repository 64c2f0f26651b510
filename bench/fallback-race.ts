/**
 * Agents and Lambdas racing over 500 seeded schedules of faults, under virtual time, on the decisions that ship. The
 * checkers of the fault schedules fail a run in which two nodes hold a slot beyond the surplus window, or a slot is empty
 * at the end. Another number of runs: `npx tsx bench/fallback-race.ts 50`.
 */
import { World } from '../test/dst/world.js';
import { Fallback } from '../test/lambda/race.js';

const runs = Number(process.argv[2] ?? 500);
if (!Number.isSafeInteger(runs) || runs < 1) {
  process.stderr.write('The number of runs must be a whole number from 1.\n');
  process.exit(2);
}
const startedMs = performance.now();
const verdicts = new Map<string, number>();
let failed = 0;
let acted = 0;
let byLambdas = 0;
let launched = 0;
for (let seed = 1; seed <= runs; seed++) {
  const world = new World(seed);
  const fallback = new Fallback(world);
  try {
    launched += world.run().launched;
  } catch (error) {
    failed++;
    process.stdout.write(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}\n`);
  }
  acted += fallback.acted;
  byLambdas += fallback.launched;
  for (const [why, count] of fallback.verdicts) verdicts.set(why, (verdicts.get(why) ?? 0) + count);
}
const seconds = (performance.now() - startedMs) / 1000;
process.stdout.write(
  `${runs} runs, ${failed} with a duplicate beyond the surplus window or an empty seat; ${launched} nodes launched, ` +
    `${byLambdas} seats filled by a Lambda or found filled by its token, ${acted} events acted on; ${seconds.toFixed(0)} s\n`,
);
for (const [why, count] of [...verdicts].sort()) process.stdout.write(`  ${why.padEnd(28)}${count}\n`);
process.exit(failed === 0 ? 0 : 1);
