import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Balancer, type BalancerOptions } from '../../../local/balancer/balancer.js';
import type { FinishedRequest } from '../../../local/balancer/source.js';
import { eventually } from '../eventually.js';
import { startTarget, TestSource, type TestTarget } from './targets.js';

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function rig(targetNames: readonly string[], options: Partial<BalancerOptions> = {}) {
  const targets: TestTarget[] = [];
  for (const name of targetNames) {
    const target = await startTarget(name);
    targets.push(target);
    cleanups.push(() => target.close());
  }
  const source = new TestSource();
  source.list = targets.map((one) => one.candidate);
  const finished: FinishedRequest[] = [];
  const balancer = await Balancer.start({
    host: '127.0.0.1',
    port: 0,
    route: () => ({ kind: 'targets', source }),
    isCut: (instanceId) => source.cut.has(instanceId),
    connectTimeoutMs: 200,
    idleTimeoutMs: () => 5_000,
    onRequest: (one) => finished.push(one),
    ...options,
  });
  cleanups.push(() => balancer.close());
  const agent = new Agent({ keepAlive: true });
  cleanups.push(() => agent.destroy());
  const get = (path = '/', more: { method?: string; headers?: Record<string, string>; body?: string } = {}) =>
    new Promise<{ status: number; body: string; headers: IncomingMessage['headers'] }>((resolve, reject) => {
      const { body, ...rest } = more;
      const sent = request(`${balancer.url}${path}`, { agent, ...rest }, (response) => {
        let text = '';
        response.on('data', (data) => (text += String(data)));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers }));
        response.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(body);
    });
  return { targets, source, balancer, finished, get };
}

const at = <T>(list: readonly T[], index: number): T => {
  const found = list[index];
  if (found === undefined) throw new Error(`nothing at ${index}`);
  return found;
};

