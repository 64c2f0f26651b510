/** Placement: 500 displaced tasks over 500 nodes (limit 50 ms), in a fresh process, as a node plans, and over and over. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type DisplacedWork, type Host, planPlacement } from '../core/placement/plan.js';
import { randomInt, seededRng } from '../core/rng.js';

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

function caseOf(seed: string, tasks: number, hosts: number, tight: number): [DisplacedWork[], Host[]] {
  const rng = seededRng(seed);
  const data = Array.from({ length: 40 }, (_, n) => `d${n}`);
  const some = (most: number): string[] =>
    Array.from({ length: randomInt(rng, most + 1) }, () => `d${randomInt(rng, data.length)}`);
  return [
    Array.from({ length: tasks }, (_, n) => ({
      task: `t${n}.1`,
      memoryMiB: 256 * (1 + randomInt(rng, 32)),
      gpuMemoryMiB: rng.next() < 0.2 ? 1_024 * (1 + randomInt(rng, 16)) : 0,
      stateMiB: randomInt(rng, 8_192),
      data: some(2),
    })),
    Array.from({ length: hosts }, (_, n) => ({
      id: `i-${n}`,
      freeMemoryMiB: Math.round(64 * randomInt(rng, 256) * tight),
      freeGpuMemoryMiB: rng.next() < 0.4 ? 1_024 * randomInt(rng, 25) : 0,
      warm: some(8),
      load: rng.next(),
      bandwidthMiBps: 50 + randomInt(rng, 500),
      slots: 4,
    })),
  ];
}

/** Medians of wall and of processor time of a process's first plan. */
function coldMedians(processes: number): readonly [number, number] {
  const here = fileURLToPath(import.meta.url);
  const times = Array.from({ length: processes }, () => {
    const text = execFileSync(process.execPath, [...process.execArgv, here, 'cold'], { encoding: 'utf8' });
    return text.trim().split(' ').map(Number);
  });
  const median = (k: number): number => times.map((t) => t[k] ?? 0).sort((a, b) => a - b)[processes >> 1] ?? 0;
  return [median(0), median(1)];
}

if (process.argv[2] === 'cold') {
  const [work, nodes] = caseOf('placement 0', 500, 500, 1);
  const cpu = process.cpuUsage();
  const from = performance.now();
  planPlacement(work, nodes);
  const ms = performance.now() - from;
  const { user, system } = process.cpuUsage(cpu);
  say(`${ms} ${(user + system) / 1_000}`);
  process.exit();
}

const [wallMs, cpuMs] = coldMedians(15);
say(
  `500 tasks over 500 nodes, median of 15 fresh processes: ${wallMs.toFixed(1)} ms (CPU ${cpuMs.toFixed(1)} ms; limit 50 ms)`,
);

for (const [name, tasks, hosts, tight] of [
  ['500 tasks over 500 nodes', 500, 500, 1],
  ['500 tasks over 500 nodes, room for few', 500, 500, 0.4],
  ['500 tasks over 20 nodes', 500, 20, 8],
  ['8 tasks over 500 nodes', 8, 500, 1],
] as const) {
  const took: number[] = [];
  let placed = 0;
  for (let n = 0; n < 15; n++) {
    const [work, nodes] = caseOf(`placement ${n}`, tasks, hosts, tight);
    // Processor time: other processes of the machine don't count.
    const from = process.cpuUsage();
    placed = planPlacement(work, nodes).placed;
    const { user, system } = process.cpuUsage(from);
    took.push((user + system) / 1_000);
  }
  const sorted = [...took].sort((a, b) => a - b);
  say(
    `${name}: first ${took[0]?.toFixed(1)} ms, median ${sorted[7]?.toFixed(1)} ms, worst ${sorted[14]?.toFixed(1)} ms of 15 ` +
      `(limit 50 ms), ${placed} placed`,
  );
}
