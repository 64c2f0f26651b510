import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { MachineEvent } from '../../../local/machines/machine.js';
import { Machines, type MachinesOptions } from '../../../local/machines/machines.js';
import { createRunDir, type RunDir } from '../../../local/machines/run-dir.js';
import { eventually } from '../eventually.js';

const running: { machines: Machines; runDir: RunDir }[] = [];

async function start(script: string, options: Partial<MachinesOptions> = {}) {
  const runDir = await createRunDir();
  const events: MachineEvent[] = [];
  const machines = new Machines({
    runDir,
    command: [process.execPath, '-e', script],
    restarts: { restartAfterMs: 20 },
    onEvent: (event) => events.push(event),
    ...options,
  });
  running.push({ machines, runDir });
  const ends = () => events.flatMap((event) => (event.type === 'ended' ? [event] : []));
  return { machines, runDir, events, ends };
}

afterEach(async () => {
  for (const { machines, runDir } of running.splice(0)) {
    await machines.stop();
    await runDir.remove();
  }
});

/** Alive and no zombie. */
async function lives(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return stat !== null && !/\) [ZX] /.test(stat);
}

const text = (machines: Machines, file: string, id = 'i-1'): Promise<string> =>
  readFile(join(machines.directoryOf(id), file), 'utf8').catch(() => '');

const pidIn = (machines: Machines, file: string): Promise<number> =>
  eventually(file, async () => Number(await text(machines, file)));

const FOREVER = 'setInterval(() => {}, 1000);';
/** Starts a child in a process group of its own and writes its pid down. */
const WITH_CHILD = `
  const child = require('node:child_process').spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  require('node:fs').writeFileSync('child.pid', String(child.pid));
`;

