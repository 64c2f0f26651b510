import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../agent/config.js';
import {
  CRASH_LOOP_STARTS,
  giveBackDirectly,
  HOPELESS_STARTS,
  judgeStarts,
  noteCleanEnd,
  noteStart,
} from '../../agent/give-back.js';
import { type HttpServer, openHttp } from '../../agent/http.js';
import { createLog } from '../../agent/log.js';
import { renderMetrics } from '../../agent/metrics.js';
import { until } from '../../agent/retry.js';
import { checkSpec } from '../../agent/start.js';
import { seededRng } from '../../core/rng.js';

describe('configuration', () => {
  it('needs nothing', () => {
    expect(readConfig({})).toEqual({
      ok: true,
      config: {
        bindAddress: '0.0.0.0',
        stateDir: '/var/lib/synkti',
        http: { host: '127.0.0.1', port: 7947 },
        keepInstance: false,
        logLevel: 'info',
        imdsEndpoint: null,
        region: null,
        credentials: null,
      },
    });
  });

  it('shows its pages at a loopback bind address', () => {
    const read = readConfig({ SYNKTI_BIND_ADDRESS: '127.3.2.1', SYNKTI_KEEP_INSTANCE: '1' });
    expect(read.ok && read.config).toMatchObject({ http: { host: '127.3.2.1', port: 7947 }, keepInstance: true });
  });

  it.each([
    [{ SYNKTI_BIND_ADDRESS: 'localhost' }, /SYNKTI_BIND_ADDRESS is "localhost", but must be an IPv4 address/],
    [{ SYNKTI_HTTP: '0.0.0.0:80' }, /SYNKTI_HTTP .* loopback/],
    [{ SYNKTI_HTTP: '127.0.0.1:70000' }, /SYNKTI_HTTP/],
    [{ SYNKTI_LOG_LEVEL: 'loud' }, /one of debug, info, warn, error/],
    [{ AWS_EC2_METADATA_SERVICE_ENDPOINT: 'file:///etc' }, /http:\/\//],
  ])('%j is refused in one sentence', (env, problem) => {
    const read = readConfig(env);
    expect(read.ok ? '' : read.problem).toMatch(problem);
  });
});

describe('giving back', () => {
  it.each([
    [CRASH_LOOP_STARTS - 1, 'normal'],
    [CRASH_LOOP_STARTS, 'crash-loop'],
    [HOPELESS_STARTS, 'hopeless'],
  ])('%i starts within minutes are %s', (count, verdict) => {
    expect(
      judgeStarts(
        Array.from({ length: count }, (_, i) => 1_000 * i),
        10_000,
      ),
    ).toBe(verdict);
    expect(
      judgeStarts(
        Array.from({ length: count }, (_, i) => 1_000 * i),
        1_000_000,
      ),
    ).toBe('normal');
  });

  it('notes starts until a clean end, and survives a spoilt note', () => {
    const dir = mkdtempSync(join(tmpdir(), 'synkti-starts-'));
    const verdicts = [1, 2, 3, 4, 5].map((at) => noteStart(dir, at).verdict);
    expect(verdicts).toEqual(['normal', 'normal', 'normal', 'normal', 'crash-loop']);
    noteCleanEnd(dir);
    expect(noteStart(dir, 6).verdict).toBe('normal');
    writeFileSync(join(dir, 'starts.json'), '{"not": "a list"');
    expect(noteStart(dir, 7)).toEqual({ verdict: 'normal', problem: null });
    rmSync(dir, { recursive: true });
  });

  it('a state directory that cannot be written is only a problem to log', () => {
    const dir = mkdtempSync(join(tmpdir(), 'synkti-starts-'));
    const file = join(dir, 'file');
    writeFileSync(file, '');
    expect(noteStart(join(file, 'below'), 1).problem).toMatch(/can't be written/);
    expect(existsSync(file)).toBe(true);
    rmSync(dir, { recursive: true });
  });

  it('asks EC2 until it takes the order', async () => {
    let asked = 0;
    const problem = await giveBackDirectly({
      instanceId: 'i-1',
      terminate: async () => {
        asked += 1;
        if (asked < 3) return { ok: false, error: { kind: 'throttle', code: 'RequestLimitExceeded', message: '' } };
        return { ok: true, value: null };
      },
      pause: async () => {},
    });
    expect([problem, asked]).toEqual([null, 3]);
  });
});

describe('pages', () => {
  let server: HttpServer | null = null;
  afterEach(() => {
    server?.close();
    server = null;
  });
  const pages = {
    health: () => ({ ok: false, phase: 'starting' }),
    members: () => [],
    seat: () => ({}),
    incidents: () => {
      throw new Error('broken');
    },
    tasks: () => ({ tasks: [] }),
    metrics: () => 'x 1\n',
  };

  async function ask(path: string, options: { method?: string; host?: string } = {}) {
    server ??= await openHttp('127.0.0.1', 0, pages);
    const { port } = server;
    return new Promise<{ status: number; body: string }>((resolve, reject) => {
      const headers = options.host === undefined ? {} : { host: options.host };
      request({ host: '127.0.0.1', port, path, method: options.method ?? 'GET', headers }, (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      })
        .on('error', reject)
        .end();
    });
  }

  it('answer GET, and say when the node is not well', async () => {
    expect(await ask('/health')).toEqual({ status: 503, body: '{"ok":false,"phase":"starting"}\n' });
    expect((await ask('/members?x=1')).body).toBe('[]\n');
    expect((await ask('/metrics')).body).toBe('x 1\n');
    expect((await ask('/other')).status).toBe(404);
    expect((await ask('/incidents')).status).toBe(500);
  });

  it('answer nothing else, and nobody who came by another name', async () => {
    expect((await ask('/health', { method: 'POST' })).status).toBe(405);
    expect((await ask('/members', { host: 'evil.example' })).status).toBe(403);
    expect((await ask('/members', { host: '127.0.0.1.evil.example' })).status).toBe(403);
    expect((await ask('/members', { host: 'localhost:80' })).status).toBe(200);
  });

  it('a taken port is an error', async () => {
    await ask('/health');
    await expect(openHttp('127.0.0.1', server?.port ?? 0, pages)).rejects.toThrow(/EADDRINUSE/);
  });
});

it('metrics are escaped, typed and bounded', () => {
  const values = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`v${i}`, i]));
  const text = renderMetrics([
    { name: 'a', help: 'line\nbreak', label: null, values: { '': Number.NaN } },
    { name: 'b_total', help: 'b', label: 'kind', values: { 'say "x"\\\n': 1 } },
    { name: 'c', help: 'c', label: 'k', values },
  ]);
  const lines = text.split('\n');
  expect(lines.slice(0, 6)).toEqual([
    '# HELP synkti_a line\\nbreak',
    '# TYPE synkti_a gauge',
    'synkti_a NaN',
    '# HELP synkti_b_total b',
    '# TYPE synkti_b_total counter',
    'synkti_b_total{kind="say \\"x\\"\\\\\\n"} 1',
  ]);
  expect(lines.filter((line) => line.startsWith('synkti_c{'))).toHaveLength(100);
});

