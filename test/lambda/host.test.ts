import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { AnyOutcome } from '../../core/fallback/port.js';
import { call, callAll, waitUntil } from '../../core/fallback/script.js';
import { monoMs } from '../../core/time.js';
import { putAnswer } from '../../lambda/answer.js';
import { Foreign } from '../../lambda/foreign.js';
import { budgetEnd } from '../../lambda/parts.js';
import { type Carry, limited, runScript } from '../../lambda/run.js';
import { environmentCredentials, readSettings } from '../../lambda/settings.js';
import { withPlainKeys } from '../../scripts/sdk-schemas.js';
import { at } from '../core/fixtures.js';

const ok = (value: unknown): AnyOutcome => ({ ok: true, value });
const describeNode = (instanceId: string) => ({ op: 'describeNode', instanceId }) as const;

describe('settings', () => {
  const environment = { SYNKTI_CLUSTER: 'web', AWS_REGION: 'eu-west-1' };

  it('have defaults, and take an empty variable for none', () => {
    expect(readSettings({ ...environment, SYNKTI_DRAIN_DOCUMENT: '' })).toEqual({
      cluster: 'web',
      region: 'eu-west-1',
      specParameter: '/synkti/web/spec',
      drainDocument: null,
      lease: null,
    });
    expect(readSettings({ ...environment, SYNKTI_SPEC_PARAMETER: '/x', SYNKTI_DRAIN_DOCUMENT: 'd' })).toMatchObject({
      specParameter: '/x',
      drainDocument: 'd',
    });
  });

  it.each([{}, { SYNKTI_CLUSTER: 'Web' }, { SYNKTI_CLUSTER: 'web' }])('%j is told in a sentence', (wrong) => {
    expect(() => readSettings(wrong)).toThrow(/^The environment variable (SYNKTI_CLUSTER|AWS_REGION) .*\.$/);
  });

  it('have a lease with all that it needs, or none', () => {
    const lent = { ...environment, SYNKTI_LEASE_MS: '600000', SYNKTI_STACK_ID: 'arn', SYNKTI_LEASE_BUCKET: 'b' };
    expect(readSettings(lent).lease).toEqual({ lengthMs: 600_000, stackId: 'arn', bucket: 'b' });
    for (const wrong of ['0', '-1', 'long', '1.5']) {
      expect(() => readSettings({ ...lent, SYNKTI_LEASE_MS: wrong })).toThrow(/SYNKTI_LEASE_MS must be a number of ms/);
    }
    expect(() => readSettings({ ...lent, SYNKTI_STACK_ID: '' })).toThrow(/SYNKTI_STACK_ID and SYNKTI_LEASE_BUCKET/);
  });

  it('credentials come from the environment alone', () => {
    const keys = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
    expect(environmentCredentials(keys)).toEqual({ accessKeyId: 'a', secretAccessKey: 'b' });
    expect(environmentCredentials({ ...keys, AWS_SESSION_TOKEN: 'c' }).sessionToken).toBe('c');
    expect(() => environmentCredentials({})).toThrow(/credentials/);
  });
});

describe('a script', () => {
  it('gets its answers in order, waits as long as it asks, and hands back its result', async () => {
    const pauses: number[] = [];
    const player = {
      carry: async (one: { op: string }) => ok('instanceId' in one ? one.instanceId : null),
      clock: () => at(1_000),
      pause: async (ms: number) => void pauses.push(ms),
    };
    const script = (function* () {
      const { outcome } = yield* call(describeNode('i-1'));
      yield* waitUntil(monoMs(1_500));
      yield* waitUntil(monoMs(500));
      const { answers } = yield* callAll([describeNode('i-2'), describeNode('i-3')], at(0));
      return [outcome, ...answers.map((one) => one.outcome)].map((one) => one.ok && one.value);
    })();
    expect(await runScript(script, player)).toEqual(['i-1', 'i-2', 'i-3']);
    expect(pauses).toEqual([500, 0]);
  });

  it('has at most a few calls under way, and goes on after each', async () => {
    let [busy, most] = [0, 0];
    const release: (() => void)[] = [];
    const slow: Carry = async (_call) => {
      most = Math.max(most, ++busy);
      await new Promise<void>((resolve) => release.push(resolve));
      busy--;
      return ok(null);
    };
    const carry = limited(slow, 2);
    const all = Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => carry(describeNode(id), 1_000)));
    for (let i = 0; i < 5; i++) {
      await expect.poll(() => release.length).toBeGreaterThan(0);
      release.shift()?.();
    }
    expect(await all).toHaveLength(5);
    expect([busy, most]).toEqual([0, 2]);
  });

  it('keeps time for the answer, half of it when little is left', () => {
    const end = (leftMs: number) => budgetEnd({ getRemainingTimeInMillis: () => leftMs }, at(1_000));
    expect([end(120_000), end(20_000), end(0)]).toEqual([101_000, 11_000, 1_000]);
  });
});

describe('foreign instances', () => {
  it('are remembered for a while, and not without end', () => {
    const foreign = new Foreign();
    foreign.add('i-1', monoMs(0));
    expect(foreign.has('i-1', monoMs(599_999))).toBe(true);
    expect(foreign.has('i-1', monoMs(600_000))).toBe(false);
    for (let i = 0; i < 3_000; i++) foreign.add(`i-${i}`, monoMs(0));
    expect(foreign.size).toBe(2_000);
    expect([foreign.has('i-0', monoMs(1)), foreign.has('i-2999', monoMs(1))]).toEqual([false, true]);
  });
});

describe("CloudFormation's answer", () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  it('is put as the URL was signed, and again when that fails', async () => {
    const seen: { method: string | undefined; type: string | undefined; body: string }[] = [];
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        seen.push({ method: request.method, type: request.headers['content-type'], body });
        response.writeHead(seen.length === 1 ? 503 : 200).end();
      });
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await putAnswer(`http://127.0.0.1:${port}/a?X-Amz-Signature=x`, '{"Status":"SUCCESS"}');
    expect(seen).toEqual(new Array(2).fill({ method: 'PUT', type: '', body: '{"Status":"SUCCESS"}' }));
  });
});

describe("the SDK's schemas", () => {
  it('have their constant keys written out, and nothing else changed', () => {
    const source = [
      'const _xN = "xmlName";',
      'const _It = "Item";',
      'const _p = "__proto__";',
      'export var A = [1, n0, _It, 0, [0, { [_xN]: _It, [_p]: 1, [other]: 2 }]];',
      'const f = cond ? [_xN] : 0;',
    ].join('\n');
    expect(withPlainKeys(source)).toBe(source.replace('{ [_xN]: _It', '{ "xmlName": _It'));
  });
});