describe('a machine', () => {
  it('runs its command with the given environment and nothing of the user', async () => {
    process.env.AWS_PROFILE = 'mine';
    const { machines } = await start(`console.log(JSON.stringify(process.env)); ${FOREVER}`);
    machines.boot('i-1', { SYNKTI_BIND_ADDRESS: '127.65.1.10' });
    delete process.env.AWS_PROFILE;
    const line = await eventually('output', () => text(machines, 'agent.log'));
    const environment = JSON.parse(line) as Record<string, string>;
    expect(environment.SYNKTI_BIND_ADDRESS).toBe('127.65.1.10');
    expect(Object.keys(environment).sort()).toEqual(['HOME', 'PATH', 'SYNKTI_BIND_ADDRESS', 'SYNKTI_MACHINE']);
  });

  it('restarts a process that crashes, up to the limit, and reports exit codes', async () => {
    const { machines, ends } = await start('process.exit(3)', {
      restarts: { restartAfterMs: 5, startLimitBurst: 3, startLimitIntervalMs: 60_000 },
    });
    machines.boot('i-1', {});
    await eventually('given up', () => ends().length === 3);
    expect(ends().map((event) => event.end.exitCode)).toEqual([3, 3, 3]);
    expect(ends().map((event) => event.next?.restart)).toEqual([true, true, false]);
    expect(ends()[2]?.next).toEqual({ restart: false, reason: 'start-limit' });
    expect(machines.mainPid('i-1')).toBeNull();
  });

  it('leaves a process that exits with 0 alone', async () => {
    const { machines, ends } = await start('');
    machines.boot('i-1', {});
    await eventually('ended', () => ends()[0]);
    expect(ends()[0]?.next).toEqual({ restart: false, reason: 'clean-exit' });
  });

  it('says why a command cannot be started', async () => {
    const { machines, ends } = await start('', { command: ['/no/such/agent'], restarts: { startLimitBurst: 1 } });
    machines.boot('i-1', {});
    const end = await eventually('failed', () => ends()[0]);
    expect(end.error).toMatch(/\/no\/such\/agent ENOENT/);
    expect(await text(machines, 'agent.log')).toMatch(/could not be started/);
  });

  it('kills what a crashed process left behind before it restarts it', async () => {
    const { machines, ends } = await start(`${WITH_CHILD} ${FOREVER}`);
    machines.boot('i-1', {});
    const child = await pidIn(machines, 'child.pid');
    const before = machines.mainPid('i-1');
    await writeFile(join(machines.directoryOf('i-1'), 'child.pid'), '');
    expect(machines.killAgent('i-1')).toBe(true);
    await eventually('orphan gone', async () => !(await lives(child)));
    const next = await pidIn(machines, 'child.pid');
    expect(ends()[0]?.end.signal).toBe('SIGKILL');
    expect(machines.mainPid('i-1')).not.toBe(before);
    expect(await lives(next)).toBe(true);
  });

  it('is asked to end by SIGTERM first, and then is off', async () => {
    const { machines, events, ends } = await start(
      `process.on('SIGTERM', () => { console.log('bye'); process.exit(0); }); ${WITH_CHILD} console.log('up'); ${FOREVER}`,
    );
    machines.boot('i-1', {});
    await eventually('up', async () => (await text(machines, 'agent.log')).includes('up'));
    const child = await pidIn(machines, 'child.pid');
    await machines.terminate('i-1', 10_000);
    expect(ends()[0]).toMatchObject({ end: { exitCode: 0 }, next: null });
    expect(await lives(child)).toBe(false);
    expect(events.at(-1)).toEqual({ type: 'off', instanceId: 'i-1' });
    expect(await text(machines, 'agent.log')).toContain('bye');
    expect(machines.isOff('i-1')).toBe(true);
  });

  it('that ignores SIGTERM is killed when the grace is over', async () => {
    const { machines, ends } = await start(`process.on('SIGTERM', () => {}); console.log('up'); ${FOREVER}`);
    machines.boot('i-1', {});
    await eventually('up', () => text(machines, 'agent.log'));
    await machines.terminate('i-1', 50);
    expect(ends()[0]?.end.signal).toBe('SIGKILL');
  });

  it('switched off loses everything at once, other groups included, and is not restarted', async () => {
    const { machines, ends } = await start(`${WITH_CHILD} ${FOREVER}`);
    machines.boot('i-1', {});
    machines.boot('i-2', {});
    const child = await pidIn(machines, 'child.pid');
    const main = machines.mainPid('i-1') ?? 0;
    await Promise.all([machines.powerOff('i-1'), machines.powerOff('i-1')]);
    expect([await lives(main), await lives(child)]).toEqual([false, false]);
    expect(ends()).toHaveLength(1);
    expect(await lives(machines.mainPid('i-2') ?? 0)).toBe(true);
  });

  it('tells its memory and processor time', async () => {
    const { machines } = await start(`${WITH_CHILD} while (process.cpuUsage().user < 60_000); ${FOREVER}`);
    machines.boot('i-1', {});
    await pidIn(machines, 'child.pid');
    const usage = await eventually('processor time', async () => {
      const now = await machines.usage('i-1');
      return now.cpuMs >= 50 && now.processes === 2 ? now : null;
    });
    expect(usage.rssBytes).toBeGreaterThan(20 * 1024 * 1024);
    expect(usage.pssBytes).toBeGreaterThan(5 * 1024 * 1024);
    expect(usage.pssBytes).toBeLessThanOrEqual(usage.rssBytes);
    expect(await machines.usage('i-none')).toEqual({ processes: 0, rssBytes: 0, pssBytes: 0, cpuMs: 0 });
  });

  it('keeps its log within bounds', async () => {
    const line = 'x'.repeat(99);
    const { machines } = await start(
      `for (let i = 0; i < 2000; i++) console.log('${line}'); console.log('last'); ${FOREVER}`,
      { maxLogBytes: 20_000 },
    );
    machines.boot('i-1', {});
    await eventually('last line', async () => (await text(machines, 'agent.log')).includes('last'));
    const path = join(machines.directoryOf('i-1'), 'agent.log');
    expect((await stat(path)).size).toBeLessThanOrEqual(20_000);
    expect((await stat(`${path}.1`)).size).toBeLessThanOrEqual(20_000);
  });

  it('refuses ids that are no file names, and a second boot', async () => {
    const { machines } = await start(FOREVER);
    expect(() => machines.boot('../escape', {})).toThrow(RangeError);
    machines.boot('i-1', {});
    expect(() => machines.boot('i-1', {})).toThrow(/booted before/);
  });
});

describe('a run', () => {
  it('leaves nothing behind when it stops', async () => {
    const { machines, runDir } = await start(`${WITH_CHILD} ${FOREVER}`);
    machines.boot('i-1', {});
    const pids = [machines.mainPid('i-1') ?? 0, await pidIn(machines, 'child.pid')];
    await machines.stop();
    await runDir.remove();
    for (const pid of pids) expect(await lives(pid)).toBe(false);
    expect(existsSync(runDir.path)).toBe(false);
  });

  it('is cleaned up by its reaper when it is killed', async () => {
    const parent = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'parent.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void parent.kill('SIGKILL'));
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const { path, pids } = JSON.parse(line) as { path: string; pids: number[] };
    expect(pids).toHaveLength(4);
    for (const pid of pids) expect(await lives(pid)).toBe(true);
    parent.kill('SIGKILL');
    for (const pid of pids) await eventually(`pid ${pid} gone`, async () => !(await lives(pid)));
    await eventually('run directory gone', () => !existsSync(path));
  });

  it('removes no directory that it did not make', async () => {
    const runDir = await createRunDir();
    const other = await mkdtemp(join(tmpdir(), 'not-ours-'));
    await rm(join(runDir.path, '.synkti-run'));
    await runDir.remove();
    expect([existsSync(runDir.path), existsSync(other)]).toEqual([true, true]);
    await Promise.all([runDir.path, other].map((path) => rm(path, { recursive: true })));
  });
});