describe('log', () => {
  it('writes JSON lines with level, time, code and the names given', () => {
    const lines: string[] = [];
    const log = createLog('info', { write: (line) => lines.push(line) });
    log.name({ node: 'i-1' });
    log.write('debug', 'hidden');
    log.write('warn', 'seen', { code: 'not mine', n: 1 });
    expect(lines).toHaveLength(1);
    const { time, ...rest } = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    expect(Date.parse(String(time))).toBeGreaterThan(0);
    expect(rest).toEqual({ level: 'warn', node: 'i-1', code: 'seen', n: 1 });
  });

  it('keeps the latest lines, within bounds, though its output breaks', () => {
    const log = createLog('info', {
      write: () => {
        throw new Error('EPIPE');
      },
    });
    for (let i = 0; i < 3_000; i++) log.write('info', `line-${i}`, { text: 'x'.repeat(200) });
    expect(log.recent().length).toBeLessThanOrEqual(256 * 1_024);
    expect(log.recent()).toMatch(/"code":"line-2999"\}\n$/);
    expect(log.recent()).not.toMatch(/"code":"line-0"/);
  });
});

describe('start', () => {
  it('repeats a step until it succeeds, and logs a problem when it is new', async () => {
    const lines: string[] = [];
    const parts = {
      log: createLog('info', { write: (line) => lines.push(line) }),
      rng: seededRng(1),
      signal: new AbortController().signal,
    };
    let tries = 0;
    const value = await until(
      'spec',
      async () => (++tries < 3 ? { ok: false, problem: 'not there' } : { ok: true, value: 7 }),
      parts,
    );
    expect([value, tries]).toEqual([7, 3]);
    expect(lines.map((line) => (JSON.parse(line) as { code: string }).code)).toEqual(['start-waits', 'start-went-on']);
  });

  it('is ended by a signal, also in a pause', async () => {
    const abort = new AbortController();
    const parts = { log: createLog('error', { write: () => {} }), rng: seededRng(1), signal: abort.signal };
    const ended = until('spec', async () => ({ ok: false, problem: 'x' }), parts);
    abort.abort();
    expect(await ended).toBeNull();
  });

  it('an unreadable spec is a problem in one sentence that names the parameter', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const checked = checkSpec(text, '/synkti/web/spec', 'web', 'e1');
        expect(checked.ok ? '' : checked.problem).toMatch(/^SSM parameter \/synkti\/web\/spec: /);
      }),
    );
  });
});
