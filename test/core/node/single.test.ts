/** One brain by itself: what goes in as events, what comes out as effects. */
import { describe, expect, it } from 'vitest';
import type { CloudCall } from '../../../core/cloud.js';
import type { NodeEffect } from '../../../core/node/port.js';
import { failure, memberOf, nodeViewOf, policyOf, seatOf, specOf } from '../fixtures.js';
import { Host, SELF, servingHost } from './host.js';

const callsOf = (effects: readonly NodeEffect[]): CloudCall[] =>
  effects.flatMap((effect) => (effect.type === 'call' ? [effect.call] : []));
const opsOf = (effects: readonly NodeEffect[]): string[] => callsOf(effects).map(({ op }) => op);
const OK = { ok: true, value: null } as const;

describe('before it serves', () => {
  it('looks at EC2 first, and starts nothing until it has seen it', () => {
    const host = new Host();
    expect(opsOf(host.step())).toEqual(['findNodes']);
    host.step();
    expect(host.done('start-workload')).toEqual([]);
    expect(opsOf(host.effects)).toEqual(['findNodes']);
    host.answer('findNodes', { ok: true, value: [nodeViewOf(SELF, seatOf(1, 4))] });
    expect(host.done('start-workload')).toEqual([{ type: 'start-workload', name: 'api' }]);
  });

  it.each([
    ['a twin that wins', seatOf(1, 4), 'surplus'],
    ['a successor', seatOf(1, 5), 'superseded'],
  ] as const)('%s: it leaves without ever starting a workload, and gives its machine back', (_, seat, cause) => {
    const host = new Host({ seat: seatOf(1, 4, 1) });
    host.step();
    host.answer('findNodes', { ok: true, value: [nodeViewOf('i-1', seat)] });
    expect(host.state.leaving?.cause).toBe(cause);
    drain(host, 60_000);
    expect(host.calls('terminate')).toEqual([{ op: 'terminate', instanceId: SELF }]);
    expect(host.done('exit').length).toBe(1);
    expect(host.done('start-workload')).toEqual([]);
    expect(host.calls('launch')).toEqual([]);
    expect(host.calls('registerTarget')).toEqual([]);
  });

  it('asks again when EC2 does not answer, and takes work after its patience: an idle node helps nobody', () => {
    const host = new Host();
    host.pass(4_900, ({ call }) => (call.op === 'findNodes' ? failure('throttle') : null));
    expect(host.calls('findNodes').length).toBeGreaterThan(1);
    expect(host.done('start-workload')).toEqual([]);
    host.pass(200, () => failure('throttle'));
    expect(host.done('start-workload').length).toBe(1);
  });
});

describe('registration', () => {
  it('comes only when the workload is healthy', () => {
    const host = new Host();
    host.step();
    host.answer('findNodes', { ok: true, value: [] });
    host.health('starting', null);
    host.health('unhealthy', null);
    expect(host.calls('registerTarget')).toEqual([]);
    expect(opsOf(host.health('healthy'))).toContain('registerTarget');
  });

  it('is repeated after a failure with a pause, not at every event', () => {
    const host = new Host();
    host.step();
    host.answer('findNodes', { ok: true, value: [] });
    host.health('healthy');
    host.answer('registerTarget', failure('throttle'));
    host.health('healthy');
    expect(host.calls('registerTarget').length).toBe(1);
    host.pass(1_000);
    expect(host.calls('registerTarget').length).toBe(2);
  });

  it('makes it healthy to others: a node without its registration is still starting', () => {
    const host = new Host();
    host.step();
    host.answer('findNodes', { ok: true, value: [] });
    host.health('healthy');
    expect(host.state.meta.workload).toBe('starting');
    host.answer('registerTarget', OK);
    expect(host.state.meta.workload).toBe('healthy');
    host.step();
    expect(host.asked('tagNode').map(({ call }) => call)).toEqual([
      {
        op: 'tagNode',
        instanceId: SELF,
        // Whatever a former life of the agent told is taken back on the way.
        tags: { 'synkti:state': 'serving', 'synkti:waiting': '', 'synkti:hears': '' },
      },
    ]);
  });
});

