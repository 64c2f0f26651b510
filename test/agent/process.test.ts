import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Driver, DriverContext } from '../../agent/drivers/driver.js';
import { createProcessDriver } from '../../agent/drivers/process.js';
import { groupRuns, parseStat } from '../../agent/drivers/process-group.js';
import { createWorkloads } from '../../agent/workloads.js';
import type { WorkloadHealth } from '../../core/gossip/member.js';
import type { ProcessWorkload } from '../../core/spec/spec.js';
import { eventually } from './wait.js';

let dir = '';
let drivers: Driver[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'synkti-process-'));
});
afterEach(async () => {
  await Promise.all(drivers.map((driver) => driver.close()));
  drivers = [];
  rmSync(dir, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function run(fields: Partial<ProcessWorkload>) {
  const healths: WorkloadHealth[] = [];
  const logged: { code: string; fields: Record<string, unknown> }[] = [];
  const workload: ProcessWorkload = {
    kind: 'process',
    name: 'web',
    command: [],
    workingDirectory: null,
    port: null,
    environment: {},
    health: null,
    inFlightPath: null,
    targetGroupArns: [],
    stopGraceMs: 1_000,
    ...fields,
  };
  const context: DriverContext = {
    bindAddress: '127.0.0.1',
    environment: { SYNKTI_SLOT: '3' },
    logDir: join(dir, 'logs'),
    stateDir: dir,
    log: (_level, code, more) => logged.push({ code, fields: more }),
    onHealth: (health) => healths.push(health),
  };
  const driver = createProcessDriver(workload, context);
  drivers.push(driver);
  const pids = () => logged.filter(({ code }) => code === 'workload-started').map(({ fields: { pid } }) => Number(pid));
  const output = () => readFileSync(join(dir, 'logs', 'web.log'), 'utf8');
  return { driver, healths, logged, pids, output };
}

const node = (script: string) => [process.execPath, '-e', script];
/** Serves until SIGTERM, then ends after the requests in flight. */
const SERVER = `const s=require('http').createServer((q,r)=>{if(q.url==='/slow'){setTimeout(()=>r.end('late'),400)}
  else r.end(q.url==='/n'?'{"inFlight":4}':'ok')}).listen(+process.env.PORT,process.env.HOST);
  process.on('SIGTERM',()=>s.close(()=>process.exit(0)))`;
const HEALTH = { path: '/', intervalMs: 30, timeoutMs: 1_000, healthyAfter: 2, unhealthyAfter: 2 };

describe('process driver', () => {
  it('starts, finds it healthy, counts requests, stops it, and leaves nothing', async () => {
    const port = await freePort();
    const { driver, healths, pids } = run({ command: node(SERVER), port, health: HEALTH, inFlightPath: '/n' });
    driver.start();
    await eventually(
      () => healths,
      (seen) => seen.includes('healthy'),
    );
    expect(await driver.inFlight()).toBe(4);
    driver.stop(5_000);
    await eventually(
      () => healths,
      (seen) => seen.includes('stopped'),
    );
    expect(groupRuns(pids()[0] ?? 0)).toBe(false);
    expect(healths.at(-1)).toBe('stopped');
  });

  it('counts established connections where there is no path to ask', async () => {
    const port = await freePort();
    const { driver, healths } = run({ command: node(SERVER), port, health: HEALTH });
    driver.start();
    await eventually(
      () => healths,
      (seen) => seen.includes('healthy'),
    );
    const slow = fetch(`http://127.0.0.1:${port}/slow`);
    await eventually(
      () => driver.inFlight(),
      (n) => (n ?? 0) >= 1,
    );
    expect(await (await slow).text()).toBe('late');
  });

  it('ends with SIGKILL what does not heed SIGTERM, its children included', async () => {
    const stubborn = `process.on('SIGTERM',()=>{});const c=require('child_process').spawn(process.execPath,['-e','process.on("SIGTERM",()=>{});setInterval(()=>{},1e3)'],{stdio:'ignore'});console.log('child '+c.pid);setInterval(()=>{},1e3)`;
    const { driver, healths, pids, output } = run({ command: node(stubborn) });
    driver.start();
    await eventually(
      () => healths,
      (seen) => seen.includes('healthy'),
    );
    const child = Number(/child (\d+)/.exec(output())?.[1]);
    const begun = performance.now();
    driver.stop(300);
    await eventually(
      () => healths,
      (seen) => seen.includes('stopped'),
    );
    expect(performance.now() - begun).toBeGreaterThanOrEqual(300);
    expect(groupRuns(pids()[0] ?? 0)).toBe(false);
    expect(child).toBeGreaterThan(0);
  });

  it('gives the program its environment, without a shell', async () => {
    const script =
      'console.log(process.argv[1], process.env.HOST, process.env.PORT, process.env.SYNKTI_SLOT, process.env.MINE)';
    const { driver, output } = run({ command: [...node(script), '$HOME;x'], port: 4711, environment: { MINE: 'yes' } });
    driver.start();
    expect(
      (
        await eventually(
          () => safely(output),
          (text) => text.includes('\n'),
        )
      ).split('\n')[0],
    ).toBe('$HOME;x 127.0.0.1 4711 3 yes');
  });

  it.each([
    [{ command: ['/no/such/program'] }, /there is no program/],
    [{ command: [] }, /command is empty/],
    [{ command: node('1'), workingDirectory: '/no/such/directory' }, /working directory .* doesn't exist/],
    [{ command: node('process.exit(3)') }, /exited with code 3/],
  ])('%j is unhealthy, and the log says why', async (fields, why) => {
    const { driver, healths, logged } = run(fields as Partial<ProcessWorkload>);
    driver.start();
    await eventually(
      () => healths,
      (seen) => seen.includes('unhealthy'),
    );
    expect(String(logged.find(({ code }) => code === 'workload-exited')?.fields.why)).toMatch(why);
  });

  it('starts again what exits, with growing pauses', async () => {
    const { driver, pids, logged, healths } = run({ command: node('process.exit(1)') });
    driver.start();
    await eventually(pids, (seen) => seen.length >= 2);
    const pauses = await eventually(
      () => logged.filter(({ code }) => code === 'workload-exited').map(({ fields }) => fields.restartInMs),
      (seen) => seen.length >= 2,
    );
    expect(pauses.slice(0, 2)).toEqual([500, 1_000]);
    driver.stop(100);
    await eventually(
      () => healths,
      (seen) => seen.includes('stopped'),
    );
  });

  it('becomes unhealthy when it stops answering, and healthy again', async () => {
    const port = await freePort();
    const flaky = `let bad=false;require('http').createServer((q,r)=>{if(q.url==='/toggle')bad=!bad;r.statusCode=bad&&q.url==='/'?500:200;r.end()}).listen(${port},'127.0.0.1')`;
    const { driver, healths } = run({ command: node(flaky), port, health: HEALTH });
    driver.start();
    await eventually(
      () => healths,
      (seen) => seen.at(-1) === 'healthy',
    );
    await fetch(`http://127.0.0.1:${port}/toggle`);
    await eventually(
      () => healths,
      (seen) => seen.at(-1) === 'unhealthy',
    );
    await fetch(`http://127.0.0.1:${port}/toggle`);
    await eventually(
      () => healths,
      (seen) => seen.at(-1) === 'healthy',
    );
  });

  it('ends what a former life of the agent left running', async () => {
    const first = run({ command: node('setInterval(()=>{},1e3)') });
    first.driver.start();
    const [pid = 0] = await eventually(first.pids, (seen) => seen.length === 1);
    const second = run({ command: node('setInterval(()=>{},1e3)') });
    second.driver.start();
    await eventually(
      () => groupRuns(pid),
      (runs) => !runs,
    );
    expect(second.logged.map(({ code }) => code)).toContain('workload-leftover-ended');
  });

  it('a stop before the start is a stop', async () => {
    const { driver, healths } = run({ command: node('1') });
    driver.stop(100);
    driver.start();
    expect(healths).toEqual(['stopped']);
  });
});

describe('workloads', () => {
  it('report changes at once and again at a pace, and answer for an unknown name', async () => {
    const seen: string[] = [];
    const workloads = createWorkloads({
      names: ['a'],
      createDriver: (_name, onHealth) => ({
        start: () => onHealth('healthy'),
        stop: () => onHealth('stopped'),
        inFlight: async () => 2,
        close: async () => {},
      }),
      onStatus: (name, { health, inFlight }) => seen.push(`${name} ${health} ${inFlight}`),
    });
    workloads.setAttentive(true);
    workloads.start('a');
    expect(seen).toEqual(['a healthy null']);
    await eventually(
      () => seen.length,
      (n) => n >= 3,
    );
    expect(seen[1]).toBe('a healthy 2');
    workloads.stop('a', 0);
    workloads.stop('b', 0);
    expect(seen.slice(-2)).toEqual(['a stopped 0', 'b stopped 0']);
    await workloads.close();
  });
});

it('a workload that was stopped gets a driver of its own when it is started again, and the old one is not heard', () => {
  const drivers: ((health: 'healthy' | 'stopped') => void)[] = [];
  const seen: string[] = [];
  const workloads = createWorkloads({
    names: ['a'],
    createDriver: (_name, onHealth) => {
      drivers.push(onHealth);
      return {
        start: () => onHealth('healthy'),
        stop: () => onHealth('stopped'),
        inFlight: async () => 0,
        close: async () => {},
      };
    },
    onStatus: (_name, { health }) => seen.push(health),
  });
  workloads.start('a');
  workloads.stop('a', 0);
  workloads.start('a');
  drivers[0]?.('stopped');
  expect(drivers).toHaveLength(2);
  expect(seen).toEqual(['healthy', 'stopped', 'healthy']);
  return workloads.close();
});

it('a stat line is read past a name with brackets', () => {
  const stat = `7 (a) b) c) S 1 5 5 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 8714 0 0`;
  expect(parseStat(stat)).toEqual({ state: 'S', group: 5, startedTicks: 8714 });
  expect(parseStat('')).toBeNull();
});

function safely(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
