import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDockerDriver } from '../../agent/drivers/docker.js';
import { createEngine, demultiplex, JsonLines, splitImage } from '../../agent/drivers/docker-engine.js';
import type { Driver } from '../../agent/drivers/driver.js';
import type { WorkloadHealth } from '../../core/gossip/member.js';
import type { ContainerWorkload } from '../../core/spec/spec.js';
import { type ScriptedEngine, startScriptedEngine } from './scripted-engine.js';
import { eventually } from './wait.js';

let dir = '';
let engine: ScriptedEngine;
let drivers: Driver[] = [];
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'synkti-docker-test-'));
  engine = await startScriptedEngine();
});
afterEach(async () => {
  engine.bend = null;
  await Promise.all(drivers.map((driver) => driver.close()));
  drivers = [];
  await engine.close();
  rmSync(dir, { recursive: true, force: true });
});

function run(fields: Partial<ContainerWorkload> = {}) {
  const healths: WorkloadHealth[] = [];
  const whys: string[] = [];
  const workload: ContainerWorkload = {
    kind: 'container',
    name: 'llm',
    image: 'registry.example:5000/team/llm:1.2',
    args: ['--fast'],
    gpus: 1,
    mounts: [{ source: '/var/lib/synkti-files/model/0', target: '/models', readOnly: true }],
    port: 8080,
    environment: { MODEL: 'm' },
    health: null,
    inFlightPath: null,
    targetGroupArns: [],
    stopGraceMs: 1_000,
    ...fields,
  };
  const context = {
    bindAddress: '127.0.0.1',
    environment: { SYNKTI_SLOT: '3' },
    logDir: join(dir, 'logs'),
    stateDir: dir,
    log: (_level: string, code: string, more: Record<string, unknown>) => {
      if (code === 'workload-exited') whys.push(String(more.why));
    },
    onHealth: (health: WorkloadHealth) => healths.push(health),
  };
  const driver = createDockerDriver(workload, context, createEngine(engine.socketPath));
  drivers.push(driver);
  return { driver, healths, whys };
}

const sent = () => engine.requests.map(({ method, path }) => `${method} ${path.replace(/c\d+0{10,}/, 'ID')}`);
const healthy = (seen: readonly WorkloadHealth[]) => seen.at(-1) === 'healthy';

