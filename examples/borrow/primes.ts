/**
 * Borrows three spot nodes for as long as it takes to count the primes below two million, and gives them back. In your own
 * project the import is from 'synkti'. On your own machine, in two terminals:
 *
 *     synkti rehearse --keep --endpoint-port 4566
 *     npx tsx examples/borrow/primes.ts http://127.0.0.1:4566
 *
 * Without an address it runs in AWS. The load balancer is inside the VPC, so the program must be there, too.
 */
import { join } from 'node:path';
import { FileSource, Synkti, Workload } from '../../borrow/entry.js';

const [endpoint] = process.argv.slice(2);
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

const workload = Workload.process({
  command: ['/usr/local/bin/synkti-node', '/opt/primes/primes.mjs'],
  files: [{ source: FileSource.asset(join(import.meta.dirname, 'program')), path: '/opt/primes' }],
  port: 8080,
  healthCheck: { path: '/' },
});

await using cluster = await Synkti.borrow({
  nodes: 3,
  workload,
  lease: 300,
  onProgress: say,
  ...(endpoint === undefined ? {} : { endpoint }),
});

const STEP = 100_000;
const ranges = Array.from({ length: 20 }, (_, i) => `from=${i * STEP}&to=${(i + 1) * STEP}`);
const answers = await Promise.all(
  ranges.map((range) => fetch(`${cluster.endpoint}/?${range}`).then((one) => one.text())),
);
say(`${answers.reduce((sum, count) => sum + Number(count), 0)} primes below ${STEP * ranges.length}`);
