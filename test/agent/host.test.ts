import { describe, expect, it } from 'vitest';
import { createHost, type HostParts } from '../../agent/host.js';
import { createLog } from '../../agent/log.js';
import { pagesOf, type Shown } from '../../agent/pages.js';
import { createBrain } from '../../agent/start.js';
import type { CloudCall, Outcome } from '../../core/cloud.js';
import { seededRng } from '../../core/rng.js';
import { parseSpec } from '../../core/spec/parse.js';
import type { Spec } from '../../core/spec/spec.js';
import { monoMs, wallMs } from '../../core/time.js';
import { eventually } from './wait.js';

const TG = 'arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/test/0123456789abcdef';

const IDENTITY = {
  instanceId: 'i-0aaaaaaaaaaaaaaaa',
  instanceType: 'c7g.large',
  region: 'us-east-1',
  zone: 'us-east-1a',
  lifecycle: 'spot',
  privateIp: '127.0.0.1',
  cluster: 'test',
  epoch: 'e1',
  seat: { slot: 0, generation: 1, rung: 0 },
  templateVersion: 1,
} as const;

function spec(): Spec {
  const parsed = parseSpec(
    JSON.stringify({
      format: 1,
      version: 1,
      cluster: 'test',
      epoch: 'e1',
      desired: 1,
      launch: {
        templateId: 'lt-0123456789abcdef0',
        templateVersion: 1,
        pools: [{ instanceType: 'c7g.large', zone: 'us-east-1a', subnetId: 'subnet-1' }],
        onDemandAfter: null,
      },
      workloads: [
        {
          name: 'web',
          kind: 'process',
          command: ['x'],
          port: 8080,
          environment: {},
          health: null,
          inFlightPath: null,
          targetGroupArns: [TG],
          stopGraceMs: 100,
        },
      ],
      policy: { keepServingMs: 10, drainMs: 2_000 },
      gossip: { preset: 'local', port: 7946, secretId: 'k' },
      bucket: 'synkti-test',
    }),
  );
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

/** A host whose outside is played by the test. */
function start(overrides: Partial<HostParts> = {}) {
  const clock = () => ({ nowMs: monoMs(performance.now()), wallMs: wallMs(Date.now()), rng: seededRng(1) });
  const lines: string[] = [];
  const calls: CloudCall[] = [];
  const acts: string[] = [];
  let exited = false;
  const log = createLog('debug', { write: (line) => lines.push(line) });
  const values: Partial<Record<CloudCall['op'], unknown>> = { findNodes: [], readHint: null, writeHint: { etag: 'e' } };
  const host = createHost({
    state: createBrain(IDENTITY, spec(), true, clock()),
    clock,
    cloud: {
      call: async (call) => {
        calls.push(call);
        if (call.op === 'launch')
          return { ok: true, value: { instanceIds: ['i-0bbbbbbbbbbbbbbbb'], errors: [] } } as Outcome as never;
        return { ok: true, value: values[call.op] ?? null } as Outcome as never;
      },
    },
    socket: { send: () => {}, exchange: async () => null, reply: () => {} },
    workloads: {
      start: (name) => {
        acts.push(`start ${name}`);
        host.push({ type: 'workload', name, status: { health: 'healthy', inFlight: 0 } });
      },
      stop: (name, graceMs) => {
        acts.push(`stop ${name} ${graceMs <= 100}`);
        host.push({ type: 'workload', name, status: { health: 'stopped', inFlight: 0 } });
      },
      setAttentive: (attentive) => {
        if (attentive && acts.at(-1) !== 'attentive') acts.push('attentive');
      },
    },
    log,
    onExit: () => {
      exited = true;
    },
    ...overrides,
  });
  return { host, lines, calls, acts, log, exited: () => exited };
}

const ops = (calls: readonly CloudCall[]) => calls.map(({ op }) => op);

describe('host', () => {
  it('takes a node from its look at EC2 to serving, and through a stop to its exit', async () => {
    const { host, calls, acts, exited } = start();
    host.push({ type: 'tick' });
    await eventually(
      () => ops(calls),
      (seen) => seen.includes('registerTarget'),
    );
    expect(ops(calls)[0]).toBe('findNodes');
    expect(acts).toContain('start web');
    host.push({ type: 'stop', reason: 'signal' });
    const keepReporting = setInterval(() => {
      host.push({
        type: 'workload',
        name: 'web',
        status: { health: acts.some((a) => a.startsWith('stop')) ? 'stopped' : 'healthy', inFlight: 0 },
      });
    }, 50);
    await eventually(exited, (seen) => seen);
    clearInterval(keepReporting);
    expect(acts).toContain('stop web true');
    expect(acts).toContain('attentive');
    // keepInstance: nothing is terminated.
    expect(ops(calls)).not.toContain('terminate');
    expect(ops(calls)).toContain('deregisterTarget');
    const saved = calls.find((call) => call.op === 'putObject' && call.key.startsWith('last-words/'));
    expect(saved?.op === 'putObject' && saved.body).toMatch(/"code":"leaving"/);
  });

  it('goes on after an effect that fails', async () => {
    const { host, lines } = start({
      workloads: {
        start: () => {
          throw new Error('boom');
        },
        stop: () => {},
        setAttentive: () => {},
      },
    });
    host.push({ type: 'tick' });
    await eventually(
      () => host.counters.effectsFailed,
      (n) => n === 1,
    );
    expect(lines.join('')).toMatch(/"effect":"start-workload","why":"boom","code":"effect-failed"/);
    const { events } = host.counters;
    host.push({ type: 'tick' });
    expect(host.counters.events).toBe(events + 1);
    host.stop();
  });

  it('is shown by the pages', async () => {
    const shown: Shown = {
      version: '1',
      startingStep: 'spec',
      running: null,
      imds: { requests: 1, tokens: 1, refused: 0, failed: 0 },
    };
    const pages = pagesOf(shown);
    expect(pages.health()).toEqual({ ok: false, phase: 'starting', waitingFor: 'spec' });
    expect(pages.members()).toEqual({ starting: 'spec' });
    const { host, calls } = start();
    const gossip = {
      sent: 2,
      sentBytes: 0,
      received: 0,
      receivedBytes: 0,
      sendErrors: 0,
      exchangesBegun: 0,
      exchangesFailed: 0,
      exchangesAnswered: 0,
      notesAsked: 0,
      notesFailed: 0,
      notesReceived: 0,
      dropped: { forged: 3 },
    };
    shown.running = { state: () => host.state, host: host.counters, gossip };
    host.push({ type: 'tick' });
    await eventually(
      () => ops(calls),
      (seen) => seen.includes('registerTarget'),
    );
    await eventually(
      () => pages.health(),
      ({ ok }) => ok,
    );
    expect(pages.health()).toMatchObject({ ok: true, phase: 'serving', workload: 'healthy' });
    expect(pages.seat()).toMatchObject({ id: IDENTITY.instanceId, targets: [{ arn: TG, state: 'registered' }] });
    expect(pages.incidents()).toEqual([]);
    const text = pages.metrics();
    expect(text).toMatch(/^# TYPE synkti_gossip_dropped_total counter$/m);
    expect(text).toMatch(/^synkti_gossip_dropped_total\{reason="forged"\} 3$/m);
    expect(text).toMatch(/^synkti_up 1$/m);
    expect(text).toMatch(/^synkti_phase\{phase="serving"\} 1$/m);
    expect(text).toMatch(/^synkti_cloud_calls_total\{call="registerTarget ok"\} 1$/m);
    host.stop();
  });
});