describe('an interruption notice', () => {
  it('in the same step: peers are told, the seat is pursued, the target deregistered, nothing stopped', () => {
    const host = servingHost();
    const effects = host.interrupt(120_000);
    expect(host.state.meta.leaving).toMatchObject({ cause: 'interruption' });
    const told = effects.some(
      (e) =>
        e.type === 'datagram' &&
        e.messages.some((m) => m.type === 'alive' && m.member.id === SELF && m.member.meta.leaving !== null),
    );
    expect(told).toBe(true);
    expect(opsOf(effects)).toEqual(expect.arrayContaining(['deregisterTarget', 'readHint']));
    expect(effects.some((e) => e.type === 'stop-workload')).toBe(false);
    const launch = callsOf(host.answer('readHint', { ok: true, value: null }))[0];
    expect(launch).toMatchObject({ op: 'launch', request: { seat: seatOf(1, 5), market: 'spot' } });
  });

  it('seen again at every poll does nothing more', () => {
    const host = servingHost();
    const body = JSON.stringify({ action: 'terminate', time: '2026-01-17T10:02:00Z' });
    host.imds('spot/instance-action', 200, body);
    const calls = host.done('call').length;
    for (let i = 0; i < 50; i++) host.imds('spot/instance-action', 200, body);
    expect(host.done('call').length).toBe(calls);
  });

  it('the workload is not stopped before the deregistration is done and served out', () => {
    const host = servingHost();
    host.interrupt(120_000);
    for (let s = 0; s < 60; s++) {
      host.pass(1_000, ({ call }) => (call.op === 'deregisterTarget' ? failure('throttle') : null));
      host.health('healthy', 0);
    }
    expect(host.done('stop-workload')).toEqual([]);
    host.pass(15_000, ({ call }) => (call.op === 'deregisterTarget' ? OK : null));
    const since = host.now;
    while (host.done('stop-workload').length === 0 && host.now < 120_000) {
      host.pass(250);
      host.health('healthy', 0);
    }
    expect(host.done('stop-workload')).toEqual([{ type: 'stop-workload', name: 'api', graceMs: 10_000 }]);
    expect(host.now).toBeGreaterThanOrEqual(since);
    expect(host.state.drain?.ledger.steps['keep-serving'].outcome).toBe('done');
  });

  it('is drained without ending itself: AWS takes the machine and does not bill its first hour', () => {
    const host = servingHost();
    host.interrupt(20_000);
    drain(host, 60_000);
    expect(host.state.phase).toBe('drained');
    expect(host.calls('terminate')).toEqual([]);
    expect(host.done('exit')).toEqual([]);
    expect(host.calls('putObject').length).toBeGreaterThan(0);
    expect(host.done('save-log').length).toBe(1);
  });

  it('after a stop was asked: still no terminate', () => {
    const host = servingHost();
    host.step({ type: 'stop', reason: 'signal' });
    host.interrupt(20_000);
    drain(host, 60_000);
    expect(host.state.drain?.ledger.cause).toBe('interruption');
    expect(host.calls('terminate')).toEqual([]);
  });

  it('during the drain the incident report names the replacement, also when it came after the first words', () => {
    const host = servingHost();
    host.interrupt(20_000);
    host.answer('deregisterTarget', OK);
    const late = host.asked('readHint')[0];
    for (let s = 0; s < 80; s++) {
      host.pass(250, ({ call }) => (call.op === 'putObject' ? OK : null));
      host.health(host.done('stop-workload').length > 0 ? 'stopped' : 'healthy', 0);
      if (s === 60 && late !== undefined) {
        expect(host.state.phase).toBe('drained');
        drain(host, 20_000);
      }
    }
    const bodies = host.calls('putObject').map((call) => (call.op === 'putObject' ? call.body : ''));
    expect(bodies[0]).toContain('"replacement":null');
    expect(bodies[bodies.length - 1]).toContain('"replacement":"i-new"');
  });

  it('who launched the replacement is written down, for people to read', () => {
    const host = servingHost();
    host.interrupt(120_000);
    host.answer('readHint', { ok: true, value: null });
    host.answer('launch', { ok: true, value: { instanceIds: ['i-new'], errors: [] } });
    const [record] = host.asked('putObject');
    expect(record?.call).toMatchObject({ key: 'seats/launched/1.5.json' });
    const body = record?.call.op === 'putObject' ? record.call.body : '';
    expect(JSON.parse(body)).toMatchObject({
      instanceId: 'i-new',
      by: 'agent',
      launcher: SELF,
      seat: { generation: 5 },
    });
    expect(
      host.answer('putObject', { ok: false, error: { kind: 'configuration', code: 'AccessDenied', message: 'no' } }),
    ).toEqual([]);
  });
});

