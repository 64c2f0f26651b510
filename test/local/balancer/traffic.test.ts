import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { Balancer } from '../../../local/balancer/balancer.js';
import { KEPT_MINUTES, Traffic, TrafficBook } from '../../../local/balancer/traffic.js';
import { eventually } from '../eventually.js';
import { startTarget, TestSource } from './targets.js';

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const ok = { chosen: true, targetStatus: 200, headMs: 5, ownStatus: 0 };
const none = { chosen: false, targetStatus: 0, headMs: 0, ownStatus: 503 };

describe('traffic by minute', () => {
  it('counts targets, answers of its own and times apart', () => {
    const traffic = new Traffic();
    traffic.count(60_000, ok);
    traffic.count(119_999, { ...ok, targetStatus: 500 });
    traffic.count(119_999, { chosen: true, targetStatus: 0, headMs: 0, ownStatus: 502 });
    traffic.count(120_000, none);
    const [first, second] = traffic.minutes();
    expect(first).toMatchObject({ minute: 1, requests: 3, ownAnswers: new Map([[502, 1]]) });
    expect([first?.targetAnswers[2], first?.targetAnswers[5], first?.times?.count]).toEqual([1, 1, 2]);
    expect(second).toEqual({
      minute: 2,
      requests: 0,
      targetAnswers: [],
      ownAnswers: new Map([[503, 1]]),
      times: null,
    });
  });

  it('keeps three hours, and goes on in the latest minute when the clock is set back', () => {
    const traffic = new Traffic();
    for (let minute = 0; minute < 500; minute++) traffic.count(minute * 60_000, ok);
    traffic.count(0, ok);
    expect(traffic.minutes()).toHaveLength(KEPT_MINUTES);
    expect(traffic.minutes()[0]?.minute).toBe(500 - KEPT_MINUTES);
    expect(traffic.minutes().at(-1)).toMatchObject({ minute: 499, requests: 2 });
    traffic.count(10_000 * 60_000, ok);
    expect(traffic.minutes().map(({ minute }) => minute)).toEqual([10_000]);
  });

  it('holds so many pairs of load balancer and target group, and drops the oldest', () => {
    const book = new TrafficBook();
    const first = book.of('a', 'first');
    expect(book.of('a', 'first')).toBe(first);
    expect(book.of('b', 'first')).not.toBe(first);
    for (let i = 0; i < 200; i++) book.of('a', `${i}`).count(0, ok);
    expect(book.all()).toHaveLength(64);
    expect(book.all().at(-1)?.groupArn).toBe('199');
    expect(book.of('a', 'first')).not.toBe(first);
  });
});

describe('what a load balancer counts', () => {
  it('tells answers of targets from its own, and counts no request without a target', async () => {
    const traffic = new Traffic();
    const source = new TestSource();
    const target = await startTarget('a', (incoming, response) => {
      if (incoming.url === '/reset') incoming.socket.destroy();
      else if (incoming.url === '/break') {
        response.writeHead(200, { 'content-length': '100' });
        response.write('half', () => incoming.socket.destroy());
      } else if (incoming.url === '/slow') setTimeout(() => response.end('late'), 40);
      else if (incoming.url !== '/never') response.writeHead(incoming.url === '/500' ? 500 : 200).end('body');
    });
    const balancer = await Balancer.start({
      host: '127.0.0.1',
      port: 0,
      route: () => ({ kind: 'targets', source, traffic }),
      isCut: () => false,
      connectTimeoutMs: 200,
      idleTimeoutMs: () => 150,
    });
    cleanups.push(
      () => target.close(),
      () => balancer.close(),
    );
    const ask = async (path: string): Promise<number> => {
      const sent = request(`${balancer.url}${path}`, { agent: false });
      sent.end();
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      response.resume();
      response.on('error', () => {});
      await new Promise<void>((resolve) => response.once('close', () => resolve()));
      return response.statusCode ?? 0;
    };
    expect(await ask('/none')).toBe(503);
    source.list = [target.candidate];
    const statuses: number[] = [];
    for (const path of ['/', '/', '/slow', '/500', '/reset', '/never', '/break']) statuses.push(await ask(path));
    expect(statuses).toEqual([200, 200, 200, 500, 502, 504, 200]);
    const sum = (of: (minute: ReturnType<Traffic['minutes']>[number]) => number): number =>
      traffic.minutes().reduce((total, minute) => total + of(minute), 0);
    await eventually('the count of the broken answer', () => sum(({ requests }) => requests) === 7);
    expect(sum(({ targetAnswers }) => targetAnswers[2] ?? 0)).toBe(4);
    expect(sum(({ targetAnswers }) => targetAnswers[5] ?? 0)).toBe(1);
    for (const status of [502, 503, 504]) expect(sum(({ ownAnswers }) => ownAnswers.get(status) ?? 0)).toBe(1);
    expect(sum(({ times }) => times?.count ?? 0)).toBe(5);
    const slowest = Math.max(...traffic.minutes().map(({ times }) => times?.maxMs ?? 0));
    expect(slowest).toBeGreaterThan(35);
    expect(slowest).toBeLessThan(150);
  });
});
