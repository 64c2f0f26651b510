/** Real processes over the local cloud: from the notice to the acts, requests lost, and what a rehearsal costs. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const synkti = join(import.meta.dirname, '..', 'dist', 'synkti.mjs');
const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const folder = mkdtempSync(join(tmpdir(), 'synkti-bench-'));

interface Verdict {
  readonly kept: boolean;
  readonly run: { readonly wallMs: number; readonly memoryMiB: number | null };
  readonly traffic: { readonly sent: number; readonly failed: number };
  readonly incidents: readonly {
    readonly atMs: number;
    readonly firstActMs: number | null;
    readonly replacementAskedMs: number | null;
    readonly replacementServingMs: number | null;
  }[];
}

function rehearse(...args: readonly string[]): Verdict {
  const file = join(folder, 'verdict.json');
  const { status, stdout } = spawnSync(process.execPath, [synkti, 'rehearse', '--json', file, ...args], {
    encoding: 'utf8',
  });
  if (status === 2) throw new Error(stdout);
  return JSON.parse(readFileSync(file, 'utf8')) as Verdict;
}

const seconds = (ms: readonly (number | null)[], share: number): string => {
  const known = ms.filter((one) => one !== null).sort((a, b) => a - b);
  return `${((known[Math.ceil((known.length - 1) * share)] ?? Number.NaN) / 1000).toFixed(2)} s`;
};

try {
  const standard = rehearse('--seed', '1');
  const memory = standard.run.memoryMiB;
  say(`default rehearsal: ${(standard.run.wallMs / 1000).toFixed(1)} s (limit 90), ${memory} MiB (limit 1024)`);

  // Half of the nodes at once, again and again: 30 notices.
  const waves = Array.from({ length: 10 }, (_, i) => [
    '--interrupt',
    `${i % 2 === 0 ? '0,1,2' : '3,4,5'}@${2 + i * 12}s`,
  ]);
  const storm = rehearse('--seed', '2', '--rate', '100', ...waves.flat());
  const since = (moment: 'firstActMs' | 'replacementAskedMs' | 'replacementServingMs'): (number | null)[] =>
    storm.incidents.map((one) => (one[moment] === null ? null : one[moment] - one.atMs));
  say(`half of the nodes at once, 10 times, ${storm.incidents.length} notices, kept: ${storm.kept}`);
  say(
    `  notice to first action: median ${seconds(since('firstActMs'), 0.5)}, p99 ${seconds(since('firstActMs'), 0.99)} (limit 1.2)`,
  );
  say(
    `  notice to replacement asked: median ${seconds(since('replacementAskedMs'), 0.5)}, ` +
      `p99 ${seconds(since('replacementAskedMs'), 0.99)} (limit 1.5)`,
  );
  say(`  notice to replacement serving: median ${seconds(since('replacementServingMs'), 0.5)}`);
  say(`  requests: ${storm.traffic.sent} sent, ${storm.traffic.failed} failed (limit 0)`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
