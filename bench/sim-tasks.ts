/** The task engine: time for one policy cold and warm, growth with the number of tasks, memory a task. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { DEFAULTS } from '../sim/campaign/options.js';
import { UnitRunner } from '../sim/campaign/unit.js';

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

function timeOf(tasks: number, duration: number, index = 0): number {
  const runner = new UnitRunner({ ...DEFAULTS, tasks, duration, policies: ['greedy-optimal'] }, null);
  const from = performance.now();
  runner.run(index);
  return performance.now() - from;
}

function best(times: number, run: (i: number) => number): number {
  return Math.min(...Array.from({ length: times }, (_, i) => run(i)));
}

/** In a process of its own: what others left behind would blur it. */
async function memory(): Promise<void> {
  const tasks = 200_000;
  globalThis.gc?.();
  const idle = process.memoryUsage();
  let peak = 0;
  const { heapUsed, arrayBuffers } = idle;
  // Everything that a run holds at its end is still held inside the call: looked at by a policy of its own.
  const { runTasks } = await import('../sim/tasks/engine.js');
  const { generateWorkload } = await import('../sim/tasks/workload.js');
  const { syntheticMarket } = await import('../sim/market/synthetic.js');
  const { greedySpot } = await import('../core/policy/task.js');
  const hour = 3_600_000;
  const inner = greedySpot();
  let asked = 0;
  runTasks(
    syntheticMarket({
      seed: 1,
      zones: 1,
      types: 1,
      onDemandUsdPerHour: 1,
      spotUsdPerHour: 0.3,
      interruptionsPerHour: 0.05,
      kind: 'ou',
      volatility: 0.2,
      hazardVolatility: 0.5,
      reversionPerHour: 0.5,
      dailyAmplitude: 0.1,
      zoneCorrelation: 0.6,
    }),
    generateWorkload({
      seed: 1,
      tasks,
      durationMs: 720 * hour,
      minLengthMs: hour,
      maxLengthMs: 20 * hour,
      model: null,
      models: 1,
      modelLoadMs: 180_000,
    }),
    {
      name: 'greedy',
      choose: (view) => {
        if (++asked % 20_000 === 0) {
          globalThis.gc?.();
          const now = process.memoryUsage();
          peak = Math.max(peak, now.heapUsed - heapUsed + now.arrayBuffers - arrayBuffers);
        }
        return inner.choose(view);
      },
    },
    {
      memoryMiB: 24_576,
      pendingMs: 16_000,
      bootMs: 30_000,
      bandwidthMiBps: 1192,
      noticeMs: 120_000,
      fullShare: 0.8,
      partialShare: 0.3,
      idleTimeoutMs: 300_000,
      migration: 'optimal',
      endMs: 10_000 * hour,
      withTimeline: false,
    },
  );
  say(`memory held at most during ${tasks} tasks: ${(peak / tasks).toFixed(0)} bytes a task`);
}

const here = fileURLToPath(import.meta.url);

/** Each in a process of its own: what users wait for. The median of wall and of CPU time, which a busy machine blurs less. */
function coldMedians(processes: number): readonly [number, number] {
  const times = Array.from({ length: processes }, () => {
    const text = execFileSync(process.execPath, [...process.execArgv, here, 'cold'], { encoding: 'utf8' });
    return text.trim().split(' ').map(Number);
  });
  const median = (k: number): number => times.map((t) => t[k] ?? 0).sort((a, b) => a - b)[processes >> 1] ?? 0;
  return [median(0), median(1)];
}

if (process.argv[2] === 'memory') {
  await memory();
} else if (process.argv[2] === 'cold') {
  const cpu = process.cpuUsage();
  const ms = timeOf(200, 72);
  const { user, system } = process.cpuUsage(cpu);
  say(`${ms} ${(user + system) / 1000}`);
} else {
  const [wallMs, cpuMs] = coldMedians(15);
  say(
    `200 tasks, 72 h, one policy, median of 15 fresh processes: ${wallMs.toFixed(1)} ms (CPU ${cpuMs.toFixed(1)} ms)`,
  );
  say(`200 tasks, 72 h, one policy, best of 20: ${best(20, (i) => timeOf(200, 72, i)).toFixed(1)} ms`);
  say(`20,000 tasks, 720 h, first: ${timeOf(20_000, 720).toFixed(0)} ms`);

  let before = 0;
  for (const tasks of [12_500, 25_000, 50_000, 100_000, 200_000]) {
    const ms = best(3, (i) => timeOf(tasks, 720, i));
    const perNLogN = (1e6 * ms) / (tasks * Math.log2(tasks));
    const growth = before === 0 ? '' : `, ${(ms / before).toFixed(2)} times the half`;
    say(`${tasks} tasks, 720 h: ${ms.toFixed(0)} ms, ${perNLogN.toFixed(0)} ns per n log2 n${growth}`);
    before = ms;
  }

  execFileSync(process.execPath, [...process.execArgv, '--expose-gc', here, 'memory'], { stdio: 'inherit' });
}
