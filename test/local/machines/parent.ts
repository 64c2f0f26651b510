/** A rehearsal in small, to be killed by the reaper's test: prints its run directory and pids, then waits. */
import { Machines } from '../../../local/machines/machines.js';
import { createRunDir } from '../../../local/machines/run-dir.js';
import { eventually } from '../eventually.js';

const runDir = await createRunDir();
// The node's process starts a child with a process group of its own.
const script = `
  const child = require('node:child_process').spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  require('node:fs').writeFileSync('child.pid', String(child.pid));
  setInterval(() => {}, 1000);
`;
const machines = new Machines({ runDir, command: [process.execPath, '-e', script] });
machines.boot('i-1', {});
machines.boot('i-2', {});
const { readFile } = await import('node:fs/promises');
const childOf = (id: string): Promise<number> =>
  eventually('child', async () =>
    Number(await readFile(`${machines.directoryOf(id)}/child.pid`, 'utf8').catch(() => '')),
  );
const pids = [machines.mainPid('i-1'), machines.mainPid('i-2'), await childOf('i-1'), await childOf('i-2')];
process.stdout.write(`${JSON.stringify({ path: runDir.path, pids })}\n`);
setInterval(() => {}, 1000);
