/**
 * Runs the benchmarks, one process each, one after another: `npm run bench`, or `npm run bench -- gossip rehearsal` for
 * some; what follows the first option is handed on: `npm run bench -- fallback-race --rehearsals 20`. Figures are of
 * this machine in this run: compare ratios, not absolute times.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const all = readdirSync(folder)
  .filter((file) => file.endsWith('.ts') && file !== 'run.ts' && !file.startsWith('_'))
  .map((file) => file.slice(0, -'.ts'.length))
  .sort();
const given = process.argv.slice(2);
const optionsAt = given.findIndex((word) => word.startsWith('--'));
const asked = optionsAt < 0 ? given : given.slice(0, optionsAt);
const options = optionsAt < 0 ? [] : given.slice(optionsAt);
const unknown = asked.filter((name) => !all.some((bench) => bench.startsWith(name)));
if (unknown.length > 0) {
  process.stderr.write(`There is no benchmark ${unknown.join(', ')}; there are: ${all.join(', ')}.\n`);
  process.exit(2);
}

process.stdout.write(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}\n`);
let failed = 0;
for (const name of all.filter((bench) => asked.length === 0 || asked.some((a) => bench.startsWith(a)))) {
  process.stdout.write(`\n## ${name}\n`);
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', join(folder, `${name}.ts`), ...options], {
    stdio: 'inherit',
  });
  if (status !== 0) failed++;
}
process.exit(failed === 0 ? 0 : 1);