describe('docker driver', () => {
  it('pulls, creates, starts, stops and removes', async () => {
    const { driver, healths } = run();
    driver.start();
    await eventually(() => healths, healthy);
    expect(sent()).toEqual([
      'GET /_ping',
      'GET /containers/json',
      'GET /images/registry.example:5000/team/llm:1.2/json',
      'POST /images/create',
      'POST /containers/create',
      'POST /containers/ID/start',
    ]);
    const pull = engine.requests[3]?.query;
    expect([pull?.get('fromImage'), pull?.get('tag')]).toEqual(['registry.example:5000/team/llm', '1.2']);
    // The older of what both sides speak.
    expect(engine.requests.slice(1).map(({ version }) => version)).toEqual(Array(5).fill('1.44'));
    expect(engine.requests[4]?.body).toMatchObject({
      Image: 'registry.example:5000/team/llm:1.2',
      Cmd: ['--fast'],
      Env: ['HOST=0.0.0.0', 'MODEL=m', 'PORT=8080', 'SYNKTI_SLOT=3'],
      Labels: { 'synkti.workload': 'llm' },
      HostConfig: {
        PortBindings: { '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] },
        DeviceRequests: [{ Count: 1, Capabilities: [['gpu']] }],
        Mounts: [{ Type: 'bind', Source: '/var/lib/synkti-files/model/0', Target: '/models', ReadOnly: true }],
      },
    });
    driver.stop(2_500);
    await eventually(
      () => healths,
      (seen) => seen.at(-1) === 'stopped',
    );
    expect(engine.requests.find(({ path }) => path.endsWith('/stop'))?.query.get('t')).toBe('2');
    expect(engine.containers.size).toBe(0);
  });

  it('adopts a leftover of the same make without touching it, and removes others', async () => {
    const first = run();
    first.driver.start();
    await eventually(() => first.healths, healthy);
    const [kept = ''] = [...engine.containers.keys()];
    const stale = { Labels: { 'synkti.workload': 'llm', 'synkti.make': 'old' } };
    engine.containers.set('stale', { id: 'stale', name: 'stale', config: stale, running: true, exitCode: 0 });
    const second = run();
    second.driver.start();
    await eventually(() => second.healths, healthy);
    expect([...engine.containers.keys()]).toEqual([kept]);
    expect(sent().filter((line) => line === 'POST /containers/create')).toHaveLength(1);
  });

  it('makes room when something without its labels has its name', async () => {
    engine.images.add('registry.example:5000/team/llm:1.2');
    engine.containers.set('other', { id: 'other', name: 'synkti-llm', config: {}, running: true, exitCode: 0 });
    const { driver, healths } = run();
    driver.start();
    await eventually(() => healths, healthy);
    expect(engine.containers.has('other')).toBe(false);
  });

  it('says why an image cannot be pulled, although the engine answers 200', async () => {
    engine.bend = ({ path }) =>
      path === '/images/create'
        ? { status: 200, body: '{"status":"Pulling"}\n{"error":"manifest unknown","errorDetail":{}}\n' }
        : null;
    const { driver, healths, whys } = run();
    driver.start();
    await eventually(
      () => healths,
      (seen) => seen.at(-1) === 'unhealthy',
    );
    expect(whys[0]).toBe("image registry.example:5000/team/llm:1.2 can't be pulled: manifest unknown");
  });

  it.each([
    ['POST /containers/create', { status: 400, body: '{"message":"invalid reference"}' }, /400: invalid reference/],
    [
      'POST /containers/ID/start',
      { status: 500, body: '{"message":"could not select device driver"}' },
      /select device driver/,
    ],
    ['GET /containers/json', { status: 200, body: 'no json' }, /can't be read/],
    ['GET /_ping', 'cut' as const, /doesn't answer/],
    ['POST /images/create', 'cut' as const, /doesn't answer/],
  ])('%s going wrong is unhealthy with its reason, and is tried again', async (step, bent, why) => {
    let broken = true;
    engine.bend = ({ method, path }) =>
      broken && `${method} ${path.replace(/c\d+0{10,}/, 'ID')}` === step ? bent : null;
    const { driver, healths, whys } = run();
    driver.start();
    await eventually(
      () => healths,
      (seen) => seen.at(-1) === 'unhealthy',
    );
    expect(whys[0]).toMatch(why);
    broken = false;
    await eventually(() => healths, healthy);
  });

  it('refuses an engine that is too old', async () => {
    await engine.close();
    engine = await startScriptedEngine('1.24');
    const { driver, healths, whys } = run();
    driver.start();
    await eventually(
      () => healths,
      (seen) => seen.at(-1) === 'unhealthy',
    );
    expect(whys[0]).toMatch(/speaks API 1.24/);
  });

  it('says so when there is no engine, and goes on when it comes back', async () => {
    const { driver, healths, whys } = run();
    engine.bend = () => 'cut';
    driver.start();
    await eventually(
      () => healths,
      (seen) => seen.at(-1) === 'unhealthy',
    );
    expect(whys[0]).toMatch(/Docker engine doesn't answer GET \/_ping/);
  });

  it('starts an exited container again, and keeps its last lines', async () => {
    const { driver, healths, whys } = run();
    driver.start();
    await eventually(() => healths, healthy);
    for (const container of engine.containers.values()) Object.assign(container, { running: false, exitCode: 3 });
    await eventually(
      () => healths,
      (seen) => seen.at(-1) === 'unhealthy',
    );
    expect(whys[0]).toBe('its container exited with code 3');
    expect(readFileSync(join(dir, 'logs', 'llm.log'), 'utf8')).toBe('last line\n');
    await eventually(() => healths, healthy);
  });

  it('kills a container that the engine does not stop in time', async () => {
    const { driver, healths } = run();
    driver.start();
    await eventually(() => healths, healthy);
    engine.bend = ({ path }) => (path.endsWith('/stop') ? 'silence' : null);
    driver.stop(200);
    await eventually(sent, (lines) => lines.includes('POST /containers/ID/kill'));
    engine.bend = null;
    for (const id of engine.containers.keys()) engine.containers.delete(id);
    await eventually(
      () => healths,
      (seen) => seen.at(-1) === 'stopped',
      15_000,
    );
  });

  it('gives a pull up when it is stopped', async () => {
    engine.bend = ({ path }) => (path === '/images/create' ? 'silence' : null);
    const { driver, healths } = run();
    driver.start();
    await eventually(sent, (lines) => lines.includes('POST /images/create'));
    driver.stop(60_000);
    await eventually(
      () => healths,
      (seen) => seen.at(-1) === 'stopped',
    );
    expect(engine.containers.size).toBe(0);
  });
});

describe('engine formats', () => {
  it.each([
    ['nginx', 'nginx', 'latest'],
    ['nginx:1.2', 'nginx', '1.2'],
    ['host:5000/a/b', 'host:5000/a/b', 'latest'],
    ['host:5000/a/b:c', 'host:5000/a/b', 'c'],
    ['a@sha256:00', 'a', 'sha256:00'],
  ])('%s', (image, name, tag) => {
    expect(splitImage(image)).toEqual({ name, tag });
  });

  it('lines come together however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ n: fc.integer() }), { maxLength: 10 }),
        fc.integer({ min: 1, max: 20 }),
        (objects, step) => {
          const text = objects.map((one) => `${JSON.stringify(one)}\n`).join('');
          const lines = new JsonLines();
          const got: unknown[] = [];
          for (let at = 0; at < text.length; at += step)
            got.push(...lines.take(Buffer.from(text.slice(at, at + step))));
          expect(got).toEqual(objects);
        },
      ),
    );
  });

  it('frames of any bytes are read without harm', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => demultiplex(Buffer.from(bytes)).length <= 200));
  });
});