describe('load balancer', () => {
  it('spreads requests over its targets on connections that it keeps', async () => {
    const { targets, get, balancer, finished } = await rig(['a', 'b', 'c']);
    const bodies: string[] = [];
    for (let i = 0; i < 30; i++) bodies.push((await get()).body);
    for (const name of ['a', 'b', 'c']) expect(bodies.filter((one) => one === name)).toHaveLength(10);
    expect(targets.map((one) => one.connections)).toEqual([1, 1, 1]);
    expect(balancer.counters()).toMatchObject({ requests: 30, inFlight: 0, byStatus: { 200: 30 } });
    expect(finished).toHaveLength(30);
    expect(finished[0]).toMatchObject({ outcome: 'answered', status: 200 });
    expect(finished.every((one) => one.latencyMs > 0 && one.target !== null)).toBe(true);
  });

  it('passes method, path, body and headers on, but no hop-by-hop headers', async () => {
    const seen: { method?: string; url?: string; headers: IncomingMessage['headers']; body: string }[] = [];
    const echo = await startTarget('echo', (incoming, response) => {
      let body = '';
      incoming.on('data', (data) => (body += String(data)));
      incoming.on('end', () => {
        seen.push({ method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers, body });
        response.writeHead(201, { 'x-answer': 'yes', connection: 'close' });
        response.end('made');
      });
    });
    cleanups.push(() => echo.close());
    const { source, get } = await rig([]);
    source.list = [echo.candidate];
    const answer = await get('/path?q=1', {
      method: 'POST',
      body: 'hello',
      headers: { 'x-mine': '1', 'x-hop': '2', connection: 'x-hop', te: 'trailers', 'x-forwarded-for': '10.0.0.1' },
    });
    expect(answer).toMatchObject({ status: 201, body: 'made' });
    expect(answer.headers['x-answer']).toBe('yes');
    expect(answer.headers.connection).not.toBe('close');
    const got = at(seen, 0);
    expect(got).toMatchObject({ method: 'POST', url: '/path?q=1', body: 'hello' });
    expect(got.headers).toMatchObject({
      'x-mine': '1',
      'x-forwarded-for': '10.0.0.1, 127.0.0.1',
      'x-forwarded-proto': 'http',
    });
    expect(got.headers['x-hop']).toBeUndefined();
    expect(got.headers.te).toBeUndefined();
  });

  it('answers 503 without a target', async () => {
    const { get, finished } = await rig([]);
    expect((await get()).status).toBe(503);
    expect(finished[0]).toMatchObject({ outcome: 'no-target', target: null, status: 503 });
  });

  it('answers 502 when a target refuses or resets the connection', async () => {
    const { get, source, finished } = await rig(['gone']);
    await at(cleanups, 0)();
    expect((await get()).status).toBe(502);
    const sockets: Socket[] = [];
    const reset = createTcpServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      socket.once('data', () => socket.resetAndDestroy());
    }).listen(0, '127.0.0.1');
    await once(reset, 'listening');
    cleanups.push(() => reset.close());
    const address = reset.address();
    source.list = [
      {
        key: 'reset',
        instanceId: 'reset',
        host: '127.0.0.1',
        port: typeof address === 'object' ? (address?.port ?? 0) : 0,
      },
    ];
    expect((await get()).status).toBe(502);
    expect(finished.map((one) => one.outcome)).toEqual(['bad-gateway', 'bad-gateway']);
  });

  it('answers 504 when a target takes too long', async () => {
    const { get, finished } = await rig(['slow'], { idleTimeoutMs: () => 50 });
    expect((await get('/hold')).status).toBe(504);
    expect(finished[0]).toMatchObject({ outcome: 'timeout', status: 504 });
  });

  it('breaks an answer off when the target does', async () => {
    const half = await startTarget('half', (_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half');
      setImmediate(() => response.socket?.destroy());
    });
    cleanups.push(() => half.close());
    const { source, get, finished } = await rig([]);
    source.list = [half.candidate];
    await expect(get()).rejects.toThrow();
    await eventually('counted', () => finished[0]?.outcome === 'broken');
  });

  it('notes a client that goes away, and frees the target', async () => {
    const { balancer, targets, finished } = await rig(['a']);
    const sent = request(`${balancer.url}/hold`);
    sent.on('error', () => {});
    sent.end();
    await eventually('held', () => at(targets, 0).held.length === 1);
    sent.destroy();
    const one = await eventually('noted', () => finished[0]);
    expect(one).toMatchObject({ outcome: 'client-gone', status: 460 });
    expect(balancer.counters().inFlight).toBe(0);
  });

  it('ends a request with 502 when the deregistration delay of its target ends first', async () => {
    const { targets, get, balancer } = await rig(['a']);
    const held = get('/hold');
    await eventually('held', () => at(targets, 0).held.length === 1);
    balancer.drop('a');
    expect((await held).status).toBe(502);
  });

  it('prefers idle targets with least outstanding requests', async () => {
    const { source, targets, get } = await rig(['a', 'b']);
    source.algorithmName = 'least_outstanding_requests';
    const held = [get('/hold'), get('/hold')];
    await eventually('one each', () => targets.every((one) => one.held.length === 1));
    at(targets, 0).release();
    await Promise.race(held);
    const bodies = [(await get()).body, (await get()).body, (await get()).body];
    expect(bodies).toEqual(['a', 'a', 'a']);
    at(targets, 1).release();
    await Promise.all(held);
  });

  it('fails no request while targets come and go, and finishes what is in flight to one that left', async () => {
    const { source, targets, get, balancer } = await rig(['a', 'b', 'c', 'd']);
    const all = source.list;
    const held = get('/hold');
    await eventually('held', () => targets.some((one) => one.held.length === 1));
    let done = false;
    const statuses: number[] = [];
    const client = async (): Promise<void> => {
      while (!done) statuses.push((await get()).status);
    };
    const clients = Array.from({ length: 8 }, client);
    for (let round = 0; round < 40; round++) {
      const before = balancer.counters().requests;
      source.list = all.filter((_, i) => i !== round % all.length);
      await eventually('traffic', () => balancer.counters().requests >= before + 20);
    }
    done = true;
    await Promise.all(clients);
    source.list = all.filter((one) => one.key !== targets.find((t) => t.held.length > 0)?.candidate.key);
    for (const target of targets) target.release();
    expect((await held).status).toBe(200);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(statuses.length).toBeGreaterThan(500);
  });
});

describe('a target that is cut off', () => {
  it('neither answers nor refuses: 504 after the connect time-out', async () => {
    const { source, targets, get, finished } = await rig(['a']);
    await get();
    source.cut.add('a');
    expect((await get()).status).toBe(504);
    expect(finished.at(-1)).toMatchObject({ outcome: 'timeout' });
    expect(at(finished, 1).latencyMs).toBeGreaterThanOrEqual(190);
    expect(at(targets, 0).requests).toBe(1);
  });

  it('takes its requests in flight with it, even when its process dies', async () => {
    const { source, targets, get, balancer, finished } = await rig(['a'], { idleTimeoutMs: () => 100 });
    const held = get('/hold');
    await eventually('held', () => at(targets, 0).held.length === 1);
    source.cut.add('a');
    balancer.silence('a');
    at(targets, 0).release();
    await at(targets, 0).close();
    expect((await held).status).toBe(504);
    expect(finished).toHaveLength(1);
  });

  it('falls silent within an answer', async () => {
    const parts = await startTarget('parts', (_, response, target) => {
      response.writeHead(200, { 'content-length': 8 });
      response.write('1234');
      target.held.push(response);
    });
    cleanups.push(() => parts.close());
    const { source, balancer, finished } = await rig([], { idleTimeoutMs: () => 100 });
    source.list = [parts.candidate];
    const sent = request(balancer.url).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    balancer.silence('parts');
    parts.held[0]?.end('5678');
    let text = '';
    response.on('data', (data) => (text += String(data)));
    await once(response, 'error');
    expect(text).toBe('1234');
    expect(finished[0]).toMatchObject({ outcome: 'broken' });
  });
});