describe('a stop on purpose', () => {
  it('fills the seat, drains, and gives the machine back', () => {
    const host = servingHost();
    const effects = host.step({ type: 'stop', reason: 'signal' });
    expect(opsOf(effects)).toEqual(expect.arrayContaining(['deregisterTarget', 'readSpec']));
    drain(host, 150_000);
    expect(host.calls('launch').length).toBe(1);
    expect(host.calls('terminate')).toEqual([{ op: 'terminate', instanceId: SELF }]);
    expect(host.done('exit').length).toBe(1);
    expect(host.state.phase).toBe('gone');
  });

  it('asks for no successor when the whole cluster is being ended', () => {
    const host = servingHost();
    const ended = JSON.stringify({ ...host.state.spec, version: host.state.spec.version + 1, desired: 0 });
    host.step({ type: 'stop', reason: 'signal' });
    drain(host, 150_000, { readSpec: { ok: true, value: ended } });
    expect(host.calls('launch')).toEqual([]);
    expect(host.calls('terminate').length).toBe(1);
  });

  it('does not give it back before its seat is filled, and asks again when ending itself fails', () => {
    const host = servingHost();
    host.step({ type: 'stop', reason: 'crash-loop' });
    let refusals = 0;
    drain(host, 100_000, { launch: failure('throttle') });
    expect(host.state.phase).toBe('drained');
    expect(host.calls('terminate')).toEqual([]);
    drain(host, 300_000, { terminate: () => (refusals++ < 2 ? failure('throttle') : OK) });
    expect(host.calls('terminate').length).toBe(3);
    expect(host.done('exit').length).toBe(1);
  });

  it('keeps the machine when told to', () => {
    const host = servingHost({ keepInstance: true });
    host.step({ type: 'stop', reason: 'signal' });
    drain(host, 150_000);
    expect(host.calls('terminate')).toEqual([]);
    expect(host.done('exit').length).toBe(1);
  });

  it('asked again when drained exits at once', () => {
    const host = servingHost();
    host.interrupt(10_000);
    drain(host, 30_000);
    host.step({ type: 'stop', reason: 'signal' });
    expect(host.done('exit').length).toBe(1);
    expect(host.calls('terminate')).toEqual([]);
  });
});

describe('a rebalance recommendation', () => {
  const recommend = (host: Host): readonly NodeEffect[] =>
    host.imds('events/recommendations/rebalance', 200, '{"noticeTime":"2026-01-17T10:00:00Z"}');

  it('asks for a spare and goes on serving; the spare is not asked again when there is none to have', () => {
    const host = servingHost();
    expect(opsOf(recommend(host))).toEqual(['readHint']);
    host.answer('readHint', { ok: true, value: null });
    host.answer('launch', failure('capacity'));
    host.pass(60_000);
    expect(host.state.phase).toBe('serving');
    expect(host.calls('launch').length).toBe(1);
    expect(host.calls('deregisterTarget')).toEqual([]);
  });

  it('a spare that serves does not end it; when the risk has passed it says so', () => {
    const host = servingHost({ spec: specOf({ policy: policyOf({ atRiskMs: 30_000 }) }) });
    recommend(host);
    expect(host.state.meta.standby).toBe('keep');
    host.hear(memberOf('i-6', { seat: seatOf(1, 5) }, { address: { host: '10.0.0.6', port: 7946 } }));
    host.now += 10_000;
    host.step();
    expect(host.state.phase).toBe('serving');
    host.now += 25_000;
    host.hear(memberOf('i-6', { seat: seatOf(1, 5) }, { address: { host: '10.0.0.6', port: 7946 } }));
    expect(host.state.meta.standby).not.toBe('keep');
  });

  it('is ignored by policy', () => {
    const host = servingHost({ spec: specOf({ policy: policyOf({ rebalance: 'ignore' }) }) });
    expect(opsOf(recommend(host))).toEqual([]);
  });
});

