/**
 * Agents and Lambdas racing. First over 500 seeded schedules of faults, under virtual time, on the decisions that ship:
 * the checkers of the fault schedules fail a run in which two nodes hold a slot beyond the surplus window, or a slot is
 * empty at the end. Then, with `--rehearsals 20`, in real rehearsals, a minute each. `--runs` changes the first number.
 */
import { parseArgs } from 'node:util';
import { World } from '../test/dst/world.js';
import { Fallback } from '../test/lambda/race.js';
import { raceRehearsals } from './_race-rehearsals.js';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '500' }, rehearsals: { type: 'string', default: '0' } },
});
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

function count(name: 'runs' | 'rehearsals'): number {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`--${name} must be a whole number, not ${values[name]}.\n`);
  process.exit(2);
}

/** @returns the number of runs that failed */
function schedules(runs: number): number {
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
      say(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
    }
    acted += fallback.acted;
    byLambdas += fallback.launched;
    for (const [why, times] of fallback.verdicts) verdicts.set(why, (verdicts.get(why) ?? 0) + times);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  say(
    `${runs} runs, ${failed} with a duplicate beyond the surplus window or an empty seat; ${launched} nodes launched, ` +
      `${byLambdas} seats filled by a Lambda or found filled by its token, ${acted} events acted on; ${seconds.toFixed(0)} s`,
  );
  for (const [why, times] of [...verdicts].sort()) say(`  ${why.padEnd(28)}${times}`);
  return failed;
}

const [runs, rehearsals] = [count('runs'), count('rehearsals')];
let ok = runs === 0 || schedules(runs) === 0;
if (rehearsals > 0) {
  const { played, duplicates, emptySeats, broken, failed } = raceRehearsals(rehearsals, say);
  say(
    `${played} of ${rehearsals} rehearsals played: ${duplicates} duplicates beyond the surplus window (limit 0), ` +
      `${emptySeats} empty seats at the end (limit 0), ${broken} broken promises of any kind`,
  );
  ok &&= failed === 0 && duplicates === 0 && emptySeats === 0;
}
process.exit(ok ? 0 : 1);
