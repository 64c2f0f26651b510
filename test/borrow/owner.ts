/**
 * A program that borrows a cluster from a local cloud, says so in lines of JSON, and holds it until it is ended.
 *
 *     owner.ts ENDPOINT NAME
 */
import { borrow } from '../../borrow/borrow.js';
import { messageOf } from '../../borrow/error.js';
import { Workload } from '../../lib/index.js';

const [endpoint = '', name = ''] = process.argv.slice(2);
const tell = (message: object): boolean => process.stdout.write(`${JSON.stringify(message)}\n`);

const SERVER =
  "require('node:http').createServer((_, r) => r.end('borrowed')).listen(process.env.PORT, process.env.HOST)";
const workload = Workload.process({
  command: [process.execPath, '-e', SERVER],
  port: 8080,
  healthCheck: { path: '/' },
});

try {
  const onProgress = (line: string): void => {
    tell({ line });
  };
  const cluster = await borrow({ endpoint, region: 'us-east-1', name, nodes: 1, lease: 120, workload, onProgress });
  const { stackId, bucket } = cluster;
  tell({ ready: { stackId, bucket, endpoint: cluster.endpoint } });
  // As if it worked.
  setInterval(() => {}, 60_000);
} catch (error) {
  tell({ failed: messageOf(error) });
  process.exitCode = 1;
}
