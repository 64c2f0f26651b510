/** The agent at rest: its bundle, its resident memory and its CPU time, read from /proc while a rehearsal is held open at the pace of production. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const dist = join(import.meta.dirname, '..', 'dist');
const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const SETTLE_MS = 30_000;
const SPAN_MS = 60_000;
const TICKS_PER_SECOND = 100;

say(`bundle: ${(statSync(join(dist, 'agent.mjs')).size / 1e6).toFixed(2)} MB (limit 1.2)`);

interface Sample {
  readonly rssKiB: number;
  readonly cpuMs: number;
}

const child = spawn(
  process.execPath,
  [join(dist, 'synkti.mjs'), 'rehearse', '--rate', '1', '--real-time', '--partition', '0|1@1s+1s', '--keep'],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
try {
  await heldOpen();
  await sleep(SETTLE_MS);
  const before = agents();
  await sleep(SPAN_MS);
  const after = agents();
  const rss = [...after.values()].map((s) => s.rssKiB / 1024).sort((a, b) => a - b);
  const share = [...after].map(([pid, s]) => (s.cpuMs - (before.get(pid)?.cpuMs ?? s.cpuMs)) / SPAN_MS);
  const most = (Math.max(...share) * 100).toFixed(2);
  const mean = ((share.reduce((sum, n) => sum + n, 0) / share.length) * 100).toFixed(2);
  say(`${rss.length} idle agents: RSS ${rss[0]?.toFixed(1)} to ${rss.at(-1)?.toFixed(1)} MiB (limit 64)`);
  say(`CPU over ${SPAN_MS / 1000} s: ${mean}% of a core on average, ${most}% at most (limit 1)`);
} finally {
  child.kill('SIGINT');
  await new Promise((resolve) => child.once('exit', resolve));
}

/** Resolves when the rehearsal prints how to look around. */
function heldOpen(): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.once('exit', (code) => reject(new Error(`The rehearsal ended with ${code}.\n${text}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      if (text.includes('AWS_ENDPOINT_URL')) resolve();
    });
  });
}

function agents(): Map<string, Sample> {
  const found = new Map<string, Sample>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('agent.mjs')) continue;
      const rssKiB = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      // Another rehearsal may be running.
      if (Number(fields[1]) !== child.pid) continue;
      const cpuMs = ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
      found.set(pid, { rssKiB, cpuMs });
    } catch {
      // It has ended.
    }
  }
  return found;
}