describe('answers', () => {
  it('that never come expire: a lost launch is asked for again with the same token', () => {
    const host = servingHost();
    host.interrupt(120_000);
    host.answer('readHint', { ok: true, value: null });
    host.pass(40_000, ({ call }) => (call.op === 'readHint' ? OK : null));
    const tokens = host.calls('launch').map((call) => (call.op === 'launch' ? call.request.token : ''));
    expect(tokens.length).toBeGreaterThan(1);
    expect(new Set(tokens).size).toBe(1);
  });

  it('that come late are ignored', () => {
    const host = servingHost();
    host.interrupt(120_000);
    host.answer('readHint', { ok: true, value: null });
    const late = host.asked('launch')[0];
    host.pass(21_000);
    const before = host.state.pursuits.get(1);
    if (late !== undefined) host.reply(late, { ok: true, value: { instanceIds: ['i-new'], errors: [] } });
    expect(host.state.pursuits.get(1)).toEqual(before);
  });

  it('that come twice, or to calls that were never made, are ignored', () => {
    const host = servingHost();
    host.interrupt(120_000);
    const call = host.asked('deregisterTarget')[0];
    if (call === undefined) throw new Error('Nothing was deregistered.');
    host.reply(call, OK);
    const before = host.done('call').length;
    host.step({ type: 'outcome', id: call.id, outcome: failure('throttle') });
    host.step({ type: 'outcome', id: 9_999, outcome: OK });
    expect(host.state.targets[0]?.state).toBe('removed');
    expect(host.done('call').length).toBe(before);
  });
});

describe('two pursuits of one slot, one after the other', () => {
  it('an answer to the first is not taken for an answer to the second', () => {
    const host = servingHost({ spec: specOf({ policy: policyOf({ atRiskMs: 1_000 }) }) });
    host.imds('events/recommendations/rebalance', 200, '{"noticeTime":"2026-01-17T10:00:00Z"}');
    const first = host.asked('readHint')[0];
    host.now += 1_500;
    host.step();
    expect(host.state.pursuits.size).toBe(0);
    host.interrupt(120_000);
    const second = host.asked('readHint')[1];
    if (first === undefined || second === undefined) throw new Error('Two hints should have been asked for.');
    host.reply(second, OK);
    expect(host.asked('launch').length).toBe(1);
    host.reply(first, OK);
    expect(host.state.pursuits.get(1)).toMatchObject({ stage: 'launch', asked: true });
    host.answer('launch', { ok: true, value: { instanceIds: ['i-new'], errors: [] } });
    expect(host.state.pursuits.get(1)?.launched?.instanceId).toBe('i-new');
  });
});

describe('a brain that is gone', () => {
  it('answers nothing more, and names no deadline', () => {
    const host = servingHost({ keepInstance: true });
    host.step({ type: 'stop', reason: 'signal' });
    drain(host, 150_000);
    expect(host.state.phase).toBe('gone');
    const before = host.effects.length;
    host.interrupt(120_000);
    for (const call of [...host.open]) host.reply(call, failure('unknown'));
    host.now += 600_000;
    host.step();
    expect(host.effects.length).toBe(before);
    expect(host.nextMs()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('IMDS', () => {
  it('errors, 404s with bodies and garbage change nothing', () => {
    const host = servingHost();
    const notice = '{"action":"terminate","time":"2026-01-17T10:02:00Z"}';
    for (const [status, body] of [
      [0, ''],
      [404, notice],
      [503, notice],
      [401, ''],
      [200, '<html>'],
      [200, '[[['],
    ] as const) {
      host.imds('spot/instance-action', status, body);
    }
    expect(host.state.phase).toBe('serving');
    expect(host.calls('deregisterTarget')).toEqual([]);
  });
});

/** Answers everything well (or as `change` says) and reports an idle workload, for a while. */
type Answers = Partial<
  Record<CloudCall['op'], NonNullable<Parameters<Host['reply']>[1]> | (() => Parameters<Host['reply']>[1])>
>;
function drain(host: Host, ms: number, change: Answers = {}): void {
  const until = host.now + ms;
  while (host.now < until && host.state.phase !== 'gone') {
    host.pass(250, ({ call }) => {
      const special = change[call.op];
      if (special !== undefined) return typeof special === 'function' ? special() : special;
      if (call.op === 'launch') return { ok: true, value: { instanceIds: ['i-new'], errors: [] } };
      if (call.op === 'findNodes') return { ok: true, value: [nodeViewOf('i-new', seatOf(1, 5))] };
      if (call.op === 'writeHint') return { ok: true, value: { etag: 'e' } };
      if (call.op === 'readSpec') return { ok: true, value: JSON.stringify(host.spec) };
      return OK;
    });
    const running = host.done('start-workload').length > host.done('stop-workload').length;
    host.health(running ? 'healthy' : 'stopped', 0);
  }
}
