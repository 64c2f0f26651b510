import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { leftoversOf } from '../../../agent/drivers/leftovers.js';
import { groupRuns, signal } from '../../../agent/drivers/process-group.js';
import { createDataCache } from '../../../agent/tasks/data.js';
import { type Execution, endLeftovers, startExecution } from '../../../agent/tasks/execution.js';
import { createMeter } from '../../../agent/tasks/meter.js';
import { catches, startProcess } from '../../../agent/tasks/program.js';
import { createDownloader } from '../../../agent/tasks/restore.js';
import { createUploader } from '../../../agent/tasks/upload.js';
import type { WorkerEvent } from '../../../core/tasks/port.js';
import type { CheckpointRef, TaskSpec } from '../../../core/tasks/task.js';
import { wallMs } from '../../../core/time.js';
import { eventually } from '../wait.js';
import { type Bucket, newRoot, openBucket } from './world.js';

let bucket: Bucket;
let stateDir = '';
let running: Execution[] = [];
beforeAll(async () => {
  bucket = await openBucket();
});
afterAll(() => bucket.close());
beforeEach(() => {
  stateDir = newRoot();
});
afterEach(async () => {
  await Promise.all(running.map((one) => one.drop()));
  running = [];
  rmSync(stateDir, { recursive: true, force: true });
});

const node = (script: string): readonly string[] => [process.execPath, '-e', script];
const CHECKPOINT = { folder: 'out/state', intervalMs: null, notify: { by: 'signal' } } as const;

function specOf(command: readonly string[], fields: Partial<TaskSpec> = {}): TaskSpec {
  return {
    ...{ format: 1, id: 'job', run: 2, submittedMs: wallMs(0), environment: { OWN: 'own' } },
    work: { kind: 'process', command },
    ...{ memoryMiB: 1_000, gpuMemoryMiB: 0, expectedMs: null, deadline: null, retries: 0, priority: 5, data: [] },
    ...{ checkpoint: CHECKPOINT, stopGraceMs: 1_000, resume: null },
    ...fields,
  };
}

function run(spec: TaskSpec, options: { fence?: number; restore?: CheckpointRef } = {}) {
  const events: WorkerEvent[] = [];
  const logged: { code: string; fields: Record<string, unknown> }[] = [];
  const nowMs = () => performance.now();
  const meter = createMeter(nowMs, () => {});
  const downloader = createDownloader(bucket.transfer, meter);
  const execution = startExecution({
    spec,
    fence: options.fence ?? 7,
    restore: options.restore ?? null,
    stateDir,
    environment: { SYNKTI_SLOT: '3' },
    workloadEnvironment: { SHARED: 'yes' },
    engine: () => {
      throw new Error('no engine here');
    },
    uploader: createUploader(bucket.transfer, meter),
    downloader,
    transfer: bucket.transfer,
    data: createDataCache({
      root: join(stateDir, 'data'),
      transfer: bucket.transfer,
      downloader,
      onEvicted: () => {},
    }),
    nowMs,
    log: (_level, code, fields) => logged.push({ code, fields }),
    onEvent: (event) => events.push(event),
  });
  running.push(execution);
  const of = (type: WorkerEvent['type']) => events.filter((one) => one.type === type);
  const ended = () =>
    eventually(
      () => of('task-ended')[0],
      (end) => end !== undefined,
    ) as Promise<Extract<WorkerEvent, { type: 'task-ended' }>>;
  const started = () =>
    eventually(
      () => of('task-started').length,
      (count) => count === 1,
    );
  return { execution, events, logged, of, ended, started };
}

