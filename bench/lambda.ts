/**
 * The Lambdas' bundles: what is uploaded (zip, at most 400 kB) and what a cold start loads (import in a fresh process, at
 * most 150 ms). Run `npm run build` first. Figures are of this machine in this run.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { deflateRawSync } from 'node:zlib';

const RUNS = 9;
const MAX_ZIP_BYTES = 400_000;
const MAX_IMPORT_MS = 150;
/** A zip's own headers for one file. */
const ZIP_OVERHEAD_BYTES = 200;

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'lambda');
const IMPORT = `
const start = performance.now();
await import(process.argv[1]);
process.stdout.write(String(performance.now() - start) + '\\n');
process.exit(0);
`;

function importMs(path: string): number {
  const environment = { ...process.env, AWS_REGION: 'us-east-1', SYNKTI_CLUSTER: 'web' };
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', IMPORT, pathToFileURL(path).href], {
    env: environment,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return Number(out.trim().split('\n').at(-1));
}

let failed = false;
for (const name of ['interruption', 'ended', 'sweep', 'seeder']) {
  const path = join(dist, name, 'index.mjs');
  const bytes = readFileSync(path);
  const zipped = deflateRawSync(bytes, { level: 9 }).length + ZIP_OVERHEAD_BYTES;
  const times = Array.from({ length: RUNS }, () => importMs(path)).sort((a, b) => a - b);
  const median = times[Math.floor(RUNS / 2)] ?? Number.NaN;
  failed ||= zipped > MAX_ZIP_BYTES || !(median <= MAX_IMPORT_MS);
  process.stdout.write(
    `${name.padEnd(14)}${(bytes.length / 1000).toFixed(0).padStart(5)} kB, zipped ${(zipped / 1000).toFixed(0)} kB; ` +
      `import ${median.toFixed(0)} ms (median of ${RUNS}, ${times[0]?.toFixed(0)} to ${times.at(-1)?.toFixed(0)} ms)\n`,
  );
}
if (failed) process.stdout.write(`Over the limits of ${MAX_ZIP_BYTES / 1000} kB or ${MAX_IMPORT_MS} ms.\n`);
process.exit(failed ? 1 : 0);
