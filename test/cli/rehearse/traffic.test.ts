import { EventEmitter } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startTraffic } from '../../../cli/rehearse/traffic.js';
import { type Connection, TrafficRecord } from '../../../cli/rehearse/traffic-record.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** Sends one request after the other until `enough`. */
async function play(handler: Parameters<typeof createServer>[1], rate: number, enough: () => boolean) {
  const server = createServer({ keepAliveTimeout: 60_000 }, handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const traffic = startTraffic({ url, rate, timeoutMs: 1_500, slowMs: 1_200 });
  const giveUpAt = performance.now() + 15_000;
  while (!enough() && performance.now() < giveUpAt) await new Promise((resolve) => setTimeout(resolve, 10));
  return traffic.stop();
}

/** The generator sends for up to 100 ms more after the tally, which the server sees. */
function expectAbout(counted: number, seen: number): void {
  expect(counted).toBeLessThanOrEqual(seen);
  expect(counted).toBeGreaterThanOrEqual(seen - 20);
}

describe('traffic', () => {
  it('is steady, and counts every request that the server saw', async () => {
    const arrivals: number[] = [];
    const traffic = await play(
      (_, response) => {
        arrivals.push(performance.now());
        response.end('ok');
      },
      100,
      () => arrivals.length >= 250,
    );
    expect(traffic).toMatchObject({ failed: 0, failures: [] });
    expectAbout(traffic.sent, arrivals.length);
    expect(traffic.p50Ms).toBeGreaterThan(0);
    const afterStart = arrivals.slice(100);
    const gaps = afterStart.slice(1).map((ms, i) => ms - (afterStart[i] ?? 0));
    // One generator alone would be silent for most of each second.
    expect(Math.max(...gaps)).toBeLessThan(600);
  });

  it('counts answers of 500 and more, closed connections and time-outs as failed, one by one', async () => {
    let n = 0;
    const answers = { ok: 0, bad: 0, reset: 0, closed: 0, silent: 0 };
    const traffic = await play(
      (request, response) => {
        n++;
        if (n % 10 === 3) {
          answers.bad++;
          response.writeHead(502).end();
        } else if (n % 10 === 5) {
          answers.closed++;
          request.socket.end();
        } else if (n % 10 === 7) {
          answers.reset++;
          request.socket.resetAndDestroy();
        } else if (n % 40 === 9) {
          answers.silent++;
        } else {
          answers.ok++;
          response.end('ok');
        }
      },
      80,
      () => n >= 200,
    );
    const by = (reason: string): number => traffic.failures.filter((failure) => failure.reason === reason).length;
    expectAbout(by('502'), answers.bad);
    expectAbout(by('closed without an answer') + by('ECONNRESET'), answers.closed + answers.reset);
    expect(by('time-out')).toBeGreaterThanOrEqual(1);
    expectAbout(traffic.sent - traffic.failed, answers.ok);
    expect(traffic.failures.length).toBe(traffic.failed);
  });
});

describe('the record', () => {
  it('leaves out what is under way at the end and not late, and counts what is', () => {
    let now = 0;
    const record = new TrafficRecord(5_000, 1_000, () => now);
    const [late, recent] = [new EventEmitter(), new EventEmitter()];
    for (const connection of [late, recent]) record.follow(connection as unknown as Connection);
    late.emit('request');
    now = 1_500;
    recent.emit('request');
    expect(record.open).toBe(2);
    now = 1_600;
    const traffic = record.end();
    expect(traffic).toMatchObject({ sent: 1, failed: 1 });
    expect(traffic.failures).toEqual([{ startedMs: 0, endedMs: 1_600, reason: 'no answer at the end' }]);
    recent.emit('response', 502);
    expect(record.end().failed).toBe(1);
  });

  it('ignores an error without a request', () => {
    const record = new TrafficRecord(5_000, 1_000, () => 0);
    const connection = new EventEmitter();
    record.follow(connection as unknown as Connection);
    connection.emit('connError', new Error('x'));
    connection.emit('timeout');
    connection.emit('response', 200);
    expect(record.counts()).toEqual({ sent: 0, failed: 0 });
  });
});