describe('an execution', () => {
  it('gives its program what it was promised, and tells how it ended and what it said', async () => {
    const keys = ['OWN', 'SHARED', 'SYNKTI_SLOT', 'SYNKTI_TASK_ID', 'SYNKTI_RUN', 'SYNKTI_FENCE'];
    const script = `console.log(${JSON.stringify(keys)}.map((k) => process.env[k]).join(' '));
      console.log(process.env.SYNKTI_CHECKPOINT_DIR === process.cwd() + '/out/state' && fs.existsSync('out/state'));
      process.exitCode = 3`;
    const { ended, of } = run(specOf(node(script)));
    expect(await ended()).toMatchObject({
      ...{ task: 'job.2', fence: 7, exitCode: 3, signal: null, problem: null },
      ...{ tail: 'own yes 3 job 2 7\ntrue\n', longLog: false },
    });
    expect(of('task-started')).toHaveLength(1);
  });

  it('ends at once with a clear reason where it can not begin', async () => {
    const absent = run(specOf(['no-such-program']), { fence: 1 });
    expect(await absent.ended()).toMatchObject({
      exitCode: null,
      problem: 'there is no program no-such-program on this node',
    });
    expect(absent.of('task-started')).toEqual([]);
    const file = join(stateDir, 'text');
    writeFileSync(file, 'text');
    expect((await run(specOf([file]), { fence: 2 }).ended()).problem).toMatch(/isn't an executable file/);
    const data = run(specOf(['true'], { data: ['s3://tasks-bucket/nothing-here'] }), { fence: 3 });
    expect((await data.ended()).problem).toBe('there is nothing under s3://tasks-bucket/nothing-here');
    const manifest = 'tasks/checkpoints/job.2/1/1.json';
    const restore = { fence: 1, seq: 1, manifest, bytes: 0, progress: null, doneMs: 0 };
    expect((await run(specOf(['true']), { fence: 4, restore }).ended()).problem).toBe(`${manifest} isn't there`);
  });

  it('keeps the last lines, and the whole log until it is dropped', async () => {
    const { ended, execution } = run(specOf(node(`for (let n = 0; n < 2000; n++) console.log('line ' + n)`)));
    const end = await ended();
    expect(end).toMatchObject({ longLog: true, exitCode: 0 });
    expect(end.tail.length).toBeLessThanOrEqual(4_096);
    expect(end.tail.endsWith('line 1999\n')).toBe(true);
    expect((await execution.log()).toString()).toMatch(/^line 0\n/);
    await execution.drop();
    expect(readdirSync(join(stateDir, 'tasks'))).toEqual([]);
  });

  it('tells of marks and sizes, saves, and goes on from there with the next fence', async () => {
    const script = `const { SYNKTI_CHECKPOINT_DIR: d, SYNKTI_CHECKPOINT_MARK: m } = process.env, fs = require('fs');
      if (fs.existsSync(d + '/n')) { console.log('from ' + fs.readFileSync(d + '/n', 'utf8')); process.exit(0); }
      fs.writeFileSync(d + '/n', '41'); fs.writeFileSync(m + '.t', '{"progress":0.5}'); fs.renameSync(m + '.t', m);
      setInterval(() => {}, 1000)`;
    const first = run(specOf(node(script)));
    await eventually(
      () => first.of('task-marked'),
      (marks) => marks.length === 1,
    );
    expect(first.of('task-marked')[0]).toMatchObject({ progress: 0.5, fence: 7 });
    first.execution.setAttentive(true);
    const size = await eventually(
      () => first.of('task-size').at(-1),
      (one) => one !== undefined && 'bytes' in one && one.bytes === 2,
    );
    expect(size).toMatchObject({ changedBytes: 2 });
    const saved = await first.execution.save(1, performance.now() + 5_000);
    if (!saved.ok) throw new Error(saved.why);
    expect(saved.checkpoint).toMatchObject({ progress: 0.5, fence: 7, seq: 1, bytes: 2 });
    first.execution.stop(100);
    expect(await first.ended()).toMatchObject({ exitCode: null, signal: 'SIGTERM' });
    const second = run(specOf(node(script)), { fence: 8, restore: saved.checkpoint });
    expect(await second.ended()).toMatchObject({ exitCode: 0, tail: 'from 41\n' });
  });

  it('has SIGUSR1 sent only to a program that handles it, and the hook called', async () => {
    const deaf = run(specOf(['sleep', '60']), { fence: 1 });
    await deaf.started();
    await deaf.execution.tell(wallMs(5));
    expect(deaf.logged.find(({ code }) => code === 'task-not-told')?.fields.why).toMatch(/no handler for SIGUSR1/);
    expect(deaf.of('task-ended')).toEqual([]);
    const script = `process.on('SIGUSR1', () => { console.log('told'); process.exit(0) }); console.log('ready');
      setInterval(() => {}, 1000)`;
    const keen = run(specOf(node(script)), { fence: 2 });
    await eventually(
      async () => (await keen.execution.log()).toString(),
      (text) => text.includes('ready'),
    );
    await keen.execution.tell(wallMs(5));
    expect((await keen.ended()).tail).toBe('ready\ntold\n');
    const bodies: string[] = [];
    const server = createServer((request, response) => {
      request.on('data', (chunk) => bodies.push(`${request.method} ${request.url} ${chunk}`));
      request.on('end', () => response.end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const notify = { by: 'http', url: `http://localhost:${port}/notice?a=1` } as const;
    const hooked = run(specOf(['sleep', '60'], { checkpoint: { ...CHECKPOINT, notify } }), { fence: 3 });
    await hooked.started();
    await hooked.execution.tell(wallMs(99));
    expect(bodies).toEqual(['POST /notice?a=1 {"task":"job.2","deadlineMs":99}']);
    server.close();
  });

  it('is killed with its children after its grace, also when it was stopped before it began', async () => {
    const script = `require('child_process').spawn('sleep', ['60']); process.on('SIGTERM', () => {});
      console.log(process.pid); setInterval(() => {}, 1000)`;
    const { execution, ended, started } = run(specOf(node(script)));
    await started();
    const pid = Number(
      await eventually(
        async () => (await execution.log()).toString().trim(),
        (text) => text !== '',
      ),
    );
    execution.stop(150);
    expect(await ended()).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
    expect(groupRuns(pid)).toBe(false);
    const early = run(specOf(['sleep', '60'], { stopGraceMs: 0 }), { fence: 9 });
    early.execution.stop(0);
    await early.ended();
  });

  it('reports a program that takes more memory than it said', async () => {
    const hungry = `const b = Buffer.alloc(60 * 1048576, 1); setInterval(() => b.length, 1000); console.log('full')`;
    const { execution, logged } = run(specOf(node(hungry), { memoryMiB: 20, checkpoint: null }));
    await eventually(
      async () => (await execution.log()).toString(),
      (text) => text.includes('full'),
    );
    execution.setAttentive(true);
    await eventually(
      () => logged.map(({ code }) => code),
      (codes) => codes.includes('task-over-memory'),
    );
  });
});

describe('leftovers of a former life', () => {
  it('are ended and removed', async () => {
    const root = join(stateDir, 'tasks', 'old.1.3');
    mkdirSync(root, { recursive: true });
    const begun = await startProcess({
      command: node(`console.log(process.pid); setInterval(() => {}, 1000)`),
      ...{ cwd: join(root, 'work'), environment: process.env, logPath: join(root, 'task.log'), stateDir: root },
    });
    if (!begun.ok) throw new Error(begun.problem);
    const pid = Number(
      await eventually(
        () => readFileSync(join(root, 'task.log'), 'utf8').trim(),
        (text) => text !== '',
      ),
    );
    expect(await endLeftovers(stateDir)).toBe(1);
    await begun.program.ended;
    expect(groupRuns(pid)).toBe(false);
    expect(existsSync(root)).toBe(false);
    expect(leftoversOf(root, 'task').end()).toBe(false);
  });
});

it('reads which signals a process handles', () => {
  const noop = (): void => {};
  process.on('SIGUSR2', noop);
  expect(catches(process.pid, 12)).toBe(true);
  process.off('SIGUSR2', noop);
  expect(catches(process.pid, 9)).toBe(false);
  expect(signal(2 ** 22 + 1, 'SIGTERM', true)).toBe(false);
});
